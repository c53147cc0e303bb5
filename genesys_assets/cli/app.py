"""The command line with all its commands, and what these share: `.env`, help, exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from genesys_assets.cli import forgetting, importing, plan, preflight, reports, sandbox, status, warehouse

app = typer.Typer(
    name="genesys-assets",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Settings come from the environment, and from .env beside dagster.yaml (in $DAGSTER_HOME, else here).
Exit codes: 0 success, 1 something failed and is named, 2 wrong usage (status: also if the state is unknown).
Progress is shown on a terminal only; what is printed is the result.""",
)


@app.callback()
def everything() -> None:
    """Genesys Cloud analytics in your own lake: the commands beside the Dagster UI."""
    from dotenv import dotenv_values, load_dotenv

    path = Path(os.environ.get("DAGSTER_HOME", ".")) / ".env"
    overridden = [
        name
        for name, value in dotenv_values(path).items()
        if name.startswith("GENESYS_") and os.environ.get(name, value) != value
    ]
    if overridden:
        typer.echo(f"Ignored from the environment, because {path} sets it too: {', '.join(overridden)}.", err=True)
    # As with Dagster's own commands, .env overrides the environment.
    load_dotenv(path, override=True)


app.command("preflight", short_help="Check that your organisation can be read.", epilog=preflight.EXAMPLES)(
    preflight.preflight
)
app.command("status", short_help="Show what is stored, what is missing, and how late.", epilog=status.EXAMPLES)(
    status.status
)
app.command("plan", short_help="Estimate what a range of days costs.", epilog=plan.EXAMPLES, no_args_is_help=True)(
    plan.plan
)
app.command("import", epilog=importing.EXAMPLES)(importing.import_saved)
app.command("take-back", epilog=importing.TAKE_BACK_EXAMPLES)(importing.take_back_imported)
app.command("forget", short_help="Remove somebody from everything that is stored.", epilog=forgetting.EXAMPLES)(
    forgetting.forget
)
app.command("warehouse", short_help="Print SQL that registers the lake in a warehouse.", epilog=warehouse.EXAMPLES)(
    warehouse.warehouse
)
app.add_typer(reports.app, name="reports", short_help="Check a file of reports, preview a report of a day.")
# The sandbox has its own command line, which also works as `python -m genesys_assets.sandbox`.
app.command(
    "sandbox",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(sandbox.sandbox)


class _WithoutPandas:
    """An import hook that makes pandas look as if it were not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


_WITHOUT_PANDAS = ("import", "take-back")
"""Commands that need no pandas. pyarrow imports it with the first array that it makes, only to see whether a value is a
Series. That takes 36 MB, of the 200 MB that these commands may take.
"""


def main() -> None:
    if sys.argv[1:] and sys.argv[1] in _WITHOUT_PANDAS:
        sys.meta_path.insert(0, _WithoutPandas())
    app(prog_name="genesys-assets")
