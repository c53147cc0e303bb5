"""Finds the stored pages with agents' status on a UTC day, and the numbers that identify the sources of its tables.

    user_time                             made of the day's own pages: they have every span that touches the day
    user_presence, user_routing_status    also made of pages of later days, which have the ends of the day's spans

After the reach of the pages, files of the data lake extraction count: see `data_lake_status`. `assets.users` fetches
the pages, `tables.users` decodes spans.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import data_lake_status
from genesys_assets.days.completeness import DayEmptied, DayNotComplete
from genesys_assets.days.data_lake import LAKE_FILES
from genesys_assets.days.data_lake_status import Status, StatusQuery
from genesys_assets.days.made_of import Input, number, stored_inputs
from genesys_assets.days.sources import (
    NotFetched,
    Partition,
    later_days,
    pages_of_partition,
    pages_of_partitions,
)
from genesys_assets.lake.lake import Lake, StoredPages
from genesys_assets.lake.reach import Reach
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import Window, utc_day
from genesys_assets.tables.data_lake.decode import UnreadableFile
from genesys_assets.tables.data_lake.schemas import Names
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tables.users.spans import (
    USER_PRESENCE,
    USER_ROUTING_STATUS,
    Key,
    Span,
    clipped,
    decode_spans,
    fill_from_data_lake,
    newest,
    stored_under,
    without_overlaps,
)
from genesys_assets.tables.users.time import USER_TIME

USER_DETAILS = "pages/daily_user_details"
USER_TABLES = (USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME)
SPAN_DAYS = "span_days"
"""Key of the provenance of a day's file. Its pages may hold ends of spans that began earlier. The value has each day on
which such spans began, with a text that identifies them. Spans that began the day before are included even if they have
no end yet.
"""
USERS, SPANS = "users_read", "spans_read"
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class SpanCounts:
    """Counts the spans on the pages of one reading, as far as they were read."""

    day: str
    pages: int = 0
    spans: set[tuple[str, str, datetime]] = field(default_factory=set)
    earlier: set[Span] = field(default_factory=set)

    def take(self, page: Page) -> None:
        self.pages += 1
        start = utc_day(self.day)[0]
        for span in decode_spans(page.body).spans:
            self.spans.add(span[:3])
            of_day_before = span.start >= start - timedelta(days=1)
            if span.start < start and (span.end is not None or of_day_before):
                self.earlier.add(span)

    @property
    def figures(self) -> dict[str, int]:
        return {USERS: len({user_id for user_id, _, _ in self.spans}), SPANS: len(self.spans)}

    @property
    def span_days(self) -> dict[str, str]:
        def began(span: Span) -> str:
            return f"{span.start.astimezone(UTC):%Y-%m-%d}"

        of_days = groupby(sorted(self.earlier, key=lambda span: (span[:3], str(span))), key=began)
        identities: Counter[str] = Counter()
        for day, spans in of_days:
            identities[day] += sum(map(_identity, spans))
        return {day: f"{identity % 2**64:016x}" for day, identity in sorted(identities.items())}


def _identity(span: Span) -> int:
    return int.from_bytes(hashlib.sha256(repr(span).encode()).digest()[:8], "big")


def require_not_worse(lake: Lake, day: str, reach: Reach, users: int, *, allow_emptied: bool) -> None:
    """Raises DayEmptied if the platform no longer has status of any user of a day that had some, and DayNotComplete if
    jobs no longer cover a day that they had covered.
    """
    stored, before = lake.reach(USER_DETAILS, day), lake.provenance(USER_DETAILS, day).get(USERS)
    if before and not users and not allow_emptied:
        raise DayEmptied(
            f"The platform no longer has any agents' status of {day}, but that of {before} users is stored. It is kept."
            " If the status really is gone, materialise the day once with allow_emptied."
        )
    if stored is not None and stored.is_complete and not reach.is_complete:
        raise DayNotComplete(
            f"Jobs of users' details no longer cover {day}, which is stored completely. The stored pages are kept. "
            "Materialise the day again later."
        )


# -- what is stored ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserPages:
    """The sources of a day's status: its `own` pages (None if only the data lake has the day), pages of `later` days
    that have ends of its spans, and spans of the data lake after the reach of the pages. `before` is the last earlier
    day that has pages or files.

    `data_lake_problem`: why stored files could not be read. `fetched_until`: the pages have all spans that began before
    this instant, so for these the data lake only gives ends.
    """

    day: str
    own: StoredPages | None
    later: Mapping[str, StoredPages]
    before: date | None
    reach: Reach
    inputs: Sequence[Partition]
    data_lake: Status | None = None
    data_lake_problem: str | None = None
    fetched_until: datetime = _ALWAYS

    @property
    def known(self) -> Window:
        """The part of the day that is completely known."""
        start, end = utc_day(self.day)
        return Window(start, max(start, min(end, self.reach.through)))


def user_pages_of(lake: Lake, day: str) -> UserPages:
    """The sources of a day's status. Raises NotFetched if neither pages nor files have the day."""
    own, settings = pages_of_partition(lake, USER_DETAILS, day), DataLakeSettings.load()
    of_files = data_lake_status.reach_of(lake, day, settings.lag)
    if own is None and of_files is None:
        raise NotFetched(f"genesys/{USER_DETAILS} has not been fetched for {day}: materialise it first.")
    before = _day_before(lake, day)
    later = [input_.key for input_ in _later(lake, day, before) if input_.key]
    pages = UserPages(
        day,
        own,
        pages_of_partitions(lake, USER_DETAILS, later),
        None if before is None else date.fromisoformat(before),
        (own.reach if own else None) or Reach(utc_day(day)[0]),
        [(USER_DETAILS, key) for key in (day, *later)],
    )
    return _with_files(lake, pages, of_files, settings)


