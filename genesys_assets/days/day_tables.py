"""Writing the tables of a UTC day: all of them anew, or only what further hours brought.

A day's tables are what its pages say, decoded and merged (`tables`). Where further hours landed since they were stored,
and nothing else has changed, only the pages of these hours are decoded, and their rows are added in a file beside those
that are stored. Anything else makes the day anew: an hour read again, pages of jobs, of imports, of overlaps or of the
data lake, a missing hour, another version of a table, a conversation that is stored already, and more files than
readers should open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.cloud.http.page import Page
from genesys_assets.days import made_of
from genesys_assets.days.sources import (
    HOURLY,
    Conversations,
    Metrics,
    Source,
    conversations_of,
    conversations_of_hours,
    interval_metrics_of_hours,
)
from genesys_assets.lake.commit import Overtaken
from genesys_assets.lake.lake import Lake, Provenance, Reach, Unreadable, Writing
from genesys_assets.settings import DecodingSettings
from genesys_assets.spans import HOUR, utc_day, utc_hour
from genesys_assets.tables.conversations import decode, merge
from genesys_assets.tables.conversations.day import day_tables
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.metrics.question import answered_by_both, answered_everywhere
from genesys_assets.tables.sources import filled, marked
from genesys_assets.tables.spec import TableSpec

UNKNOWN, LOST = "unknown_fields", "values_lost"
"""What a file says of the pages that it was made of: how often each unknown field and each loss occurred, by path."""
_MOST_FILES = 8
"""The most files that a day of a table has. Each costs its readers, above all on S3."""
_PAGES, _DUPLICATES = "pages", "duplicates_dropped"
_FIELDS_NAMED = 50
_PLACE = f"tables/{CONVERSATIONS.name}"


@dataclass(slots=True)
class Findings:
    """What decoding a day's pages brought to light: fields the model does not know, values that could not be kept,
    counts by name, and why the data lake could not be read.
    """

    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    data_lake_problem: str | None = None
    pages: set[tuple[datetime, str]] = field(default_factory=set)

    @classmethod
    def stored(cls, lake: Lake, place: str, day: str) -> Self:
        """Those that a stored table was made with."""
        origin = lake.provenance(place, day)
        counts = {name: int(origin[name]) for name in (_PAGES, _DUPLICATES) if name in origin}
        return cls(Counter(origin.get(UNKNOWN, {})), Counter(origin.get(LOST, {})), counts)

    def add(self, page: Page, decoded: decode.DecodedPage) -> None:
        """What one page brought to light; a page that is stored with several hours counts once."""
        if self.is_new(page):
            self.unknown.update(decoded.unknown)
            self.losses.update(decoded.losses)

    def is_new(self, page: Page) -> bool:
        """Whether a page is seen for the first time."""
        identity = (page.fetched_at, page.correlation_id or page.request)
        is_new = identity not in self.pages
        self.pages.add(identity)
        return is_new

    def count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def provenance(self) -> Provenance:
        """What the files say of it."""
        named = {UNKNOWN: self.unknown, LOST: self.losses}
        return {**self.counts, **{name: dict(of.most_common(_FIELDS_NAMED)) for name, of in named.items() if of}}


# -- conversations -----------------------------------------------------------------------------------------------------


def write_conversations(
    lake: Lake, day: str, specs: Sequence[TableSpec], origin: Provenance
) -> tuple[Writing, Findings]:
    """Write some tables of a day's conversations. Raises NotFetched, and what `Lake.table_writers` does."""
    try:
        return _write_conversations(lake, day, specs, origin, may_add=True)
    except Overtaken:
        return _write_conversations(lake.refreshed(), day, specs, origin, may_add=False)


def _write_conversations(
    lake: Lake, day: str, specs: Sequence[TableSpec], origin: Provenance, *, may_add: bool
) -> tuple[Writing, Findings]:
    """Raises Overtaken where others replaced the rows to which those of hours were added."""
    with lake.table_writers({f"tables/{spec.name}": spec for spec in specs}, day, origin) as writing:
        landed = _landed(lake, day, specs) if may_add else None
        if landed is not None:
            writing.add_to_stored(lake)
        taken = landed or _TakenPages.of(day, conversations_of(lake, day), Findings())
        findings, pages = taken.findings, taken.pages
        writing.reach = replace(pages.reach, imported=bool(len(taken.imported)))
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = made_of.of_conversations(lake, day, specs)
        threads = DecodingSettings.load().threads
        for tables in day_tables(taken.plan, taken.page, findings.add, taken.nested, threads=threads):
            if len(taken.imported) or len(taken.of_data_lake):
                conversations = tables[CONVERSATIONS.name]
                tables[CONVERSATIONS.name] = marked(conversations, taken.imported, taken.of_data_lake)
            for spec in specs:
                writing[f"tables/{spec.name}"].write(tables[spec.name])
        writing.provenance |= findings.provenance()
    return writing, findings


