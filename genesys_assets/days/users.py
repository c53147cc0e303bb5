"""Which stored pages say what of agents' status on a UTC day, and what its tables are made of.

    user_time                             the day's own pages: a span comes with every day that it touches
    user_presence, user_routing_status    also pages of later days, which say how spans ended that began on the day

Fetching is `assets.users`, what spans are `tables.users`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from genesys_assets.cloud.http.page import Page
from genesys_assets.days.completeness import DayEmptied, DayNotComplete
from genesys_assets.days.made_of import Part, number, parts
from genesys_assets.days.sources import NotFetched, Partition, later_days
from genesys_assets.lake.lake import Lake, StoredPages
from genesys_assets.lake.reach import Reach
from genesys_assets.spans import utc_day
from genesys_assets.tables.spec import TableSpec
from genesys_assets.tables.users.spans import USER_PRESENCE, USER_ROUTING_STATUS, Span, decoded, newest, stored_under
from genesys_assets.tables.users.time import USER_TIME

USER_DETAILS = "pages/daily_user_details"
USER_TABLES = (USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME)
SPAN_DAYS = "span_days"
"""What the pages of a day say in their file: on which earlier days spans began of which they tell the end, with what
identifies those of each day; and those of the day before that go on.
"""
USERS, SPANS = "users_read", "spans_read"


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
        for span in decoded(page.body).spans:
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
            f"The platform has no user's status of {day} any more, of which {before} users are stored: what is stored "
            "stays. Where that is right, materialise it once with allow_emptied."
        )
    if stored is not None and stored.is_complete and not reach.is_complete:
        raise DayNotComplete(
            f"Jobs of users' details no longer cover {day}, of which all is stored: what is stored stays. Materialise "
            "it again later."
        )


# -- what is stored ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserPages:
    """The pages of a day and those of later days that end its spans; the last day before it with pages."""

    day: str
    own: StoredPages
    later: Mapping[str, StoredPages]
    before: date | None
    reach: Reach
    inputs: Sequence[Partition]


def user_pages_of(lake: Lake, day: str) -> UserPages:
    """Raises NotFetched."""
    own = lake.pages(USER_DETAILS, day)
    if own is None:
        raise NotFetched(f"genesys/{USER_DETAILS} has not been fetched for {day}: materialise it first.")
    before, later = _day_before(lake, day), [part.key for part in _later(lake, day) if part.key]
    pages, reach = lake.pages_of(USER_DETAILS, later), own.reach or Reach(utc_day(day)[0])
    inputs = [(USER_DETAILS, key) for key in (day, *later)]
    return UserPages(day, own, pages, None if before is None else date.fromisoformat(before), reach, inputs)


def spans_stored_under(pages: UserPages, read: Iterable[tuple[datetime, Sequence[Span]]]) -> list[Span]:
    """The spans that are stored under the day, each as the newest of the pages has it; `read` are those of all pages,
    with when each was true.
    """
    day = date.fromisoformat(pages.day)
    of_day = ((as_of, [span for span in spans if stored_under(span, day, pages.before)]) for as_of, spans in read)
    return newest(of_day)


def _day_before(lake: Lake, day: str) -> str | None:
    """The last day before a day that has pages."""
    return max((key for key in lake.stored(USER_DETAILS) if key is not None and key < day), default=None)


def _later(lake: Lake, day: str) -> Iterator[Part]:
    """Of each later day the spans that are stored under the day."""
    before = _day_before(lake, day)
    for part in parts(lake, USER_DETAILS, later_days(day)):
        footer = lake.footer(USER_DETAILS, part.key)
        told: Mapping[str, str] = footer.provenance.get(SPAN_DAYS, {}) if footer else {}
        of_day = {began: told[began] for began in told if (before or "") < began <= day}
        if of_day:
            yield part._replace(content=json.dumps(of_day, sort_keys=True))


# -- what tables are made of -------------------------------------------------------------------------------------------


def of_user_tables(lake: Lake, day: str, specs: Iterable[TableSpec] = USER_TABLES) -> dict[str, int]:
    """What a day's tables of users are made of, by place; nothing of a day without pages."""
    if day not in lake.stored(USER_DETAILS):
        return {}
    own = list(parts(lake, USER_DETAILS, [day]))
    spans = number([*own, *_later(lake, day)], _day_before(lake, day))
    pages = number(own)
    return {
        f"tables/{spec.name}": number([], pages if spec is USER_TIME else spans, spec.name, spec.version)
        for spec in specs
    }
