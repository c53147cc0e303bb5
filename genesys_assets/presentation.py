"""What Dagster shows of an asset before its first run: its place in the lake and, if it has them, its table name in a
warehouse, its columns, the lineage of the columns, its code version and its freshness policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from genesys_assets.assets.common import column_schema, due_every
from genesys_assets.cloud.reference import LISTINGS
from genesys_assets.days import DAY
from genesys_assets.days.limits import HOURS_LIMIT, PUBLISHED_LIMIT
from genesys_assets.days.sources import DAILY_AGGREGATES
from genesys_assets.keys import LAYER, PLACE, asset_key, place, untranslated_key
from genesys_assets.lake.files import PAGES
from genesys_assets.reports.built_in import operating_reports
from genesys_assets.reports.meaning.lineage import Origin, lineage
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import TableSpec
from genesys_assets.warehouse.statements import Names
from genesys_assets.warehouse.tables import lake_tables

if TYPE_CHECKING:
    from genesys_assets.layers import Contents
    from genesys_assets.reports.meaning.report import Report

Translate = Callable[[dg.AssetSpec], dg.AssetSpec]
_VERSION_LENGTH = 12
_DAILY_PLACES = {
    DAILY_AGGREGATES,
    *(f"tables/{spec.name}" for spec in (*DAY_TABLES, INTERVAL_METRICS, DAILY_METRICS)),
}


@dataclass(frozen=True, slots=True)
class Where:
    """Where lake and published files are: folders, or `s3://bucket/prefix`."""

    lake: str
    published: str


def describe_assets(
    assets: Iterable[Any], contents: Contents, where: Where, translate: Translate | None
) -> Iterable[Any]:
    """The assets with their metadata, translated. They must have been built within `keys.naming`."""
    descriptions = _Descriptions.of(contents, where)
    return dg.map_asset_specs(lambda spec: _described(spec, descriptions, translate), assets)


def describe_report_asset(
    asset: dg.AssetsDefinition, report: Report, lake: str, translate: Translate | None
) -> Iterable[dg.AssetsDefinition]:
    """The asset of one report, as `describe_assets` gives it. `lake` is the lake's location."""
    at = f"reports/{report.name}"
    table_name = f"{Names('').schema}.{report.name}"
    descriptions = _Descriptions({at: report.spec}, {at: table_name}, {at: report}, Where(lake, ""))
    return dg.map_asset_specs(lambda spec: _described(spec, descriptions, translate), [asset])


def _described(spec: dg.AssetSpec, descriptions: _Descriptions, translate: Translate | None) -> dg.AssetSpec:
    at = place(untranslated_key(spec.key))
    described = spec.merge_attributes(metadata=descriptions.metadata(at)).replace_attributes(
        code_version=spec.code_version or descriptions.version(at),
        freshness_policy=spec.freshness_policy or descriptions.freshness_policy(at),
    )
    return described if translate is None else _translated(described, translate)


def _translated(spec: dg.AssetSpec, translate: Translate) -> dg.AssetSpec:
    """The translated spec, except for the attributes by which the pipeline finds its assets."""
    untranslated = spec.replace_attributes(key=untranslated_key(spec.key))
    return (
        translate(untranslated)
        .replace_attributes(key=spec.key, deps=spec.deps, partitions_def=spec.partitions_def, skippable=spec.skippable)
        .merge_attributes(tags={LAYER: spec.tags[LAYER]}, metadata={PLACE: spec.metadata[PLACE]})
    )


@dataclass(frozen=True, slots=True)
class _Descriptions:
    """What the metadata of assets is made of. `tables`, `names` (of tables in a warehouse) and `reports` are keyed by
    place in the lake, as `reports/agent_day`.
    """

    tables: Mapping[str, TableSpec]
    names: Mapping[str, str]
    reports: Mapping[str, Report]
    where: Where

    @classmethod
    def of(cls, contents: Contents, where: Where) -> _Descriptions:
        reports = [*contents.built_in, *contents.other_reports, *operating_reports()]
        tables = lake_tables(reports, contents.families)
        schema = Names("").schema
        return cls(
            {table.place: table.spec for table in tables},
            {table.place: f"{schema}.{table.name}" for table in tables},
            {f"reports/{report.name}": report for report in reports},
            where,
        )

    def metadata(self, at: str) -> dict[str, Any]:
        layer, report = at.split("/")[0], self.reports.get(at)
        spec = PAGES if layer == "pages" else self.tables.get(at)
        metadata: dict[str, Any] = {PLACE: at}
        if layer == "published":
            metadata["dagster/uri"] = uri(self.where.published)
        if spec is not None:
            metadata["dagster/uri"] = f"{uri(self.where.lake)}/{at}"
            metadata["dagster/table_name"] = self.names.get(at) or f"{Names('').schema}.{at.replace('/', '_')}"
            origins = lineage(report) if report else {}
            metadata["dagster/column_schema"] = column_schema(spec, in_words(origins))
            if origins:
                metadata["dagster/column_lineage"] = column_lineage(origins)
        return metadata

    def version(self, at: str) -> str | None:
        """A report's version comes from its definition, a table's from its declaration. None for other assets."""
        report = self.reports.get(at)
        if report is not None:
            return _version(report.name, report.spec.version, report.definition.model_dump_json())
        return str(self.tables[at].version) if at in self.tables else None

    def freshness_policy(self, at: str) -> dg.FreshnessPolicy | None:
        """The policy of assets that are made every day in every organisation: tables and reports of a day, and the
        needed listings. None for assets that depend on what an organisation uses and permits.
        """
        report, layer, name = self.reports.get(at), *at.split("/")
        if layer == "reference" and name in LISTINGS:
            return due_every(DAY, HOURS_LIMIT) if LISTINGS[name].is_needed else None
        is_daily = report.period.is_day and not report.may_be_refused if report else at in _DAILY_PLACES
        return due_every(DAY, PUBLISHED_LIMIT) if is_daily else None


def column_lineage(origins: Mapping[str, Sequence[Origin]]) -> dg.TableColumnLineage:
    """The origins of a report's columns, as columns of other assets."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key(*at.split("/")), name) for at, name in of_column]
            for column, of_column in origins.items()
        }
    )


def in_words(origins: Mapping[str, Sequence[Origin]]) -> dict[str, str]:
    """The origins of columns as sentences, because the UI of open-source Dagster does not show column lineage.

    >>> in_words({"handled": [("tables/interval_metrics", "metric"), ("tables/interval_metrics", "count")]})
    {'handled': 'From tables/interval_metrics: metric, count.'}
    """
    sentences: dict[str, str] = {}
    for column, of_column in origins.items():
        by_table: dict[str, list[str]] = {}
        for at, name in of_column:
            by_table.setdefault(at, []).append(name)
        parts = [f"{at}: {', '.join(names)}" for at, names in by_table.items()]
        sentences[column] = f"From {'; '.join(parts)}."
    return sentences


def uri(location: str) -> str:
    """The URI of a location, which may be a local path.

    >>> uri("s3://bucket/prefix/")
    's3://bucket/prefix'
    >>> uri("/data/lake")
    'file:///data/lake'
    """
    return location.rstrip("/") if "://" in location else Path(location).expanduser().absolute().as_uri()


def _version(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:_VERSION_LENGTH]