def _with_files(lake: Lake, pages: UserPages, of_files: Reach | None, settings: DataLakeSettings) -> UserPages:
    """The sources with those of the data lake. If its files cannot be read, only pages count, and the problem is
    reported.
    """
    query = _status_query(lake, pages.day, pages.before, settings)
    inputs = [*pages.inputs, *data_lake_status.inputs_of(lake, query)]
    try:
        status = data_lake_status.status_of(lake, query, Names.parse(settings.columns))
    except UnreadableFile as error:
        if pages.own is None:
            raise NotFetched(str(error)) from error
        return replace(pages, inputs=inputs, data_lake_problem=str(error))
    (start, end), reach = utc_day(pages.day), pages.reach
    if query.only_ends or of_files is None:
        return replace(pages, inputs=inputs, data_lake=status, fetched_until=end)
    both = Reach(max(reach.through, of_files.through), reach.is_complete or of_files.is_complete)
    until = _ALWAYS if pages.own is None else max(start, reach.through)
    return replace(pages, inputs=inputs, data_lake=status, fetched_until=until, reach=both)


def _status_query(lake: Lake, day: str, before: date | None, settings: DataLakeSettings) -> StatusQuery:
    """What is read from files. If pages cover the day, or files do not, only ends of the day's spans are read."""
    only_ends = _is_complete(lake, day) or data_lake_status.reach_of(lake, day, settings.lag) is None
    return StatusQuery(day, before, settings.lag, only_ends)


def spans_stored_under(
    pages: UserPages, read: Iterable[tuple[datetime, Sequence[Span]]]
) -> tuple[list[Span], Collection[Key]]:
    """The spans that are stored under the day, in their newest form; and the keys of those that are taken from the data
    lake. `read` has the spans of all pages, each page with its `as_of`.
    """
    day = date.fromisoformat(pages.day)
    of_day = ((as_of, [span for span in spans if stored_under(span, day, pages.before)]) for as_of, spans in read)
    fetched = newest(of_day)
    if pages.data_lake is None:
        return fetched, ()
    of_files = [span for span in pages.data_lake.spans if stored_under(span, day, pages.before)]
    return fill_from_data_lake(fetched, of_files, pages.fetched_until)


def spans_within(pages: UserPages, own: Iterable[tuple[datetime, Sequence[Span]]]) -> list[Span]:
    """The spans that touch the day, from the spans of its `own` pages and, after their reach, from the data lake."""
    fetched = newest(own)
    if pages.data_lake is None:
        return fetched
    return fill_from_data_lake(fetched, pages.data_lake.spans, pages.fetched_until)[0]


@dataclass(frozen=True, slots=True)
class StatusOfDays:
    """The spans of consecutive days, cut at midnight. `known` is the part of these days that is completely known,
    without a gap; None if nothing is known of the first day.
    """

    spans: Sequence[Span] = ()
    known: Window | None = None
    inputs: Sequence[Partition] = ()


