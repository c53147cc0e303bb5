"""What became of the files of an import, and whether they can hold everything. `into_lake` fills it, `summary` and the
asset write it as text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta

from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.days import utc_day
from genesys_assets.importing.buckets import ImportOptions, midnight
from genesys_assets.importing.pages import DAILY, DETAILS
from genesys_assets.importing.records import Outcome
from genesys_assets.importing.spool import NONE, Partition, Total
from genesys_assets.importing.totals import Short, short_answer


@dataclass(slots=True)
class ImportResult:
    """What became of all files, and which partitions are new or changed. `conversations` and `buckets` are those of all
    files that were read now. `span` is what the files are said to hold completely, `complete` its days that count as
    complete now. `no_longer_complete` are partitions that were damaged and written anew with other pages: it is unknown
    whether they were complete before, so they are not complete now.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    changed: set[Partition] = field(default_factory=set)
    conversations: Total = NONE
    buckets: Total = NONE
    span: Interval | None = None
    complete: set[str] = field(default_factory=set)
    no_longer_complete: set[Partition] = field(default_factory=set)

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
    def lacks_last_page(self) -> bool:
        """Whether the last page of a job's results is missing: every page that was read has a cursor to a further
        one.
        """
        return any(outcome.other_pages for outcome in self.outcomes) and not any(
            outcome.last_pages for outcome in self.outcomes
        )

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
    def may_be_complete(self) -> bool:
        """Whether the files can hold everything, as far as they say."""
        return self.is_whole and self.short_of is None and not self.lacks_last_page and self.ends_before is None

    def days(self, asset: str) -> list[str]:
        """The days of an asset that have pages of these files or were marked as complete, in order."""
        read = (outcome for outcome in self.outcomes if outcome.state != "skipped")
        of_files = {day for outcome in read for day in outcome.partitions.get(asset, ())}
        return sorted(of_files | {day for name, day in self.changed if name == asset})


def days_within(span: Interval, asset: str, options: ImportOptions) -> Iterator[str]:
    """The days that lie wholly inside the span: business days of daily aggregates, else UTC days."""
    zone = options.business_zone if asset == DAILY else UTC
    day, last = span.start.date() - timedelta(days=1), span.end.date() + timedelta(days=1)
    while day <= last:
        following: date = day + timedelta(days=1)
        if span.start <= midnight(day, zone) and midnight(following, zone) <= span.end:
            yield f"{day:%Y-%m-%d}"
        day = following
