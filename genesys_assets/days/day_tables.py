"""Writes the tables of a UTC day: completely, or only the rows of new hours.

A day's tables are made of its pages, decoded and merged (`tables`). If new hours were stored since the tables were
written, and nothing else has changed, only the pages of these hours are decoded, and their rows are added in a file
beside the stored ones. In all other cases the day is written completely: after an hour was read again; with pages of
jobs, imports, overlaps or the data lake; if an hour is missing; after a new version of a table; if a conversation is
stored already; and if there would be more files than readers should open.
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
    HOURLY_DETAILS,
    Conversations,
    Metrics,
    Source,
    conversations_of,
    conversations_of_hours,
    interval_metrics_of_hours,
)
from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.lake import Lake, Provenance, Reach, Unreadable, Writing
from genesys_assets.lake.writers import FIELDS_NAMED
from genesys_assets.settings import DecodingSettings
from genesys_assets.spans import HOUR, utc_day, utc_hour
from genesys_assets.tables.conversations import decode, merge
from genesys_assets.tables.conversations.day import day_tables
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.metrics.question import answered_by_both, answered_everywhere
from genesys_assets.tables.sources import fill_hours, mark_sources
from genesys_assets.tables.spec import TableSpec

UNKNOWN, LOST = "unknown_fields", "values_lost"
"""Keys of the provenance of a file: how often each unknown field and each loss occurred in its pages, by path."""
_MOST_FILES = 8
"""The most files of a day of a table. Each one costs readers time, above all on S3."""
_PAGES, _DUPLICATES = "pages", "duplicates_dropped"
_PLACE = f"tables/{CONVERSATIONS.name}"


@dataclass(slots=True)
class DecodingCounts:
    """What was counted while a day's pages were decoded: fields that the model does not know, values that could not be
    kept, counts by name, and why the data lake could not be read.
    """

    unknown: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    data_lake_problem: str | None = None
    pages: set[tuple[datetime, str]] = field(default_factory=set)

    @classmethod
    def stored(cls, lake: Lake, place: str, day: str) -> Self:
        """The counts that a stored table has in its provenance."""
        origin = lake.provenance(place, day)
        counts = {name: int(origin[name]) for name in (_PAGES, _DUPLICATES) if name in origin}
        return cls(Counter(origin.get(UNKNOWN, {})), Counter(origin.get(LOST, {})), counts)

    def add(self, page: Page, decoded: decode.DecodedPage) -> None:
        """Adds the counts of one page; a page that is stored with several hours counts once."""
        if self.note_page(page):
            self.unknown.update(decoded.unknown)
            self.losses.update(decoded.losses)

    def note_page(self, page: Page) -> bool:
        """Remembers the page. Returns whether it is new."""
        identity = (page.fetched_at, page.correlation_id or page.request)
        is_new = identity not in self.pages
        self.pages.add(identity)
        return is_new

    def count(self, name: str, number: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + number

    def provenance(self) -> Provenance:
        """The counts as provenance of the files."""
        named = {UNKNOWN: self.unknown, LOST: self.losses}
        return {**self.counts, **{name: dict(of.most_common(FIELDS_NAMED)) for name, of in named.items() if of}}


# -- conversations -----------------------------------------------------------------------------------------------------


def write_conversations(
    lake: Lake, day: str, specs: Sequence[TableSpec], origin: Provenance
) -> tuple[Writing, DecodingCounts]:
    """Writes tables of a day's conversations, of the pages that are stored when it begins. Raises NotFetched, and what
    `Lake.table_writers` raises.
    """
    lake.look_again()
    try:
        return _write_conversations(lake, day, specs, origin, may_add=True)
    except (ConcurrentCommit, Unreadable):
        return _write_conversations(lake.refreshed(), day, specs, origin, may_add=False)


def _write_conversations(
    lake: Lake, day: str, specs: Sequence[TableSpec], origin: Provenance, *, may_add: bool
) -> tuple[Writing, DecodingCounts]:
    """Raises ConcurrentCommit if another process replaced the rows to which rows of new hours were added, Unreadable if
    these are lost.
    """
    with lake.table_writers({f"tables/{spec.name}": spec for spec in specs}, day, origin) as writing:
        new_hours = _new_hours(lake, day, specs) if may_add else None
        if new_hours is not None:
            writing.add_to_stored(lake)
        taken = new_hours or _TakenPages.of(day, conversations_of(lake, day), DecodingCounts())
        decoding, pages = taken.decoding, taken.pages
        writing.reach = replace(pages.reach, imported=bool(len(taken.imported)))
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = made_of.of_conversations(lake, day, specs)
        threads = DecodingSettings.load().threads
        for tables in day_tables(taken.plan, taken.page, decoding.add, taken.nested, threads=threads):
            if len(taken.imported) or len(taken.of_data_lake):
                conversations = tables[CONVERSATIONS.name]
                tables[CONVERSATIONS.name] = mark_sources(conversations, taken.imported, taken.of_data_lake)
            for spec in specs:
                writing[f"tables/{spec.name}"].write(tables[spec.name])
        writing.provenance |= decoding.provenance()
    return writing, decoding


@dataclass(frozen=True, slots=True)
class _TakenPages:
    """Pages of a day, and the plan of which conversations are taken from them. `imported` and `of_data_lake` are the
    ids of the conversations that are taken from imported files and from the data lake. `is_stored`: at least one of the
    taken conversations is stored already.
    """

    pages: Conversations
    plan: merge.Plan
    imported: pa.Array
    of_data_lake: pa.Array
    decoding: DecodingCounts
    is_stored: bool = False

    @classmethod
    def of(
        cls, day: str, pages: Conversations, decoding: DecodingCounts, stored: pa.ChunkedArray | None = None
    ) -> Self:
        sources, data_lake = pages.sources, pages.data_lake
        pieces = data_lake.pieces if data_lake else ()
        stubs = [*(_stub(source) for source in sources), *(_stub_of_data_lake(day, piece) for piece in pieces)]
        plan = merge.plan(stubs)
        imported = _ids(plan, stubs, lambda at: at < len(sources) and sources[at].imported)
        of_data_lake = _ids(plan, stubs, lambda at: at >= len(sources))
        decoding.count(_PAGES, len(sources))
        decoding.count(_DUPLICATES, plan.duplicates)
        decoding.data_lake_problem = pages.data_lake_problem
        if any(source.imported for source in sources):
            decoding.count("imported_conversations", len(imported))
        if data_lake:
            decoding.count("data_lake_conversations", len(of_data_lake))
            decoding.unknown.update(data_lake.unknown)
            decoding.losses.update(data_lake.losses)
        is_stored = stored is not None and pc.any(pc.is_in(_ids(plan, stubs, lambda at: True), stored)).as_py()
        return cls(pages, plan, imported, of_data_lake, decoding, bool(is_stored))

    def page(self, position: int) -> Page:
        return self.pages.sources[position].page()

    @property
    def nested(self) -> dict[int, pa.StructArray]:
        """The conversations of the data lake; their positions follow those of the pages."""
        pieces = self.pages.data_lake.pieces if self.pages.data_lake else ()
        return dict(enumerate(pieces, start=len(self.pages.sources)))


def _new_hours(lake: Lake, day: str, specs: Sequence[TableSpec]) -> _TakenPages | None:
    """The pages of the hours that were stored since the tables were written; None if the day must be written
    completely.

    It must also be written completely if a conversation of these pages is stored already, because only one form of a
    conversation counts.
    """
    hours = made_of.hours_of_details_since(lake, day, [CONVERSATIONS, *specs])
    may_grow = _may_grow(lake, day, [_PLACE, *(f"tables/{spec.name}" for spec in specs)])
    pages = conversations_of_hours(lake, day, hours) if hours and may_grow else None
    if not hours or pages is None:
        return None
    try:
        stored = lake.read(_PLACE, day, columns=["conversation_id"])["conversation_id"]
    except (Unreadable, FileNotFoundError):
        return None
    decoding = DecodingCounts.stored(lake, _PLACE, day)
    if before := lake.pages(HOURLY_DETAILS, f"{utc_hour(hours[0])[0] - HOUR:%Y-%m-%d-%H:00}"):
        decoding.note_page(before.about(len(before) - 1))
    taken = _TakenPages.of(day, pages, decoding, stored)
    return None if taken.is_stored else taken


def _may_grow(lake: Lake, day: str, places: Sequence[str]) -> bool:
    return all(len(lake.log(place).files(day)) < _MOST_FILES for place in places)


def _stub(source: Source) -> merge.Stub:
    page = source.page()
    starts = decode.starts(page.body)
    return merge.Stub(source.start, source.end, page.as_of, starts, decides=source.decides, by_job=source.by_job)


def _stub_of_data_lake(day: str, conversations: pa.StructArray) -> merge.Stub:
    """The stub of conversations from the data lake. It counts as older than every page, so that conversations that a
    page has are taken from the page.
    """
    names = ("conversationId", "conversationStart")
    keys = pa.StructArray.from_arrays([pc.struct_field(conversations, name) for name in names], names=list(names))
    return merge.Stub(*utc_day(day), datetime.fromtimestamp(0, UTC), keys)


def _ids(plan: merge.Plan, stubs: Sequence[merge.Stub], is_of: Callable[[int], bool]) -> pa.Array:
    """The ids of the conversations that are taken from the pages for whose position `is_of` is true."""
    taken = [
        stubs[part.page].conversations.field("conversationId").take(pa.array(part.rows))
        for part in plan.parts
        if is_of(part.page)
    ]
    return pa.concat_arrays(taken) if taken else pa.array([], pa.string())


# -- buckets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MetricsOfDay:
    """How the sources of a day of a table of buckets are found: its `pages`, and the `number` that identifies them (see
    `made_of`). `new_hours` gives the pages of hours that were stored since the table was written, and the reach of the
    written table; None if the day must be written completely.
    """

    spec: TableSpec
    pages: Callable[[Lake, str], Metrics]
    number: Callable[[Lake, str, TableSpec], int]
    new_hours: Callable[[Lake, str], tuple[Metrics, Reach] | None] = lambda lake, day: None


def new_hours_of_interval_metrics(lake: Lake, day: str) -> tuple[Metrics, Reach] | None:
    """`MetricsOfDay.new_hours` of the table `interval_metrics`."""
    hours, place = made_of.hours_of_metrics_since(lake, day, INTERVAL_METRICS), f"tables/{INTERVAL_METRICS.name}"
    pages = interval_metrics_of_hours(lake, day, hours) if hours and _may_grow(lake, day, [place]) else None
    reach = lake.reach(place, day)
    return None if pages is None or reach is None else (pages, reach)


def write_metrics(lake: Lake, of: MetricsOfDay, day: str, origin: Provenance) -> tuple[Writing, DecodingCounts]:
    """Writes a day of a table of buckets, of the pages that are stored when it begins. The questions that all parts of
    the day have answers to are stored with its reach. Raises NotFetched, and what `Lake.table_writers` raises.
    """
    lake.look_again()
    try:
        return _write_metrics(lake, of, day, origin, may_add=True)
    except (ConcurrentCommit, Unreadable):
        return _write_metrics(lake.refreshed(), of, day, origin, may_add=False)


def _write_metrics(
    lake: Lake, of: MetricsOfDay, day: str, origin: Provenance, *, may_add: bool
) -> tuple[Writing, DecodingCounts]:
    """Raises ConcurrentCommit if another process replaced the rows to which rows of new hours were added, Unreadable if
    these are lost.
    """
    place = f"tables/{of.spec.name}"
    with lake.table_writers({place: of.spec}, day, origin) as writing:
        new_hours = of.new_hours(lake, day) if may_add else None
        if new_hours is not None:
            writing.add_to_stored(lake)
        pages, stored_reach = new_hours or (of.pages(lake, day), None)
        decoding = DecodingCounts() if stored_reach is None else DecodingCounts.stored(lake, place, day)
        requests_of_parts: list[list[str]] = [[] for _ in pages.parts]

        def fetched() -> Iterator[tuple[str, bytes]]:
            for requests, part in zip(requests_of_parts, pages.parts.values(), strict=True):
                for page in part:
                    requests.append(page.request)
                    yield page.request, page.body

        answers = metric_rows(of.spec, fetched())
        decoding.unknown.update(answers.unknown)
        rows, imported = _with_imported(of.spec, answers.table, pages, decoding)
        if imported is not None:
            decoding.count("imported_rows", imported)
        writing.newness = lake.newness(pages.inputs)
        writing.made_of = {place: of.number(lake, day, of.spec)}
        reach = Reach(
            pages.through,
            pages.through >= pages.end,
            imported=bool(imported),
            fetched_hours=len(pages.parts),
            questions=answered_everywhere(requests_of_parts),
        )
        writing.reach = reach if stored_reach is None else _together(stored_reach, reach)
        writing.provenance |= decoding.provenance()
        writing[place].write(rows)
    return writing, decoding


def _together(stored: Reach, new: Reach) -> Reach:
    """The reach of a written table and of new hours together."""
    hours = (stored.fetched_hours or 0) + (new.fetched_hours or 0)
    return replace(new, fetched_hours=hours, questions=answered_by_both(stored.questions, new.questions))


def _with_imported(
    spec: TableSpec, rows: pa.Table, pages: Metrics, decoding: DecodingCounts
) -> tuple[pa.Table, int | None]:
    """The fetched rows, and imported rows for hours that were never fetched; and the number of the latter, None without
    an import.
    """
    if pages.imported is None:
        return rows, None
    saved = [metric_rows(spec, [(page.request, page.body)]) for page in pages.imported]
    for each in saved:
        decoding.unknown.update(each.unknown)
    hours = {utc_hour(hour)[0] for hour in pages.parts}
    both = fill_hours(spec, rows, [each.table for each in saved], hours)
    return both, len(both) - len(rows)
