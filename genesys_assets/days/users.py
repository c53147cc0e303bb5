"""Which stored pages say what of agents' status on a UTC day, and what its tables are made of.

    user_time                             the day's own pages: a span comes with every day that it touches
    user_presence, user_routing_status    also pages of later days, which say how spans ended that began on the day

Where pages do not reach, files of the data lake extraction count: see `data_lake_status`. Fetching is `assets.users`,
what spans are `tables.users`.
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
from genesys_assets.days.made_of import Part, number, parts
from genesys_assets.days.sources import NotFetched, Partition, later_days
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
"""What the pages of a day say in their file: on which earlier days spans began whose end they give, with what
identifies the spans of each day; and the spans of the day before that go on.
"""
USERS, SPANS = "users_read", "spans_read"
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class SpansRead:
    """What the pages of one reading hold so far."""

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
        found: Counter[str] = Counter()
        for day, spans in of_days:
            found[day] += sum(map(_identity, spans))
        return {day: f"{identity % 2**64:016x}" for day, identity in sorted(found.items())}


def _identity(span: Span) -> int:
    return int.from_bytes(hashlib.sha256(repr(span).encode()).digest()[:8], "big")


def must_not_be_worse(lake: Lake, day: str, reach: Reach, users: int, *, allow_emptied: bool) -> None:
    """Raises DayEmptied where the platform knows nobody any more of a day with users, DayNotComplete where jobs no
    longer cover a day that they had covered.
    """
    stored, before = lake.reach(USER_DETAILS, day), lake.provenance(USER_DETAILS, day).get(USERS)
    if before and not users and not allow_emptied:
        raise DayEmptied(
            f"The platform has no agents' status of {day} any more, but {before} users are stored. They are kept. "
            "If that is right, materialise the day once with allow_emptied."
        )
    if stored is not None and stored.is_complete and not reach.is_complete:
        raise DayNotComplete(
            f"Jobs of users' details no longer cover {day}, of which all is stored. The stored pages are kept. "
            "Materialise the day again later."
        )


# -- what is stored ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserPages:
    """What says a day's status: its pages and those of later days that end its spans, what the data lake has where
    pages do not reach, and the last day before it that has either. `own` is None where the data lake alone has the day.

    `data_lake_problem` says why stored files could not be read. `fetched_until`: up to when pages have all spans that
    began, so that of the data lake only ends count.
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
        """The part of the day of which all is known."""
        start, end = utc_day(self.day)
        return Window(start, max(start, min(end, self.reach.through)))


def user_pages_of(lake: Lake, day: str) -> UserPages:
    """Raises NotFetched."""
    own, settings = lake.pages(USER_DETAILS, day), DataLakeSettings.load()
    of_files = data_lake_status.reach_of(lake, day, settings.lag)
    if own is None and of_files is None:
        raise NotFetched(f"genesys/{USER_DETAILS} has not been fetched for {day}: materialise it first.")
    before = _day_before(lake, day)
    later = [part.key for part in _later(lake, day, before) if part.key]
    pages = UserPages(
        day,
        own,
        lake.pages_of(USER_DETAILS, later),
        None if before is None else date.fromisoformat(before),
        (own.reach if own else None) or Reach(utc_day(day)[0]),
        [(USER_DETAILS, key) for key in (day, *later)],
    )
    return _with_files(lake, pages, of_files, settings)


def _with_files(lake: Lake, pages: UserPages, of_files: Reach | None, settings: DataLakeSettings) -> UserPages:
    """Where files cannot be read, the day is made of pages, and the problem is reported."""
    asked = _status_query(lake, pages.day, pages.before, settings)
    inputs = [*pages.inputs, *data_lake_status.inputs_of(lake, asked)]
    try:
        found = data_lake_status.status_of(lake, asked, Names.parse(settings.columns))
    except UnreadableFile as error:
        if pages.own is None:
            raise NotFetched(str(error)) from error
        return replace(pages, inputs=inputs, data_lake_problem=str(error))
    (start, end), reach = utc_day(pages.day), pages.reach
    if asked.only_ends or of_files is None:
        return replace(pages, inputs=inputs, data_lake=found, fetched_until=end)
    both = Reach(max(reach.through, of_files.through), reach.is_complete or of_files.is_complete)
    until = _ALWAYS if pages.own is None else max(start, reach.through)
    return replace(pages, inputs=inputs, data_lake=found, fetched_until=until, reach=both)


def _status_query(lake: Lake, day: str, before: date | None, settings: DataLakeSettings) -> StatusQuery:
    """What is read from files. Where pages cover the day, or files do not, that is only how spans ended that began on
    it.
    """
    only_ends = _is_complete(lake, day) or data_lake_status.reach_of(lake, day, settings.lag) is None
    return StatusQuery(day, before, settings.lag, only_ends)


