"""What became of the files of an import, and whether they can hold everything. `into_lake` fills it, `summary` and the
asset write it as text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.days import utc_day
from genesys_assets.importing.buckets import ImportOptions, midnight
from genesys_assets.importing.imported_page import DAILY, DETAILS, HOURLY
from genesys_assets.importing.records import Outcome
from genesys_assets.importing.spool import NONE, Partition, Total
from genesys_assets.importing.totals import Short, short_answer


@dataclass(slots=True)
class ImportResult:
    """What became of all files, and which partitions are new or changed. `conversations` and `buckets` are those of all
    files that were read now. `span` is what the files are said to hold completely, `complete` its days that count as
    complete now. `no_longer_complete` are partitions that were damaged and written anew with other pages: it is unknown
    whether they were complete before, so they are not complete now. `partly_within` are the days of the files, by
    asset, if the span holds none of them wholly. `without_figures` are days of the span, by asset, of which other files
    of the import have data, and none has figures of the asset.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    changed: set[Partition] = field(default_factory=set)
    conversations: Total = NONE
    buckets: Total = NONE
    span: Interval | None = None
    complete: set[str] = field(default_factory=set)
    no_longer_complete: set[Partition] = field(default_factory=set)
    partly_within: dict[str, list[str]] = field(default_factory=dict)
    without_figures: dict[str, list[str]] = field(default_factory=dict)

    @property
    def skipped(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.state == "skipped"]

    @property
    def is_whole(self) -> bool:
        """Whether all that the files hold was taken."""
        return not any(outcome.state == "skipped" or outcome.left_out for outcome in self.outcomes)

    @property
    def short_of(self) -> Short | None:
        """The first answer that lacks pages, or may lack some. None if all answers have all their pages."""
        return short_answer((outcome.file, page) for outcome in self.outcomes for page in outcome.counted)

    @property
    def further_pages(self) -> list[str]:
        """The fields (`cursor`, `nextUri`) by which every page of a kind says that a further one follows, so that the
        last one is missing. Empty if no last page is missing.
        """
        found: dict[str, list[str]] = defaultdict(list)
        for outcome in self.outcomes:
            for kind, names in outcome.other_pages.items():
                found[kind] += names
        whole = {kind for outcome in self.outcomes for kind in outcome.last_pages}
        return sorted({name for kind, names in found.items() if kind not in whole for name in names})

    @property
    def ends_before(self) -> tuple[str, str] | None:
        """A day of the span whose conversations come only from jobs that had no data up to its end, and up to when they
        had data. None if there is no such day.
        """
        known: dict[str, list[str]] = defaultdict(list)
        for outcome in self.outcomes:
            for day, until in outcome.known_until.items():
                known[day].append(until)
        for day in () if self.span is None else days_within(self.span, DETAILS, ImportOptions()):
            if known[day] and all(known[day]) and max(known[day]) < iso(utc_day(day)[1]):
                return day, max(known[day])
        return None

    @property
    def cut_at(self) -> tuple[str, str] | None:
        """A day of the span whose last bucket went on when it was saved, and when that was. None if there is no such
        day.
        """
        cut, whole = dict[str, str](), dict[str, str]()
        for outcome in self.outcomes:
            for found, of_file in ((cut, outcome.cut_until), (whole, outcome.whole_until)):
                for day, until in of_file.items():
                    found[day] = max(until, found.get(day, ""))
        for day in () if self.span is None else days_within(self.span, HOURLY, ImportOptions()):
            if whole.get(day, "") < cut.get(day, "") < iso(utc_day(day)[1] - timedelta(seconds=1)):
                return day, cut[day]
        return None

    @property
    def may_be_complete(self) -> bool:
        """Whether the files can hold everything, as far as they say."""
        is_all = self.is_whole and self.short_of is None and not self.further_pages
        return is_all and self.ends_before is None and self.cut_at is None

    def days(self, asset: str) -> list[str]:
        """The days of an asset that have pages of these files or were marked as complete, in order."""
        read = (outcome for outcome in self.outcomes if outcome.state != "skipped")
        of_files = {day for outcome in read for day in outcome.partitions.get(asset, ())}
        return sorted(of_files | {day for name, day in self.changed if name == asset})


def days_to_mark(
    days: Mapping[str, Collection[str]], asset: str, result: ImportResult, options: ImportOptions
) -> list[str]:
    """The days of an asset that can be marked as complete, if the files hold everything of the result's span. `days`
    are the days of which the files have data, by asset. Days that are not marked although one would expect it are noted
    in the result.
    """
    if result.span is None or not days[asset]:
        return []
    span, within = (result.span.start, result.span.end), list(days_within(result.span, asset, options))
    partly = [day for day in sorted(days[asset]) if _overlap(bounds_of(day, asset, options), span)]
    if partly and not {*partly} & {*within}:
        result.partly_within[asset] = partly
    # What others have of a day may belong to any day that overlaps it, where calendars differ.
    own = [bounds_of(day, asset, options) for day in days[asset]]
    others = [bounds_of(day, other, options) for other in days if other != asset for day in days[other]]
    alone = [each for each in others if not any(_overlap(each, bounds) for bounds in own)]
    empty = [day for day in within if day not in days[asset] and asset != DETAILS]
    without = [day for day in empty if any(_overlap(bounds_of(day, asset, options), each) for each in alone)]
    if without:
        result.without_figures[asset] = without
    return [day for day in within if day not in without]


def _overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def bounds_of(day: str, asset: str, options: ImportOptions) -> tuple[datetime, datetime]:
    """Start and end of a day: a business day of daily aggregates, else a UTC day."""
    zone, first = options.business_zone if asset == DAILY else UTC, date.fromisoformat(day)
    return midnight(first, zone), midnight(first + timedelta(days=1), zone)


def days_within(span: Interval, asset: str, options: ImportOptions) -> Iterator[str]:
    """The days that lie wholly inside the span: business days of daily aggregates, else UTC days."""
    zone = options.business_zone if asset == DAILY else UTC
    day, last = span.start.date() - timedelta(days=1), span.end.date() + timedelta(days=1)
    while day <= last:
        following: date = day + timedelta(days=1)
        if span.start <= midnight(day, zone) and midnight(following, zone) <= span.end:
            yield f"{day:%Y-%m-%d}"
        day = following
