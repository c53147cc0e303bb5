"""Finds the stored pages from which the tables of a UTC day are made, and how far they reach.

    conversations   pages/daily_details, pages/hourly_details, pages/imported_details, pages/daily_overlap of later
                    days, pages/lake_files of the day and later ones
    metrics         pages/hourly_aggregates, pages/daily_aggregates, and the imported ones

`tables` decodes and merges them; `assets` decides that a day is computed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from genesys_assets.cloud.analytics.families import CONVERSATIONS, AggregateFamily
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.jobs import run as details_jobs
from genesys_assets.days import data_lake
from genesys_assets.days.families import HOURLY_AGGREGATES as HOURLY_AGGREGATES
from genesys_assets.days.families import PagesOfFamily
from genesys_assets.lake.lake import Lake, StoredPages
from genesys_assets.lake.reach import Reach
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import LONGEST_OPEN_DAYS, days_around, hours_of, utc_day, utc_hour
from genesys_assets.tables.data_lake.decode import UnreadableFile
from genesys_assets.tables.data_lake.schemas import NEEDED, Names

Partition = tuple[str, str | None]
"""Asset and partition key."""

DAILY_DETAILS, HOURLY_DETAILS, OVERLAP = "pages/daily_details", "pages/hourly_details", "pages/daily_overlap"
IMPORTED_DETAILS = "pages/imported_details"
IMPORTED_HOURLY = "pages/imported_hourly_aggregates"
DAILY_AGGREGATES, IMPORTED_DAILY = "pages/daily_aggregates", "pages/imported_daily_aggregates"

START_DAYS = "start_days"
"""Key of the provenance of an overlap's file: the days on which its conversations began, each with a text that
identifies the conversations of that day.
"""


class NotFetched(Exception):
    """Pages that a day's tables need were never fetched, or can no longer be read. The message names them, and how to
    fetch them.
    """


@dataclass(frozen=True, slots=True)
class Source:
    """One stored page of conversations, and the half-open span of starts for which it counts.

    `decides`: the page decides which conversations the day has; other pages only have newer forms of them. `by_job`:
    the page is from a details job, so it has fields that only jobs have. `imported`: it is from an imported file.
    """

    start: datetime
    end: datetime
    pages: StoredPages
    index: int
    decides: bool = True
    by_job: bool = False
    imported: bool = False

    def page(self) -> Page:
        return self.pages[self.index]


@dataclass(frozen=True, slots=True)
class Conversations:
    """The pages of a day's conversations, their reach, and `inputs`: all partitions that may have pages of the day,
    whether they count or not (see `Lake.newness`).

    `data_lake`: conversations from the data lake extraction, which count if no page has them. `data_lake_problem`: why
    its stored files could not be read.
    """

    sources: Sequence[Source]
    reach: Reach
    inputs: Sequence[Partition]
    data_lake: data_lake.ExtractedConversations | None = None
    data_lake_problem: str | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """The pages of a day's aggregates: those of each fetched hour, or of the day; and the imported ones. They reach to
    `through`; the day ends at `end`.
    """

    parts: Mapping[str, Iterable[Page]]
    imported: StoredPages | None
    through: datetime
    end: datetime
    inputs: Sequence[Partition] = field(default=())


def conversations_of(lake: Lake, day: str) -> Conversations:
    """The pages with conversations that began on a day. Raises NotFetched.

    Once details jobs cover the whole day, their pages decide which conversations it has: one that only hours have was
    deleted. Newer forms of the others, from hours and from overlaps of later days, still count.
    """
    start, end = utc_day(day)
    daily = pages_of_partition(lake, DAILY_DETAILS, day)
    overlaps = pages_of_partitions(lake, OVERLAP, later_days(day))
    inputs = _inputs_of_conversations(lake, day)
    if daily is not None and _is_complete(daily):
        hours = _stored_hours(lake, HOURLY_DETAILS, day)
        read_at = max((daily.about(index).as_of for index in range(len(daily))), default=start)
        # The order matters: of equally new forms the last one counts.
        sources = [
            *(each for hour, pages in hours.items() for each in _each(pages, *utc_hour(hour), decides=False)),
            *_each(daily, start, end),
            *(each for pages in overlaps.values() for each in _of_overlap(pages, start, end, read_at)),
        ]
        return Conversations(sources, Reach(end, is_complete=True), inputs)
    imported = pages_of_partition(lake, IMPORTED_DETAILS, day)
    of_lake = _of_data_lake(lake, day)
    try:
        hours = fetched_hours(
            lake, HOURLY_DETAILS, day, needed=daily is None and imported is None and of_lake.reach is None
        )
    except NotFetched as error:
        raise NotFetched(" ".join(filter(None, (str(error), of_lake.problem or _what_files_lack(lake, day))))) from None
    through = known_through(day, hours, imported)
    if of_lake.reach is not None:
        through = max(through, of_lake.reach.through)
    if daily is not None and daily.reach is not None:
        through = max(through, daily.reach.through)
    sources = [
        *_each(imported, start, end, imported=True),
        *(each for hour, pages in hours.items() for each in _each(pages, *utc_hour(hour))),
        *_of_unfinished_day(daily, start, end),
        *(each for pages in overlaps.values() for each in _each(pages, start, end)),
    ]
    is_complete = imported is not None and _is_complete(imported)
    reach = Reach(through, is_complete or (of_lake.reach is not None and of_lake.reach.is_complete))
    return Conversations(sources, reach, inputs, of_lake.conversations, of_lake.problem)


def conversations_of_hours(lake: Lake, day: str, hours: Sequence[str]) -> Conversations | None:
    """The pages of `hours`, which must be the last stored hours of a day without other pages; and the reach of all
    hours of the day. None if a page cannot be read, or an hour of a finished day is missing.
    """
    stored, pages = _stored_keys(lake, HOURLY_DETAILS, day), lake.pages_of(HOURLY_DETAILS, hours)
    if len(pages) < len(hours) or _lacks_hours(day, stored):
        return None
    sources = [each for hour, of in pages.items() for each in _each(of, *utc_hour(hour))]
    return Conversations(sources, Reach(known_through(day, stored, None)), _inputs_of_conversations(lake, day))


def _inputs_of_conversations(lake: Lake, day: str) -> list[Partition]:
    """All partitions that may have pages of a day's conversations. Which of them count depends on what is stored. Their
    newness alone would not do: its sum would fall when a complete day takes the place of an import.
    """
    return [
        (DAILY_DETAILS, day),
        (IMPORTED_DETAILS, day),
        *((HOURLY_DETAILS, hour) for hour in hours_of(day)),
        *((OVERLAP, later) for later in later_days(day)),
        *data_lake.inputs_of(lake, day),
    ]


@dataclass(frozen=True, slots=True)
class _OfDataLake:
    """The conversations of a day from the data lake. `reach` is None if there are none that count."""

    reach: Reach | None = None
    conversations: data_lake.ExtractedConversations | None = None
    problem: str | None = None


def _of_data_lake(lake: Lake, day: str) -> _OfDataLake:
    """The conversations from the data lake. If files cannot be read, there are none, and `problem` says why."""
    if not data_lake.inputs_of(lake, day):
        return _OfDataLake()
    settings = DataLakeSettings.load()
    reach = data_lake.reach_of(lake, day, settings.lag)
    if reach is None:
        return _OfDataLake()
    try:
        conversations = data_lake.of_day(lake, day, Names.parse(settings.columns))
    except UnreadableFile as error:
        return _OfDataLake(problem=str(error))
    return _OfDataLake(reach, conversations)


def _what_files_lack(lake: Lake, day: str) -> str | None:
    """A message that names the missing schemas without which a day cannot be computed from the stored files. None if no
    needed schema has files, or if all have.
    """
    lacking = data_lake.lacking(lake, day)
    if not 0 < len(lacking) < len(NEEDED):
        return None
    fetched_schemas = DataLakeSettings.load().wanted
    unwanted = [schema for schema in lacking if fetched_schemas and schema not in fetched_schemas]
    setting = "GENESYS_ASSETS_DATA_LAKE_SCHEMAS"
    todo = (
        f"Add {', '.join(unwanted)} to {setting}"
        if unwanted
        else f"Have Genesys Cloud switch {'it' if len(lacking) == 1 else 'them'} on for the organisation"
    )
    return (
        f"Files of the data lake are stored, but none of {', '.join(lacking)}, which is needed too. {todo}, then "
        f"materialise genesys/{data_lake.LAKE_FILES} of {day} again."
    )


def later_days(day: str) -> list[str]:
    """The days whose overlaps may hold conversations that began on a day."""
    return days_around(day, before=-1, after=LONGEST_OPEN_DAYS)


def interval_metrics_of(lake: Lake, day: str) -> Metrics:
    """The aggregates of a day's hours. Raises NotFetched."""
    imported = pages_of_partition(lake, IMPORTED_HOURLY, day)
    hours = fetched_hours(lake, HOURLY_AGGREGATES, day, needed=imported is None)
    inputs = [(IMPORTED_HOURLY, day), *((HOURLY_AGGREGATES, hour) for hour in hours_of(day))]
    of_conversations = {hour: PagesOfFamily(lake, hour, pages, CONVERSATIONS) for hour, pages in hours.items()}
    return Metrics(of_conversations, imported, known_through(day, hours, imported), utc_day(day)[1], inputs)