def status_within(lake: Lake, days: Sequence[str]) -> StatusOfDays:
    """The status on consecutive days. Each day's status is from its own sources, as in `user_time`, because pages of
    another day may be older.
    """
    sources: list[UserPages] = []
    for day in days:
        if not has_status(lake, day) or (sources and sources[-1].known.end < utc_day(day)[0]):
            break
        sources.append(user_pages_of(lake, day))
    if not sources:
        return StatusOfDays()
    spans = sorted((span for pages in sources for span in _cut_to_day(pages)), key=lambda span: span.key)
    inputs = {each: None for pages in sources for each in pages.inputs if each[0] == LAKE_FILES or each[1] in days}
    return StatusOfDays(spans, Window(sources[0].known.start, sources[-1].known.end), list(inputs))


def _cut_to_day(pages: UserPages) -> Iterator[Span]:
    spans = spans_within(pages, ((page.as_of, decode_spans(page.body).spans) for page in pages.own or ()))
    for piece in clipped(without_overlaps(spans), pages.known):
        yield Span(*piece)


def has_status(lake: Lake, day: str) -> bool:
    """Whether pages or files of the data lake have agents' status of a day."""
    return day in lake.stored(USER_DETAILS) or _reach_of_files(lake, day) is not None


def is_status_complete(lake: Lake, day: str) -> bool:
    """Whether a day's status is completely known."""
    of_files = None if _is_complete(lake, day) else _reach_of_files(lake, day)
    return _is_complete(lake, day) or (of_files is not None and of_files.is_complete)


def _reach_of_files(lake: Lake, day: str) -> Reach | None:
    return data_lake_status.reach_of(lake, day, DataLakeSettings.load().lag)


def _day_before(lake: Lake, day: str) -> str | None:
    """The last day before a day that has pages, or whose status the data lake has."""
    fetched = lake.last_before(USER_DETAILS, day)
    if not lake.stored(LAKE_FILES):
        return fetched
    return data_lake_status.last_day_before(lake, day, fetched or "", DataLakeSettings.load().lag) or fetched


def _later(lake: Lake, day: str, before: str | None) -> Iterator[Input]:
    """For each later day the part of its pages that concerns spans stored under `day`. `before` is the last earlier day
    that has spans.
    """
    for input_ in stored_inputs(lake, USER_DETAILS, later_days(day)):
        footer = lake.footer(USER_DETAILS, input_.key)
        span_days: Mapping[str, str] = footer.provenance.get(SPAN_DAYS, {}) if footer else {}
        of_day = {began: span_days[began] for began in span_days if (before or "") < began <= day}
        if of_day:
            yield input_._replace(content=json.dumps(of_day, sort_keys=True))


# -- what tables are made of -------------------------------------------------------------------------------------------


def of_user_tables(lake: Lake, day: str, specs: Collection[TableSpec] = USER_TABLES) -> dict[str, int]:
    """The numbers of a day's tables of users, by place; none if nothing of the day is stored."""
    if not has_status(lake, day):
        return {}
    own_pages, before = list(stored_inputs(lake, USER_DETAILS, [day])), _day_before(lake, day)
    files = list(_files(lake, day, before))
    pages = number(own_pages if _is_complete(lake, day) else [*own_pages, *files])
    # Later days are looked up only if they count for a table: waits need the number of `user_time` for each day.
    of_spans = [spec for spec in specs if spec is not USER_TIME]
    spans = number([*own_pages, *_later(lake, day, before), *files], before) if of_spans else pages
    return {
        f"tables/{spec.name}": number([], pages if spec is USER_TIME else spans, spec.name, spec.version)
        for spec in specs
    }


def _files(lake: Lake, day: str, before: str | None) -> Iterator[Input]:
    """The files of the data lake that concern a day, their reach, and the names of their columns."""
    if not lake.stored(LAKE_FILES):
        return
    settings = DataLakeSettings.load()
    query = _status_query(lake, day, None if before is None else date.fromisoformat(before), settings)
    identities = list(data_lake_status.identity_of(lake, query))
    if identities:
        reach = str(data_lake_status.reach_of(lake, day, settings.lag))
        yield Input(0, LAKE_FILES, "", json.dumps([reach, settings.columns]))
    for key, content in identities:
        yield Input(0, LAKE_FILES, key, content)


def _is_complete(lake: Lake, day: str) -> bool:
    footer = lake.footer(USER_DETAILS, day)
    return footer is not None and footer.reach is not None and footer.reach.is_complete