def spans_stored_under(
    pages: UserPages, read: Iterable[tuple[datetime, Sequence[Span]]]
) -> tuple[list[Span], Collection[Key]]:
    """The spans that are stored under the day, each as the newest of the pages has it, or the data lake; and the keys
    of those that are taken from the data lake. `read` are those of all pages, with when each was true.
    """
    day = date.fromisoformat(pages.day)
    of_day = ((as_of, [span for span in spans if stored_under(span, day, pages.before)]) for as_of, spans in read)
    fetched = newest(of_day)
    if pages.data_lake is None:
        return fetched, ()
    of_files = [span for span in pages.data_lake.spans if stored_under(span, day, pages.before)]
    return fill_from_data_lake(fetched, of_files, pages.fetched_until)


def spans_within(pages: UserPages, own: Iterable[tuple[datetime, Sequence[Span]]]) -> list[Span]:
    """The spans that touch the day, of its `own` pages, and of the data lake where these do not reach."""
    fetched = newest(own)
    if pages.data_lake is None:
        return fetched
    return fill_from_data_lake(fetched, pages.data_lake.spans, pages.fetched_until)[0]


@dataclass(frozen=True, slots=True)
class StatusOfDays:
    """The spans of days that follow each other, cut at midnight, and the part of the days of which all is known: it
    ends where a day is not known to its end. None where nothing is known of the first day.
    """

    spans: Sequence[Span] = ()
    known: Window | None = None
    inputs: Sequence[Partition] = ()


def status_within(lake: Lake, days: Sequence[str]) -> StatusOfDays:
    """What pages and files of the data lake say of days that follow each other: of each day its own, as `user_time` has
    it. What another day says of it may be older.
    """
    found: list[UserPages] = []
    for day in days:
        if not has_status(lake, day) or (found and found[-1].known.end < utc_day(day)[0]):
            break
        found.append(user_pages_of(lake, day))
    if not found:
        return StatusOfDays()
    spans = sorted((span for pages in found for span in _cut_to_day(pages)), key=lambda span: span.key)
    inputs = {each: None for pages in found for each in pages.inputs if each[0] == LAKE_FILES or each[1] in days}
    return StatusOfDays(spans, Window(found[0].known.start, found[-1].known.end), list(inputs))


def _cut_to_day(pages: UserPages) -> Iterator[Span]:
    own = spans_within(pages, ((page.as_of, decode_spans(page.body).spans) for page in pages.own or ()))
    for piece in clipped(without_overlaps(own), pages.known):
        yield Span(*piece)


def has_status(lake: Lake, day: str) -> bool:
    """Whether pages or files of the data lake have agents' status of a day."""
    return day in lake.stored(USER_DETAILS) or _reach_of_files(lake, day) is not None


def is_status_complete(lake: Lake, day: str) -> bool:
    """Whether all of a day's status is known."""
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


def _later(lake: Lake, day: str, before: str | None) -> Iterator[Part]:
    """Of each later day the spans that are stored under the day; `before` is the last day before it that has any."""
    for part in parts(lake, USER_DETAILS, later_days(day)):
        footer = lake.footer(USER_DETAILS, part.key)
        told: Mapping[str, str] = footer.provenance.get(SPAN_DAYS, {}) if footer else {}
        of_day = {began: told[began] for began in told if (before or "") < began <= day}
        if of_day:
            yield part._replace(content=json.dumps(of_day, sort_keys=True))


# -- what tables are made of -------------------------------------------------------------------------------------------


def of_user_tables(lake: Lake, day: str, specs: Collection[TableSpec] = USER_TABLES) -> dict[str, int]:
    """What a day's tables of users are made of, by place; nothing of a day of which nothing is stored."""
    if not has_status(lake, day):
        return {}
    own, before = list(parts(lake, USER_DETAILS, [day])), _day_before(lake, day)
    files = list(_files(lake, day, before))
    pages = number(own if _is_complete(lake, day) else [*own, *files])
    # Later days are looked at only for the tables that they count for: waits ask of each day what its `user_time` is.
    of_spans = [spec for spec in specs if spec is not USER_TIME]
    spans = number([*own, *_later(lake, day, before), *files], before) if of_spans else pages
    return {
        f"tables/{spec.name}": number([], pages if spec is USER_TIME else spans, spec.name, spec.version)
        for spec in specs
    }


def _files(lake: Lake, day: str, before: str | None) -> Iterator[Part]:
    """The files of the data lake that concern a day, how far they reach and what their columns are called."""
    if not lake.stored(LAKE_FILES):
        return
    settings = DataLakeSettings.load()
    asked = _status_query(lake, day, None if before is None else date.fromisoformat(before), settings)
    found = list(data_lake_status.identity_of(lake, asked))
    if found:
        known = str(data_lake_status.reach_of(lake, day, settings.lag))
        yield Part(0, LAKE_FILES, "", json.dumps([known, settings.columns]))
    for key, content in found:
        yield Part(0, LAKE_FILES, key, content)


def _is_complete(lake: Lake, day: str) -> bool:
    footer = lake.footer(USER_DETAILS, day)
    return footer is not None and footer.reach is not None and footer.reach.is_complete