def interval_metrics_of_hours(lake: Lake, day: str, hours: Sequence[str]) -> Metrics | None:
    """The same as `conversations_of_hours` for aggregates of conversations."""
    stored, pages = _stored_keys(lake, HOURLY_AGGREGATES, day), lake.pages_of(HOURLY_AGGREGATES, hours)
    if len(pages) < len(hours) or _lacks_hours(day, stored):
        return None
    inputs = [(IMPORTED_HOURLY, day), *((HOURLY_AGGREGATES, hour) for hour in hours_of(day))]
    of_conversations = {hour: PagesOfFamily(lake, hour, of, CONVERSATIONS) for hour, of in pages.items()}
    return Metrics(of_conversations, None, known_through(day, stored, None), utc_day(day)[1], inputs)


def family_metrics_of(lake: Lake, day: str, family: AggregateFamily) -> Metrics:
    """The answers of another family for a day's hours. They reach to the first hour that it did not answer. Raises
    NotFetched.
    """
    hours = fetched_hours(lake, HOURLY_AGGREGATES, day)
    answered = {hour: PagesOfFamily(lake, hour, pages, family) for hour, pages in hours.items()}
    through = known_through(day, [hour for hour, pages in answered.items() if len(pages)], None)
    return Metrics(answered, None, through, utc_day(day)[1], [(HOURLY_AGGREGATES, hour) for hour in hours_of(day)])


