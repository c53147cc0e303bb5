"""Observation assets: present state of which the platform keeps no history. It is fetched once a day and stored by day.

Only the present day can be fetched. `cloud.observations` sends the requests, `tables.observations` declares the rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.assets.common import (
    POOL,
    attributes,
    change_metadata,
    checked_keys,
    description,
    fail_without_retry,
    provenance,
    report_partition,
    stored_pages,
    table_metadata,
    track_requests,
)
from genesys_assets.checks.table_checks import check_specs, failed_checks, passed_checks
from genesys_assets.cloud import observations as ask
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.days import utc_day
from genesys_assets.days.observed import is_waiting, pages_of
from genesys_assets.keys import asset_key
from genesys_assets.lake.lake import AuditFailed, Lake, Provenance, Writing
from genesys_assets.partitions import Calendar
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.tables.observations import QUEUE_MEMBERS, USER_SKILLS, queue_members, user_skills
from genesys_assets.tables.spec import TableSpec

_NO_HISTORY = (
    "The platform keeps no history of this: a day on which it was not fetched has no partition, and cannot be fetched "
    "later."
)


_MATERIALISE = "Materialise it again while the day lasts: later it cannot be fetched."


class NotToday(Exception):
    """The day to observe is over or has not begun, and the platform keeps no history of it."""


class NothingListed(Exception):
    """The OAuth client sees no queue, so there is nothing to ask about."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """One kind of observation: how it is fetched, and how the answers become rows."""

    spec: TableSpec
    ask: Callable[[GenesysCloud], Iterator[Page]]
    decode: Callable[[date, Iterable[Page]], pa.Table]

    @property
    def place(self) -> str:
        return f"reference/{self.spec.name}"

    @property
    def pages(self) -> str:
        return pages_of(self.place)


OBSERVATIONS = (
    _Observation(QUEUE_MEMBERS, ask.queue_members, queue_members),
    _Observation(USER_SKILLS, ask.user_skills, user_skills),
)


def build_observation_assets(calendar: Calendar) -> list[dg.AssetsDefinition]:
    return [_observation_asset(observation, calendar) for observation in OBSERVATIONS]


def _observation_asset(observation: _Observation, calendar: Calendar) -> dg.AssetsDefinition:
    spec, key = observation.spec, asset_key("reference", observation.spec.name)

    @dg.asset(
        key=key,
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description=description(spec, _NO_HISTORY),
        check_specs=check_specs(spec, key),
        **attributes("reference", "genesys", "parquet"),
    )
    def observed(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        cloud, stored, origin = genesys_cloud.client, lake.lake, provenance(context, f"GET {spec.name}")
        (day,) = _one_day(checked_keys(context, calendar.daily), observation)
        with track_requests(cloud) as spent, fail_without_retry(NotToday, NothingListed, CannotDrop):
            try:
                _fetch(stored, observation, cloud, day, origin)
                rows, writing = _write(stored, observation, day, origin)
            except AuditFailed as failed:
                yield from failed_checks(failed, {observation.place: (spec, key)})
                raise dg.Failure(str(failed), allow_retries=False) from failed
        as_of = pc.min(rows["as_of"]).as_py()
        more = change_metadata(writing.changes[observation.place]) | spent
        more |= {"as_of": dg.MetadataValue.timestamp(as_of)} if as_of else {}
        more |= {"path": stored.place(observation.place, day)}
        metadata = table_metadata(spec, rows, len(rows), **more)
        report_partition(context, key, day, metadata, stored.content(observation.place, day))
        yield dg.MaterializeResult()
        yield from passed_checks(spec, key)

    return observed


def _one_day(keys: Iterable[str], observation: _Observation) -> list[str]:
    days = list(keys)
    if len(days) > 1:
        raise dg.Failure(
            f"{observation.place} of {days[0]} to {days[-1]} cannot be fetched: {_NO_HISTORY} Materialise today alone.",
            allow_retries=False,
        )
    return days


def _fetch(lake: Lake, observation: _Observation, cloud: GenesysCloud, day: str, origin: Provenance) -> None:
    """Fetch and store the pages of a day. If the day is over, its stored pages are enough, unless its table was made of
    them: a run may have been killed after it had stored them. Raises NotToday, NothingListed.
    """
    try:
        pages = list(_of_day(observation, cloud, day))
    except NotToday:
        if not is_waiting(lake, observation.place, day):
            raise
        return
    if not pages:
        raise NothingListed(
            f"The OAuth client sees no queue, so there is nothing to fetch for {observation.place}. Give it a role in "
            "the divisions of the queues."
        )
    with lake.page_writers(observation.pages, [day], origin) as writers:
        for page in pages:
            writers[day].write(page)


def _of_day(observation: _Observation, cloud: GenesysCloud, day: str) -> Iterator[Page]:
    """The answers. Raises NotToday as soon as one is from another day, by the platform's clock."""
    start, end = utc_day(day)
    for page in observation.ask(cloud):
        _require_within(observation, page.as_of, day, start, end)
        yield page


def _require_within(observation: _Observation, as_of: datetime, day: str, start: datetime, end: datetime) -> None:
    if not start <= as_of < end:
        raise NotToday(
            f"{observation.place} of {day} cannot be fetched: it is {as_of:%Y-%m-%d %H:%M:%S} UTC on the platform. "
            f"{_NO_HISTORY} What is stored of {day} stays. Materialise {as_of:%Y-%m-%d}."
        )


def _write(lake: Lake, observation: _Observation, day: str, origin: Provenance) -> tuple[pa.Table, Writing]:
    """Store the table made from the stored pages; returns its rows. Raises AuditFailed."""
    spec, place = observation.spec, observation.place
    with lake.table_writers({place: spec}, day, origin) as writing:
        rows = observation.decode(date.fromisoformat(day), stored_pages(lake, observation.pages, day, _MATERIALISE))
        writing.newness = lake.newness([(observation.pages, day)])
        writing[place].write(rows)
    return rows, writing
