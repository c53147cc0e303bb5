"""Finds stored partitions that Dagster does not know, because the run that stored them died before it reported them.
The UI shows them as missing, and downstream automation does not start.

It compares what is stored with what was reported, so the cause does not matter. `unreported` is pure; the sensor
reports what it finds. Assets without partitions are left out: they are materialised again every night.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from genesys_assets.assets.common import content_metadata
from genesys_assets.automation.manifests import ManifestReader
from genesys_assets.automation.next_run import Run
from genesys_assets.automation.progress import location_of, runs_of
from genesys_assets.automation.stale import published_since
from genesys_assets.automation.switches import sensor_status
from genesys_assets.days import DAY
from genesys_assets.keys import keys, places
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.opening import shared_lake, shared_s3_client
from genesys_assets.partitions import Calendar
from genesys_assets.resources import LakeResource, PublishingResource

_LOOK_EVERY_SECONDS = 600
_MOST = 100
"""How many partitions one tick reports. A tick may take a minute at most. With a new Dagster database and years of data
on S3 there may be thousands, and each costs two requests.
"""
_EVENTS_AT_ONCE = 10_000
_SLACK = timedelta(hours=1)
"""A file may be older than the commit that names it by this much."""
_WITH_CONTENT = ("tables/", "reports/")
_PUBLISHED = "published/reports"


def unreported(
    written: Mapping[str, datetime], reported: Collection[str], reported_at: Mapping[str, datetime], since: datetime
) -> list[str]:
    """The partitions of an asset that were never reported to Dagster, or not since they were last stored; the newest
    first.

    `written` says when each was stored. `reported` has all that were ever reported. `reported_at` says when each was
    last reported, but only for reports after `since`. Partitions in `reported` that were stored before `since` are left
    out.
    """
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(
        (
            key
            for key, at in written.items()
            if key not in reported or (at > since and reported_at.get(key, never) < at)
        ),
        reverse=True,
    )


@dataclass(frozen=True, slots=True)
class _KnownVersion:
    """The id and the version of a table up to which Dagster knows all partitions, and when that was so. A table that
    was deleted and made again has another id.
    """

    table: tuple[str | int | None, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class _Scan:
    context: dg.SensorEvaluationContext
    location: dg.RepositoryDefinition
    lake: Lake
    now: datetime

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    def of_lake(self, known: dict[str, _KnownVersion]) -> Iterator[dg.AssetMaterialization]:
        """The stored partitions to report. Updates `known` for each table of which nothing remains to be reported."""
        changed = {}
        for key, where, partitions in _partitioned(self.location):
            table = self.lake.log(where).identity
            if table[1] >= 0 and (where not in known or known[where].table != table):
                changed[key] = (where, partitions, table)
        # Read the runs after the lake: a run that ended in between has reported everything that was seen here.
        runs = self._in_progress() if changed else []
        remaining = _MOST
        for key, (where, partitions, table) in changed.items():
            missing = [
                each for each in self._unreported(key, where, known.get(where)) if partitions.has_partition_key(each)
            ]
            free = [each for each in missing if not any(run.makes(where, each) for run in runs)]
            yield from (self._materialization(key, where, each) for each in free[:remaining])
            remaining = max(0, remaining - len(free))
            if len(free) == len(missing) and remaining and not any(where in run.assets for run in runs):
                known[where] = _KnownVersion(table, self.now)

    def _unreported(self, key: dg.AssetKey, where: str, known: _KnownVersion | None) -> list[str]:
        written = {each: stored.written_at for each, stored in self.lake.stored(where).items() if each is not None}
        since = known.at - _SLACK if known else self.now
        return unreported(written, self.instance.get_materialized_partitions(key), self._reported(key, since), since)

    def _reported(self, key: dg.AssetKey, since: datetime) -> dict[str, datetime]:
        """When each partition was last reported, for reports since an instant."""
        wanted = dg.AssetRecordsFilter(key, after_timestamp=since.timestamp())
        reported: dict[str, datetime] = {}
        cursor, has_more = None, True
        while has_more:
            found = self.instance.fetch_materializations(wanted, limit=_EVENTS_AT_ONCE, cursor=cursor, ascending=True)
            for record in found.records:
                if record.partition_key is not None:
                    reported[record.partition_key] = datetime.fromtimestamp(record.timestamp, UTC)
            cursor, has_more = found.cursor, found.has_more
        return reported

    def _in_progress(self) -> Sequence[Run]:
        return [run for run in runs_of(self.instance, self.location, self.now) if run.ended is None]

    def _materialization(self, key: dg.AssetKey, where: str, partition: str) -> dg.AssetMaterialization:
        content = self.lake.content(where, partition) if where.startswith(_WITH_CONTENT) else None
        run_id = self.lake.provenance(where, partition).get("run_id")
        return dg.AssetMaterialization(
            key,
            partition=partition,
            description="Reported from what is stored: the run that stored it did not report it.",
            metadata={
                "dagster/partition_row_count": self.lake.rows(where, partition),
                **({"stored_by_run": run_id} if run_id else {}),
                **content_metadata(self.instance, key, partition, content),
            },
        )

    def of_published(self, calendar: Calendar, publishing: PublishingResource) -> Iterator[dg.AssetMaterialization]:
        """The published days of the last weeks that were never reported."""
        key = keys(self.location).get(_PUBLISHED)
        if key is None:
            return
        reader = ManifestReader(publishing.publisher(shared_s3_client))
        first = max(date.fromisoformat(published_since(calendar, self.now)), calendar.start_date)
        days = {first + DAY * number for number in range((self.now.date() - first).days + 1)}
        reported = {date.fromisoformat(day) for day in self.instance.get_materialized_partitions(key)}
        manifests = {day: reader.manifest(f"{day}") for day in sorted(days - reported, reverse=True)}
        for each, error in reader.unreadable.items():
            self.context.log.warning(
                f"It is unknown whether {each} was published, because its manifest was not read: {error}"
            )
        runs = self._in_progress() if any(manifests.values()) else []
        for day, manifest in manifests.items():
            if manifest is not None and not any(run.makes(_PUBLISHED, f"{day}") for run in runs):
                yield dg.AssetMaterialization(key, partition=f"{day}", metadata={"stored_by_run": manifest.run_id})


def build_unreported_sensor(calendar: Calendar, running: Collection[str] = ()) -> dg.SensorDefinition:
    @dg.sensor(
        name="unreported",
        description="Reports to Dagster the stored partitions that it does not know because the run that stored them "
        "died: the UI would show them as missing.",
        target=[],
        minimum_interval_seconds=_LOOK_EVERY_SECONDS,
        default_status=sensor_status("unreported", running),
    )
    def unreported_partitions(
        context: dg.SensorEvaluationContext, lake: LakeResource, publishing: PublishingResource
    ) -> dg.SensorResult:
        scan = _Scan(context, location_of(context), shared_lake(lake.location), datetime.now(UTC))
        known = _from_cursor(context.cursor)
        events = [*scan.of_lake(known), *scan.of_published(calendar, publishing)]
        for event in events:
            context.log.warning(f"{event.asset_key.to_user_string()} {event.partition} was stored but not reported")
        reason = (
            f"Reported {len(events)} stored partitions that Dagster did not know."
            if events
            else "Dagster knows all stored partitions."
        )
        return dg.SensorResult(asset_events=events, skip_reason=dg.SkipReason(reason), cursor=_as_cursor(known))

    return unreported_partitions


def _partitioned(
    location: dg.RepositoryDefinition,
) -> Iterator[tuple[dg.AssetKey, str, dg.PartitionsDefinition[str]]]:
    """The assets of the lake that have partitions, with their places."""
    graph = location.asset_graph
    for key, where in sorted(places(location).items()):
        node = graph.get(key)
        if node.is_materializable and node.partitions_def is not None and where != _PUBLISHED:
            yield key, where, node.partitions_def


def _from_cursor(cursor: str | None) -> dict[str, _KnownVersion]:
    """What the cursor says. A cursor that is not one of this sensor counts as none: then everything is compared
    again.
    """
    try:
        known: Mapping[str, list[Any]] = json.loads(cursor or "{}")
        return {
            where: _KnownVersion(tuple(table), datetime.fromisoformat(at).astimezone(UTC))
            for where, (*table, at) in known.items()
        }
    except (ValueError, TypeError, AttributeError):
        return {}


def _as_cursor(known: Mapping[str, _KnownVersion]) -> str:
    return json.dumps({where: (*each.table, each.at.isoformat()) for where, each in known.items()})