def daily_metrics_of(lake: Lake, day: str, start: datetime, end: datetime) -> Metrics:
    """The aggregates of a business day, from `start` to `end`. Raises NotFetched."""
    fetched, imported = (pages_of_partition(lake, asset, day) for asset in (DAILY_AGGREGATES, IMPORTED_DAILY))
    inputs = [(DAILY_AGGREGATES, day), (IMPORTED_DAILY, day)]
    if fetched is not None:
        through = fetched.reach.through if fetched.reach else start
        return Metrics({day: fetched}, None, min(end, through), end, inputs)
    if imported is not None:
        return Metrics({}, imported, end if _is_complete(imported) else start, end, inputs)
    raise NotFetched(f"genesys/{DAILY_AGGREGATES} has not been fetched for {day}: materialise it first.")


def fetched_hours(lake: Lake, asset: str, day: str, *, needed: bool = True) -> dict[str, StoredPages]:
    """The day's stored hours. If they are `needed`, raises NotFetched if an hour of a finished day was never fetched (a
    gap is not an empty hour), or if no hour of the day was fetched at all.
    """
    hours = _stored_hours(lake, asset, day)
    missing = [hour for hour in hours_of(day) if hour not in hours]
    if needed and missing and (_lacks_hours(day, hours) or not hours):
        listed = ", ".join(hour[11:] for hour in missing)
        raise NotFetched(
            f"genesys/{asset} has not been fetched for these hours of {day}: {listed}. Materialise them first, "
            f"for example with --partition-range {missing[0]}...{missing[-1]}."
        )
    return hours


