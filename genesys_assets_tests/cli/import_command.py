"""The command `import`, run in this process, and the lines that it prints."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from genesys_assets.cli.app import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


def command(asset: str, first: str = "2026-01-28", last: str = "2026-01-28") -> str:
    selected = f'key:"genesys/pages/{asset}"+1 and group:tables'
    return f"    dg launch --assets '{selected}' --partition-range '{first}...{last}'"