@dataclass(frozen=True, slots=True)
class _TakenPages:
    """Pages of a day and which conversations are taken from them; the ids of those from imported files, and of those
    from the data lake. `is_stored`: one of the taken conversations is stored already.
    """

    pages: Conversations
    plan: merge.Plan
    imported: pa.Array
    of_data_lake: pa.Array
    findings: Findings
    is_stored: bool = False

    @classmethod
    def of(cls, day: str, pages: Conversations, findings: Findings, stored: pa.ChunkedArray | None = None) -> Self:
        sources, data_lake = pages.sources, pages.data_lake
        pieces = data_lake.pieces if data_lake else ()
        stubs = [*(_stub(source) for source in sources), *(_stub_of_data_lake(day, piece) for piece in pieces)]
        plan = merge.plan(stubs)
        imported = _ids(plan, stubs, lambda at: at < len(sources) and sources[at].imported)
        of_data_lake = _ids(plan, stubs, lambda at: at >= len(sources))
        findings.count(_PAGES, len(sources))
        findings.count(_DUPLICATES, plan.duplicates)
        findings.data_lake_problem = pages.data_lake_problem
        if any(source.imported for source in sources):
            findings.count("imported_conversations", len(imported))
        if data_lake:
            findings.count("data_lake_conversations", len(of_data_lake))
            findings.unknown.update(data_lake.unknown)
            findings.losses.update(data_lake.losses)
        is_stored = stored is not None and pc.any(pc.is_in(_ids(plan, stubs, lambda at: True), stored)).as_py()
        return cls(pages, plan, imported, of_data_lake, findings, bool(is_stored))

    def page(self, position: int) -> Page:
        return self.pages.sources[position].page()

    @property
    def nested(self) -> dict[int, pa.StructArray]:
        """The conversations of the data lake, by position behind the pages."""
        pieces = self.pages.data_lake.pieces if self.pages.data_lake else ()
        return dict(enumerate(pieces, start=len(self.pages.sources)))


def _landed(lake: Lake, day: str, specs: Sequence[TableSpec]) -> _TakenPages | None:
    """What is taken from the hours that landed since the tables were stored; None where the day is to be made anew.

    A conversation that is stored already is among the reasons: only one of its forms counts.
    """
    hours = made_of.hours_of_details_since(lake, day, [CONVERSATIONS, *specs])
    may_grow = _may_grow(lake, day, [_PLACE, *(f"tables/{spec.name}" for spec in specs)])
    pages = conversations_of_hours(lake, day, hours) if hours and may_grow else None
    if not hours or pages is None:
        return None
    try:
        stored = lake.read(_PLACE, day, columns=["conversation_id"])["conversation_id"]
    except Unreadable:
        return None
    findings = Findings.stored(lake, _PLACE, day)
    if before := lake.pages(HOURLY, f"{utc_hour(hours[0])[0] - HOUR:%Y-%m-%d-%H:00}"):
        findings.is_new(before.about(len(before) - 1))
    taken = _TakenPages.of(day, pages, findings, stored)
    return None if taken.is_stored else taken


def _may_grow(lake: Lake, day: str, places: Sequence[str]) -> bool:
    return all(len(lake.log(place).files(day)) < _MOST_FILES for place in places)


def _stub(source: Source) -> merge.Stub:
    page = source.page()
    starts = decode.starts(page.body)
    return merge.Stub(source.start, source.end, page.as_of, starts, decides=source.decides, by_job=source.by_job)


def _stub_of_data_lake(day: str, conversations: pa.StructArray) -> merge.Stub:
    """Older than every page: a conversation that a page has is taken from there."""
    names = ("conversationId", "conversationStart")
    keys = pa.StructArray.from_arrays([pc.struct_field(conversations, name) for name in names], names=list(names))
    return merge.Stub(*utc_day(day), datetime.fromtimestamp(0, UTC), keys)