def known_through(day: str, hours: Iterable[str], imported: StoredPages | None) -> datetime:
    """Up to when the day is known without a gap: the start of the first hour that was not fetched, or the end of the
    day if the import is complete.
    """
    end, stored = utc_day(day)[1], set(hours)
    if imported is not None and _is_complete(imported):
        return end
    return next((utc_hour(hour)[0] for hour in hours_of(day) if hour not in stored), end)


def _lacks_hours(day: str, hours: Collection[str]) -> bool:
    """Whether a day that is over lacks hours."""
    return len(hours) < len(hours_of(day)) and utc_day(day)[1] <= datetime.now(UTC)


def _stored_keys(lake: Lake, asset: str, day: str) -> list[str]:
    stored = lake.stored(asset)
    return [hour for hour in hours_of(day) if hour in stored]


def _stored_hours(lake: Lake, asset: str, day: str) -> dict[str, StoredPages]:
    return pages_of_partitions(lake, asset, hours_of(day))


def pages_of_partition(lake: Lake, asset: str, key: str) -> StoredPages | None:
    """The pages of a partition, None if it is not stored. Raises NotFetched if they can no longer be read: rows made
    without them would say that nothing exists.
    """
    return pages_of_partitions(lake, asset, [key]).get(key)


def pages_of_partitions(lake: Lake, asset: str, keys: Sequence[str]) -> dict[str, StoredPages]:
    """The pages of the stored ones among some partitions. Raises NotFetched if some can no longer be read."""
    pages = lake.pages_of(asset, keys)
    lost = [key for key in keys if key not in pages and lake.has(asset, key)]
    if lost:
        raise NotFetched(
            f"The stored pages genesys/{asset} of {', '.join(lost)} can no longer be read: materialise them again, or "
            "import their files again."
        )
    return pages


def _is_complete(pages: StoredPages) -> bool:
    return pages.reach is not None and pages.reach.is_complete


def _each(
    pages: StoredPages | None, start: datetime, end: datetime, *, decides: bool = True, imported: bool = False
) -> list[Source]:
    if pages is None:
        return []
    return [
        Source(start, end, pages, index, decides, _is_by_job(pages.about(index)), imported)
        for index in range(len(pages))
    ]


def _of_overlap(pages: StoredPages, start: datetime, end: datetime, read_at: datetime) -> Iterator[Source]:
    """Pages of an overlap. They decide which conversations the day has if they were read after the complete day."""
    for index in range(len(pages)):
        about = pages.about(index)
        yield Source(start, end, pages, index, decides=about.as_of > read_at, by_job=_is_by_job(about))


def _of_unfinished_day(daily: StoredPages | None, start: datetime, end: datetime) -> Iterator[Source]:
    """Pages of a day that jobs do not cover completely: those of the job count up to the instant to which jobs had all
    data, those of the query from there on.
    """
    if daily is None:
        return
    through = daily.reach.through if daily.reach else start
    for index in range(len(daily)):
        if _is_by_job(daily.about(index)):
            yield Source(start, through, daily, index, by_job=True)
        else:
            yield Source(through, end, daily, index)


def _is_by_job(about: Page) -> bool:
    """Whether the page is from a details job."""
    return str(json.loads(about.request).get("path", "")).startswith(f"{details_jobs.PATH}/")
