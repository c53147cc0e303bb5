"""`genesys-assets sandbox`: see `genesys_assets.sandbox.__main__`, which reads the options."""

from __future__ import annotations

import typer


def sandbox(context: typer.Context) -> None:
    """Serve a made-up organisation on this machine, until Ctrl-C."""
    from genesys_assets.sandbox.__main__ import main

    raise typer.Exit(main(context.args, program="genesys-assets sandbox"))