def _ids(plan: merge.Plan, stubs: Sequence[merge.Stub], is_of: Callable[[int], bool]) -> pa.Array:
    """The ids of the conversations that are taken from some of the pages."""
    taken = [
        stubs[part.page].conversations.field("conversationId").take(pa.array(part.rows))
        for part in plan.parts
        if is_of(part.page)
    ]
    return pa.concat_arrays(taken) if taken else pa.array([], pa.string())


# -- buckets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MetricsOfDay:
    """What a table of buckets of a day is made of: its pages, and these as one number. `landed` are the pages of the
    hours that landed since it was stored and how far it reached; None where it is to be made anew.
    """

    spec: TableSpec
    pages: Callable[[Lake, str], Metrics]
    number: Callable[[Lake, str, TableSpec], int]
    landed: Callable[[Lake, str], tuple[Metrics, Reach] | None] = lambda lake, day: None


def landed_interval_metrics(lake: Lake, day: str) -> tuple[Metrics, Reach] | None:
    """See `MetricsOfDay.landed`."""
    hours, place = made_of.hours_of_metrics_since(lake, day, INTERVAL_METRICS), f"tables/{INTERVAL_METRICS.name}"
    pages = interval_metrics_of_hours(lake, day, hours) if hours and _may_grow(lake, day, [place]) else None
    reach = lake.reach(place, day)
    return None if pages is None or reach is None else (pages, reach)


def write_metrics(lake: Lake, of: MetricsOfDay, day: str, origin: Provenance) -> tuple[Writing, Findings]:
    """Write a day of a table of buckets. What was asked in every part of the day is kept with the rows. Raises
    NotFetched, and what `Lake.table_writers` does.
    """
    try:
        return _write_metrics(lake, of, day, origin, may_add=True)
    except Overtaken:
        return _write_metrics(lake.refreshed(), of, day, origin, may_add=False)


def _write_metrics(
    lake: Lake, of: MetricsOfDay, day: str, origin: Provenance, *, may_add: bool
) -> tuple[Writing, Findings]:
    """Raises Overtaken where others replaced the rows to which those of hours were added."""
    place = f"tables/{of.spec.name}"
    with lake.table_writers({place: of.spec}, day, origin) as writing:
        landed = of.landed(lake, day) if may_add else None
        if landed is not None:
            writing.add_to_stored(lake)
        pages, known = landed or (of.pages(lake, day), None)
        findings = Findings() if known is None else Findings.stored(lake, place, day)
        asked: list[list[str]] = [[] for _ in pages.parts]

        def fetched() -> Iterator[tuple[str, bytes]]:
            for requests, part in zip(asked, pages.parts.values(), strict=True):
                for page in part:
                    requests.append(page.request)
                    yield page.request, page.body

        answers = metric_rows(of.spec, fetched())
        findings.unknown.update(answers.unknown)
        rows, imported = _with_imported(of.spec, answers.table, pages, findings)
        if imported is not None:
            findings.count("imported_rows", imported)
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = {place: of.number(lake, day, of.spec)}
        reach = Reach(
            pages.through,
            pages.through >= pages.end,
            imported=bool(imported),
            fetched_hours=len(pages.parts),
            questions=answered_everywhere(asked),
        )
        writing.reach = reach if known is None else _together(known, reach)
        writing.provenance |= findings.provenance()
        writing[place].write(rows)
    return writing, findings


def _together(known: Reach, landed: Reach) -> Reach:
    """How far hours and those that landed after them reach."""
    hours = (known.fetched_hours or 0) + (landed.fetched_hours or 0)
    return replace(landed, fetched_hours=hours, questions=answered_by_both(known.questions, landed.questions))


def _with_imported(spec: TableSpec, rows: pa.Table, pages: Metrics, findings: Findings) -> tuple[pa.Table, int | None]:
    """The fetched rows and those of files for hours that were never fetched; and how many these are."""
    if pages.imported is None:
        return rows, None
    saved = [metric_rows(spec, [(page.request, page.body)]) for page in pages.imported]
    for each in saved:
        findings.unknown.update(each.unknown)
    hours = {utc_hour(hour)[0] for hour in pages.parts}
    both = filled(spec, rows, [each.table for each in saved], hours)
    return both, len(both) - len(rows)
