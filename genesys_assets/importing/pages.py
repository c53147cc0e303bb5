"""Makes pages by day of one saved file.

A page looks like one that was fetched; its request names the file and the sha256 of its bytes. `fetched_at` is the end
of its latest bucket, or the earliest of its conversations' last events, which all lie within one hour: its content was
not saved earlier, and it is unknown how much later.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar

from genesys_assets.cloud.analytics.interval import Interval, iso
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.importing.buckets import Bucket, ImportOptions, buckets, grouping
from genesys_assets.importing.conversations import missing, read_conversation
from genesys_assets.importing.documents import documents
from genesys_assets.importing.envelopes import MESSAGES, flaw, further_page, read_number, total_of
from genesys_assets.importing.files import CannotImport, inflated
from genesys_assets.importing.forms import extent
from genesys_assets.importing.imported_page import CUT_FIGURES, DAILY, DETAILS, HOURLY, hour_of, identity, partition_of
from genesys_assets.importing.no_answer import inside
from genesys_assets.importing.remarks import Remarks, counted, printable, shown
from genesys_assets.importing.shapes import Answer, Object, Piece, Shape, pieces
from genesys_assets.importing.spelling import plain
from genesys_assets.importing.spool import Partition, Spool, StoredBucket
from genesys_assets.importing.times import NoInstant, instant
from genesys_assets.importing.totals import CountedPage
from genesys_assets.tables.conversations.decode import UnreadablePage, starts
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, metric_rows
from genesys_assets.tables.sources import METHOD

Row = TypeVar("Row", bound=tuple[Any, ...])

_A_PAGE = 1_000
_A_PAGE_OF_BUCKETS = 5_000
_A_PAGE_BYTES = 512 << 10
_BUCKET = "bucket"
_NO_KEYS = "conversation left out: it has no conversationId or no conversationStart"
_HALF = "conversation left out: one of its values cannot be read"
_SHRUNKEN = (
    "conversation left out: it is there several times, and its newest version lacks participants of another version. "
    "Save each conversation whole, not a line for each participant"
)
_PARTIAL = (
    "conversation left out: it is there several times, and of two versions each has sessions, segments, metrics, "
    "evaluations, surveys or resolutions that the other lacks. Save each conversation whole, not a line for each part"
)
_TWO_STARTS = (
    "conversation left out: it is there several times, and two of its starts lie 15 minutes or more apart, so one of "
    "them was converted to another time zone. Save it with the right one"
)
_FORGOTTEN = "conversation left out: it was forgotten (genesys-assets forget), and does not come back"
_GROUPED = "answer grouped by"
_SHOWN = 5
_NOTHING: tuple[Any, ...] = (None, "", [], {})
_OF_QUESTION = frozenset({"interval", "query"})
"""Fields beside an answer that only repeat what was asked."""
_ALONE = 0
_COUNTED = "counted conversations"
"""The kind of answers of the details query. Those of jobs have no total."""


@dataclass(slots=True)
class FileContents:
    """What one file held. Its pages are in the spool. `counted`: its pages of answers that counted their conversations
    (totalHits). `last_pages`: the kinds of answers that have a page without a further one. `other_pages`: of each kind
    the fields (`cursor`, `nextUri`) that say that a further page follows. The kind is the shape, and whether it has a
    total.
    `known_until`: by the day on which conversations began, the latest instant up to which their jobs had all data
    (dataAvailabilityDate); empty if an answer without that date has conversations of the day too.
    `whole_until`, `cut_until`: by day, the end of the last bucket within an hour, and that of the last one that went on
    when it was saved.
    """

    shapes: Counter[str] = field(default_factory=Counter)
    conversations: int = 0
    buckets: int = 0
    counted: list[CountedPage] = field(default_factory=list)
    last_pages: set[str] = field(default_factory=set)
    other_pages: dict[str, list[str]] = field(default_factory=dict)
    known_until: dict[str, str] = field(default_factory=dict)
    whole_until: dict[str, str] = field(default_factory=dict)
    cut_until: dict[str, str] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=Remarks)


def convert(
    name: str,
    sha256: str,
    raw: Iterator[bytes],
    options: ImportOptions,
    now: datetime,
    spool: Spool,
    *,
    screened: Callable[[str, Page], Page] = lambda _, page: page,
) -> FileContents:
    """Read one file, given as pieces of bytes, and put its pages into the spool, each as `screened` returns it.

    Raises CannotImport if a part of the file is wrong, or if nothing of it can be imported. Then it has no pages in the
    spool.
    """
    spool.begin_file()
    file = _File(name, sha256, options, now, spool, screened)
    try:
        file.read(raw)
        file.make_pages()
        spool.end_file(sha256)
    except BaseException:
        spool.forget_pages(sha256)
        raise
    return file.converted


class _File:
    """A file that is being read."""

    def __init__(
        self,
        name: str,
        sha256: str,
        options: ImportOptions,
        now: datetime,
        spool: Spool,
        screened: Callable[[str, Page], Page],
    ) -> None:
        self.name = name
        self.screened = screened
        self.sha256 = sha256
        self.options = options
        self.now = now
        self.spool = spool
        self.converted = FileContents()
        self._answer: Answer | None = None
        self._answer_number = 0
        self._is_page = False
        self._kind, self._further = "", ""
        self._available: datetime | None = None
        self._seen: set[str] = set()
        self._days: set[date] = set()
        self._enveloped: set[int] = set()
        self._unmeasured = 0
        self.remarks = self.converted.remarks
        self._answers = _Answers(options, spool, self.remarks)

    def read(self, raw: Iterator[bytes]) -> None:
        """Put conversations and buckets into the spool."""
        for part in documents(inflated(raw)):
            for piece in pieces(part):
                self._see_answer(piece)
                self.converted.shapes[piece.shape.value] += 1
                if piece.shape is Shape.CONVERSATION:
                    self._add_conversations(piece)
                else:
                    self._add_buckets(piece)
        self._answers.finish()
        self._end_answer()
        if count := self.spool.drop_of_two_starts():
            self.remarks.leave_out(_TWO_STARTS, count)
        if count := self.spool.drop_shrunken():
            self.remarks.leave_out(_SHRUNKEN, count)
        if count := self.spool.drop_partial():
            self.remarks.leave_out(_PARTIAL, count)
        self._must_agree()
        self._must_not_overlap()
        self.converted.counted = self.spool.counted_pages()
        if not self.converted.shapes:
            raise CannotImport(
                "it holds no answer of the platform: an empty list does not say what was asked. Leave the file out; "
                "with --complete a day without conversations counts as empty"
            )

    def _see_answer(self, piece: Piece) -> None:
        """Note what an answer says of itself: errors, its total, whether a further page follows, up to when jobs had
        all data. Parts of one answer follow one another, and any of them may say it.
        """
        if piece.answer != self._answer:
            self._end_answer()
            self._answer = piece.answer
            self._answer_number += 1
        self._is_page = piece.is_page
        self._further = self._further or further_page(piece.envelope) or ""
        self._kind = piece.shape.value
        if piece.shape is Shape.CONVERSATION and (total := total_of(piece.envelope)) is not None:
            self._kind = _COUNTED
            self._see_total(*total)
        for name, value in piece.envelope.items():
            if value not in _NOTHING and name not in self._seen:
                self._seen.add(name)
                self._see_beside(name, value, piece)

    def _see_total(self, name: str, value: Any) -> None:
        hits = read_number(value)
        if hits is not None:
            self.spool.add_total(self._answer_number, hits, name)
        elif name not in self._seen:
            self.remarks.leave_out(f"totalHits: {shown(value)} is no count of conversations")

    def _see_beside(self, name: str, value: Any, piece: Piece) -> None:
        """Note what a field beside conversations or figures says, or that what it holds is not read."""
        shape = piece.shape
        if (against := flaw(name, value)) is not None:
            self.remarks.leave_out(f"{printable(name, 60)}: {against}")
        elif name == "query" and isinstance(value, dict) and value.get("queryType") in ("topN", "bottomN"):
            self.remarks.leave_out(f"query: {value['queryType']} gives some of the groups only")
        elif name == "dataAvailabilityDate" and shape is Shape.CONVERSATION:
            try:
                self._available = instant(value, self.options.time_zone)
            except NoInstant as reason:
                self.remarks.leave_out(f"dataAvailabilityDate: {reason}")
        elif (found := inside({name: value})) is not None:
            self.remarks.leave_out(
                f"{found[1]} in the field {printable(found[0], 60)!r}, beside {shape.value}: save it by itself"
            )
        elif (isinstance(value, dict | list) and name not in _OF_QUESTION) or plain(name) in MESSAGES:
            self.remarks.note(f"field {printable(name, 60)!r} beside {shape.value} left out")

    def _end_answer(self) -> None:
        if self._further:
            names = self.converted.other_pages.setdefault(self._kind, [])
            names += [] if self._further in names else [self._further]
        elif self._is_page:
            self.converted.last_pages.add(self._kind)
        until = "" if self._available is None else iso(self._available)
        for day in map(str, self._days):
            known = self.converted.known_until.get(day, until)
            self.converted.known_until[day] = max(until, known) if until and known else ""
        self._is_page = False
        self._kind, self._further = "", ""
        self._available = None
        self._seen, self._days = set(), set()

    def _add_conversations(self, piece: Piece) -> None:
        if piece.nulls:
            self.remarks.leave_out("conversations: null in the place of a conversation", piece.nulls)
        for written in piece.items:
            read = read_conversation(written, self.options.time_zone)
            if read.losses:
                self.remarks.leave_out(_HALF)
                for kind, loss in read.losses.items():
                    self.remarks.leave_out(loss.text, loss.count, kind)
                continue
            for text, count in read.notes.items():
                self.remarks.note(text, count)
            id_, start = (read.conversation.get(key) for key in ("conversationId", "conversationStart"))
            if start is None or not id_ or not id_.strip():
                self.remarks.leave_out(_NO_KEYS)
                continue
            if (lack := missing(read.conversation)) is not None:
                self.remarks.leave_out(_HALF)
                self.remarks.leave_out(lack)
                continue
            began = instant(start, None)
            if began > self.now:
                raise CannotImport(f"a conversation of it begins in the future, at {iso(began)}")
            if read.last is not None and read.last > self.now:
                raise CannotImport(f"a conversation of it has an instant in the future, {iso(read.last)}")
            if piece.is_page:
                self.spool.add_to_answer(self._answer_number, id_)
            self._days.add(began.date())
            ids = {each["participantId"] for each in read.conversation["participants"] if each.get("participantId")}
            body, size = _json(read.conversation), extent(read.conversation)
            self.spool.add_conversation(id_, began, read.last or began, body, ids, size)

    def _add_buckets(self, piece: Piece) -> None:
        for bucket in buckets(piece, self.options, self.remarks):
            answer = self._answers.number(piece.answer, bucket.group)
            if piece.is_page:
                self._enveloped.add(answer)
            if bucket.span.end > self.now:
                raise CannotImport(f"a bucket of it ends in the future: {bucket.span}")
            if not bucket.metrics:
                self._unmeasured += bucket.is_unmeasured
                continue
            place = partition_of(bucket.span, self.options)
            if place is None:
                self.remarks.leave_out(_nowhere(bucket.span, self.options))
                continue
            body = _json({"interval": str(bucket.span), "metrics": bucket.metrics})
            group = json.dumps(bucket.group, sort_keys=True)
            if bucket.is_less:
                self._must_not_differ(group, bucket)
            self.spool.add_bucket(answer, place, group, bucket.span, body)

    def _must_not_differ(self, group: str, bucket: Bucket) -> None:
        """Raises CannotImport if the file has two values of a figure: then a field that was left out distinguishes
        them.
        """
        for figure in bucket.metrics:
            key = json.dumps([group, str(bucket.span), figure["metric"], figure.get("qualifier")])
            if not self.spool.is_as_before(key, json.dumps(figure["stats"], sort_keys=True)):
                raise CannotImport(
                    f"it has two values of {figure['metric']} for one group and time, {bucket.span}: they "
                    "differ only in a field that is no dimension. Import figures that are grouped by dimensions"
                )

    def _must_agree(self) -> None:
        """Raises CannotImport if an answer has two values of a figure for one group and time. The platform gives one,
        so the two were of different groups, and a tool has dropped the field that distinguished them.
        """
        for (answer, _, span), rows in groupby(self.spool.repeated_buckets(), lambda row: row[:3]):
            found: dict[str, Object] = {}
            for figure in (figure for *_, body in rows for figure in json.loads(body)["metrics"]):
                name = json.dumps([figure["metric"], figure.get("qualifier")])
                if found.setdefault(name, figure["stats"]) != figure["stats"] and answer in self._enveloped:
                    raise CannotImport(
                        f"an answer of it has two values of {printable(figure['metric'], 60)} for one group and time, "
                        f"{span}: the field that distinguished them was lost. Import the answer as the platform sent it"
                    )

    def _must_not_overlap(self) -> None:
        """Raises CannotImport if an answer has overlapping buckets of a figure for one group. The platform gives none,
        so several answers were joined, and only one bucket of each time would count.
        """
        overlapping = (row for row in self.spool.overlapping_buckets() if row[0] in self._enveloped)
        for _, rows in groupby(overlapping, lambda row: row[:3]):
            last: dict[str, tuple[int, str]] = {}
            for *_, start, end, span, body in rows:
                for figure in json.loads(body)["metrics"]:
                    name = json.dumps([figure["metric"], figure.get("qualifier")])
                    until, earlier = last.get(name, (start, span))
                    if start < until and span != earlier:
                        raise CannotImport(
                            f"an answer of it has {printable(figure['metric'], 60)} of one group for {earlier} and for "
                            f"{span}, which overlap. Save each answer of the platform by itself"
                        )
                    last[name] = max((until, earlier), (end, span))

    def make_pages(self) -> None:
        """Make pages of the file's conversations and buckets in the spool. Raises CannotImport if there are none, or if
        tables could not be made from a page.
        """
        for part in _cut(self.spool.buckets(), _A_PAGE_OF_BUCKETS, lambda row: row[:3] + row[5:6]):
            self._add_page_of_buckets(part)
        for rows in _cut(self.spool.conversations(), _A_PAGE, lambda row: (hour_of(row[0]), hour_of(row[1]))):
            self._add_page_of_conversations(rows)
        left_out = self.remarks.left_out or (self.remarks.read if self._unmeasured else {})
        if left_out and not self.converted.conversations and not self.converted.buckets:
            reasons = [counted(text, n) for text, n in left_out.items() if not text.startswith(_GROUPED)]
            further = [f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
            raise CannotImport(f"nothing of it can be taken: {'; '.join([*reasons[:_SHOWN], *further])}")

    def _add_page_of_conversations(self, rows: Sequence[tuple[datetime, datetime, bytes]]) -> None:
        """Conversations with the same hour of their start and the same hour of their last event share a page. So a page
        covers one hour of starts, and is true as of one hour.
        """
        body = b'{"conversations":[' + b",".join(body for _, _, body in rows) + b"]}"
        page = self._page("conversations", {}, min(last for _, last, _ in rows), body)
        screened = self.screened(DETAILS, page)
        kept = len(rows)
        if screened.body != body and (forgotten := _ids(body) - _ids(screened.body)):
            self.spool.add_forgotten(forgotten)
            self.remarks.note(_FORGOTTEN, len(forgotten))
            kept -= len(forgotten)
        self.converted.conversations += kept
        if kept:
            self._add((DETAILS, f"{rows[0][0]:%Y-%m-%d}"), screened)

    def _add_page_of_buckets(self, rows: Sequence[StoredBucket]) -> None:
        first = rows[0]
        self.converted.buckets += len(rows)
        if first.asset == HOURLY:
            until = self.converted.cut_until if first.is_cut else self.converted.whole_until
            until[first.day] = max(iso(max(row.end for row in rows)), until.get(first.day, ""))
        asked: Object = {"groupBy": list(first.group_by)}
        if first.asset == DAILY:
            asked["timeZone"] = self.options.business_zone.key
        page = self._page(
            CUT_FIGURES if first.is_cut else "figures", asked, max(row.end for row in rows), _results(rows)
        )
        try:
            metric_rows(INTERVAL_METRICS, [(page.request, page.body)])
        except UnreadablePage as error:
            raise CannotImport(str(error)) from None
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise CannotImport(f"a figure of it is not as the platform writes them: {error!r}") from None
        self._add((first.asset, first.day), self.screened(first.asset, page))

    def _page(self, shape: str, asked: Object, as_of: datetime, body: bytes) -> Page:
        request = request_text(METHOD, self.name, {"sha256": self.sha256, "holds": shape}, asked or None)
        return Page(0, request, as_of, None, body)

    def _add(self, place: Partition, page: Page) -> None:
        self.spool.add_page(place, self.sha256, page, identity(page))


class _Answers:
    """The grouping of each answer of a file, which is known when its last bucket was read. The parts of one answer are
    consecutive. Results without an envelope are one answer together, wherever they are.
    """

    def __init__(self, options: ImportOptions, spool: Spool, remarks: Remarks) -> None:
        self._options = options
        self._spool = spool
        self._remarks = remarks
        self._last: Answer = ()
        self._number = _ALONE
        self._shown: dict[int, set[str]] = {}

    def number(self, answer: Answer, group: Iterable[str]) -> int:
        """The number of the answer to which a bucket of this group belongs."""
        if answer and answer != self._last:
            self._finish(self._number)
            self._last = answer
            self._number += 1
        number = self._number if answer else _ALONE
        self._shown.setdefault(number, set()).update(group)
        return number

    def finish(self) -> None:
        """Note the grouping of all answers: there are no more buckets."""
        for number in sorted(self._shown):
            self._finish(number, is_over=True)

    def _finish(self, number: int, *, is_over: bool = False) -> None:
        if number not in self._shown or (number == _ALONE and not is_over):
            return
        group_by = grouping(self._shown.pop(number), self._options)
        self._spool.add_answer(number, group_by)
        self._remarks.note(_grouped(group_by, self._options))


def _cut(rows: Iterable[Row], most: int, key: Callable[[Row], Any]) -> Iterator[list[Row]]:
    """Consecutive rows of one key, in lists that are small enough for a page. The last field of a row is its body."""
    for _, of_key in groupby(rows, key):
        part: list[Row] = []
        size = 0
        for row in of_key:
            if part and (len(part) == most or size + len(row[-1]) > _A_PAGE_BYTES):
                yield part
                part, size = [], 0
            part.append(row)
            size += len(row[-1])
        yield part


def _grouped(group_by: tuple[str, ...], options: ImportOptions) -> str:
    by = ",".join(group_by) or "nothing"
    return f"{_GROUPED} {by}, as " + (
        "--group-by says" if options.group_by else "its groups show. If the query had more dimensions, pass --group-by"
    )


def _nowhere(span: Interval, options: ImportOptions) -> str:
    return (
        f"{_BUCKET} of {_length(span.duration)} left out: it is neither within one hour UTC nor a day of "
        f"{options.business_zone.key} (GENESYS_ASSETS_TIME_ZONE)"
    )


def _length(duration: timedelta) -> str:
    """`31 days`, `2 hours`, `1 hour 30 minutes`."""
    seconds = duration.days * 86_400 + duration.seconds
    units = {
        "day": seconds // 86_400,
        "hour": seconds // 3600 % 24,
        "minute": seconds // 60 % 60,
        "second": seconds % 60,
    }
    named = [f"{count} {unit}{'' if count == 1 else 's'}" for unit, count in units.items() if count]
    return " ".join(named) or "less than a second"


def _results(rows: Iterable[StoredBucket]) -> bytes:
    """The buckets as results of the aggregates query, one for each group."""
    by_group: dict[str, list[bytes]] = {}
    for row in rows:
        by_group.setdefault(row.group, []).append(row.body)
    results = [b'{"group":%b,"data":[%b]}' % (group.encode(), b",".join(data)) for group, data in by_group.items()]
    return b'{"results":[%b]}' % b",".join(results)


def _ids(body: bytes) -> set[str]:
    """The ids of the conversations of a page."""
    return set(starts(body).field("conversationId").to_pylist())


def _json(value: Object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
