"""`genesys-assets warehouse`: prints SQL that registers the lake in a warehouse. The package `warehouse` makes the
SQL.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, NoReturn

import typer

EXAMPLES = """\b
examples:
  genesys-assets warehouse athena > register.sql
      the lake of GENESYS_ASSETS_LAKE, which lies on S3
  genesys-assets warehouse trino --catalog delta --schema genesys
  genesys-assets warehouse snowflake --external-volume genesys_lake
  genesys-assets warehouse databricks --catalog main --location s3://my-bucket/genesys
  genesys-assets warehouse dbt > models/sources.yml"""


class Target(StrEnum):
    """Which warehouse or tool."""

    ATHENA = "athena"
    TRINO = "trino"
    SNOWFLAKE = "snowflake"
    DATABRICKS = "databricks"
    DBT = "dbt"


def warehouse(
    target: Annotated[Target, typer.Argument(help="Which warehouse or tool.")],
    location: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The lake as the warehouse reaches it. Default: GENESYS_ASSETS_LAKE."),
    ] = None,
    schema: Annotated[str, typer.Option(metavar="NAME", help="The schema, or database, of the tables.")] = "genesys",
    catalog: Annotated[str, typer.Option(metavar="NAME", help="The catalogue of Trino or Databricks.")] = "delta",
    volume: Annotated[
        str, typer.Option("--external-volume", metavar="NAME", help="Snowflake's external volume of the lake.")
    ] = "genesys_lake",
) -> None:
    """Print SQL that registers every table of the lake with a warehouse, or sources.yml for dbt.

    The tables stay where they are. The statements may be run again, for example after a report was added; Trino then
    refuses those of tables that it has already. The command does not run them, and none of them writes to the lake.
    """
    from genesys_assets.reports.built_in import built_in_reports, operating_reports
    from genesys_assets.reports.custom import CustomReports
    from genesys_assets.reports.meaning.questions import all_questions, families_of
    from genesys_assets.settings import AggregatesSettings, LakeSettings, ReportSettings, SettingError
    from genesys_assets.warehouse.dbt import sources
    from genesys_assets.warehouse.statements import STATEMENTS, Names
    from genesys_assets.warehouse.tables import SharedName, lake_tables, require_distinct_names

    try:
        custom = CustomReports.read(ReportSettings.load().file)
        further = AggregatesSettings.load().families
        place = LakeSettings.load(lake=location).location.rstrip("/")
    except SettingError as error:
        _fail(str(error))
    if custom.problems:
        _fail(f"{custom.path} has mistakes. Correct it first: genesys-assets reports check {custom.path}")
    if target is not Target.DBT and "://" not in place:
        _fail(
            f"The lake is the folder {place}, which {target} cannot read. Pass the URL at which it reaches the lake, "
            "for example "
            "--location s3://my-bucket/genesys."
        )
    reports = [*built_in_reports(), *custom.reports]
    tables = lake_tables([*reports, *operating_reports()], families_of(all_questions(reports, further)))
    try:
        require_distinct_names(tables)
    except SharedName as error:
        _fail(str(error))
    names = Names(place, schema, catalog, volume)
    if target is Target.DBT:
        import yaml

        typer.echo(yaml.safe_dump(sources(tables, names), sort_keys=False, allow_unicode=True, width=110), nl=False)
        return
    typer.echo("\n\n".join(STATEMENTS[target](tables, names)))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
