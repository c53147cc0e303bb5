"""Holds what was read from saved files and is not in the lake yet. It is on disk, because a file may be larger than the
memory.

It is a SQLite database in a temporary file, which disappears with the process. Nothing is written to the lake before a
file has been read to its end, so that a damaged file leaves nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.forms import Version, are_partial
from genesys_assets.importing.totals import CountedPage
from genesys_assets.spans import milliseconds

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2048;
PRAGMA temp_store = FILE;
CREATE TABLE conversation
    (id TEXT PRIMARY KEY, start INTEGER, last INTEGER, body BLOB, participants TEXT, times INTEGER, seen TEXT,
    earliest INTEGER, latest INTEGER, extent INTEGER);
CREATE TABLE form (id TEXT, body BLOB, PRIMARY KEY (id, body)) WITHOUT ROWID;
CREATE TABLE forgotten (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE total (answer INTEGER PRIMARY KEY, hits INTEGER, name TEXT);
CREATE TABLE of_answer (answer INTEGER, id TEXT, PRIMARY KEY (answer, id)) WITHOUT ROWID;
CREATE TABLE figure (key TEXT PRIMARY KEY, stats TEXT) WITHOUT ROWID;
CREATE TABLE answer (number INTEGER PRIMARY KEY, group_by TEXT);
CREATE TABLE bucket
    (answer INTEGER, asset TEXT, day TEXT, grouped TEXT, start INTEGER, finish INTEGER, body BLOB, span TEXT);
CREATE TABLE of_all (kind TEXT, key TEXT, times INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE begun (id TEXT, file TEXT, day TEXT, times INTEGER, start INTEGER);
CREATE INDEX begun_id ON begun (id);
CREATE INDEX begun_day ON begun (day, id, file);
CREATE TABLE page (asset TEXT, day TEXT, file TEXT, request TEXT, as_of INTEGER, identity TEXT, body BLOB);
CREATE INDEX page_place ON page (asset, day);
CREATE TABLE span
    (asset TEXT, day TEXT, start INTEGER, finish INTEGER, file TEXT, PRIMARY KEY (asset, day, start, finish, file))
    WITHOUT ROWID;
CREATE TABLE taken
    (series BLOB, start INTEGER, finish INTEGER, file TEXT, is_cut INTEGER, PRIMARY KEY (series, start, finish))
    WITHOUT ROWID;
"""
_OF_FORM = ("start", "last", "body", "participants", "extent")
_LONGEST_SEEN = 1 << 16
_HOUR = 3_600_000
_LENGTHS = tuple(minutes * 60_000 for minutes in (5, 10, 15, 30, 60, 23 * 60, 24 * 60, 25 * 60))
"""The lengths of buckets that scripts ask for, in milliseconds. Days in which clocks change have an hour less or more.
"""
_IDS_AT_ONCE = 1_000
_AT_ONCE = 10_000
"""How many conversations are compared at once: two versions of each take about two kilobytes."""
DIFFERENT_START_MS = 15 * 60_000
"""Two starts of a conversation that lie this far apart are no readings of one instant: tools round to seconds, and time
zones differ by 30 minutes or more.
"""

Partition = tuple[str, str]
"""The asset of imported pages (as `imported_details`) and the day."""
Span = tuple[int, int]
"""Start and end of a bucket, in milliseconds since 1970."""


class StoredBucket(NamedTuple):
    """A bucket of the file that is being read, in the order of `Spool.buckets`."""

    asset: str
    day: str
    group_by: tuple[str, ...]
    group: str
    end: datetime
    is_cut: bool
    body: bytes


class Total(NamedTuple):
    """How many different things all files hold, and how many of these they hold more than once."""

    different: int
    repeated: int


NONE = Total(0, 0)


class Spool(contextlib.AbstractContextManager["Spool"]):
    """The conversations and buckets of the file that is being read, and the finished pages of it and of earlier files.

    Methods raise CannotImport if the disk is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self.bytes = 0

    def __exit__(self, *_: object) -> None:
        self._database.close()

    # -- the file that is being read -----------------------------------------------------------------------------------

    def add_conversation(
        self,
        id_: str,
        start: datetime,
        last: datetime,
        body: bytes,
        participants: Collection[str] = (),
        extent: int = 0,
    ) -> None:
        """Add a conversation, or replace an older form of it. `last` is the last event in it, `participants` are the
        ids of its participants, `extent` is as in `forms.extent`.
        """
        seen = (
            f"iif(instr(seen, excluded.participants) OR length(seen) > {_LONGEST_SEEN}, seen, "
            "seen || char(10) || excluded.participants)"
        )
        self._do(
            "INSERT OR IGNORE INTO form SELECT id, body FROM conversation WHERE id = ?1 AND body != ?2 "
            "UNION ALL SELECT id, ?2 FROM conversation WHERE id = ?1 AND body != ?2",
            (id_, body),
        )
        self._do(
            "INSERT INTO conversation VALUES (?, ?, ?, ?, ?5, 1, ?5, ?2, ?2, ?6) ON CONFLICT (id) DO UPDATE SET "
            "times = times + 1, earliest = min(earliest, excluded.start), latest = max(latest, excluded.start), "
            + f"seen = {seen}, "
            + ", ".join(
                f"{name} = iif((excluded.last, excluded.extent) >= (last, extent), excluded.{name}, {name})"
                for name in _OF_FORM
            ),
            (id_, milliseconds(start), milliseconds(last), body, json.dumps(sorted(participants)), extent),
        )

    def drop_shrunken(self) -> int:
        """Drop the conversations whose newest form lacks participants that another form of the file has. Returns how
        many there are.
        """
        forms = "SELECT id, participants, seen FROM conversation WHERE participants != seen"
        shrunken = [
            id_
            for id_, newest, seen in self._do(forms)
            if not {each for form in seen.split("\n") for each in json.loads(form)} <= {*json.loads(newest)}
        ]
        for id_ in shrunken:
            self._do("DELETE FROM conversation WHERE id = ?", (id_,))
        return len(shrunken)

    def drop_of_two_starts(self) -> int:
        """Drop the conversations of which two forms of the file have starts that cannot both be right. Returns how many
        there are.
        """
        wrong = "DELETE FROM conversation WHERE latest - earliest >= ? RETURNING id"
        return len(list(self._do(wrong, (DIFFERENT_START_MS,))))

    def drop_partial(self) -> int:
        """Drop the conversations of which each of two forms of the file has something that the other lacks. Returns how
        many there are.
        """
        partial = [
            id_
            for id_, rows in groupby(self._do("SELECT id, body FROM form ORDER BY id"), lambda row: row[0])
            if are_partial([Version.of(json.loads(body)) for _, body in rows])
        ]
        return sum(len(list(self._do("DELETE FROM conversation WHERE id = ? RETURNING id", (id_,)))) for id_ in partial)

    def add_total(self, answer: int, hits: int, name: str) -> None:
        """Note how many conversations an answer counted on all of its pages, and in which field it says so."""
        self._do("INSERT OR REPLACE INTO total VALUES (?, ?, ?)", (answer, hits, name))

    def add_to_answer(self, answer: int, id_: str) -> None:
        """Note that a conversation belongs to an answer."""
        self._do("INSERT OR IGNORE INTO of_answer VALUES (?, ?)", (answer, id_))

    def counted_pages(self) -> list[CountedPage]:
        """The pages of answers that counted their conversations, in order. Of those that have all their conversations,
        or none, only one for each total: a file may have one for each of its conversations.
        """
        again = "row_number() OVER (PARTITION BY hits, id ORDER BY answer) > 1 AS again"
        rows = self._do(
            f"SELECT answer, hits, name, id, start, {again} FROM total LEFT JOIN of_answer USING (answer) "
            "LEFT JOIN conversation USING (id) ORDER BY answer, start, id"
        )
        pages, seen = list[CountedPage](), set[tuple[int, bool]]()
        for (_, hits, name), each in groupby(rows, lambda row: row[:3]):
            page = _counted_page(hits, name, each)
            alone = (hits, page.held > 0)
            if 0 < page.held < hits or alone not in seen:
                pages.append(page)
            if not 0 < page.held < hits:
                seen.add(alone)
        return pages

    def conversations(self) -> Iterator[tuple[datetime, datetime, bytes]]:
        """Start, last event and body of each conversation, ordered by the hour of the start and the hour of the last
        event.
        """
        order = f"start / {_HOUR}, last / {_HOUR}, start, id"
        self._do(f"CREATE INDEX IF NOT EXISTS conversation_order ON conversation ({order})")
        for start, last, body in self._do(f"SELECT start, last, body FROM conversation ORDER BY {order}"):
            yield moment(start), moment(last), body

    def add_forgotten(self, ids: Iterable[str]) -> None:
        """Note conversations that are not stored, because they were forgotten."""
        for id_ in ids:
            self._do("INSERT OR IGNORE INTO forgotten VALUES (?)", (id_,))

    def add_bucket(self, answer: int, place: Partition, grouped: str, span: Interval, body: bytes) -> None:
        row = (answer, *place, grouped, milliseconds(span.start), milliseconds(span.end), body, str(span))
        self._do("INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def is_as_before(self, key: str, stats: str) -> bool:
        """Add a figure under a key. Returns False if the key has another figure already."""
        self._do("INSERT OR IGNORE INTO figure VALUES (?, ?)", (key, stats))
        return list(self._do("SELECT stats FROM figure WHERE key = ?", (key,))) == [(stats,)]

    def add_answer(self, number: int, group_by: Collection[str]) -> None:
        """Note the dimensions that an answer's buckets are grouped by."""
        self._do("INSERT OR REPLACE INTO answer VALUES (?, ?)", (number, json.dumps(sorted(group_by))))

    def buckets(self) -> Iterator[StoredBucket]:
        """The buckets by grouping and place, those that are cut last, and then in the order in which they arrived.

        A bucket is cut if it ends with its answer and is shorter than others of it: the answer was saved while the
        bucket went on. One that is alone is cut if its length is none that answers have.
        """
        bounds = (
            "SELECT answer, asset, max(finish) AS until, max(finish - start) AS longest, "
            f"min(start) = max(start) AND max(finish - start) NOT IN {_LENGTHS} AS is_odd FROM bucket GROUP BY 1, 2"
        )
        is_cut = "finish = until AND finish - start < longest OR is_odd"
        rows = self._do(
            f"SELECT asset, day, group_by, grouped, finish, {is_cut} AS is_cut, body "
            f"FROM bucket JOIN answer ON number = answer JOIN ({bounds}) USING (answer, asset) "
            "ORDER BY group_by, asset, day, is_cut, bucket.rowid"
        )
        for asset, day, group_by, grouped, end, cut, body in rows:
            yield StoredBucket(asset, day, tuple(json.loads(group_by)), grouped, moment(end), bool(cut), body)

    def repeated_buckets(self) -> Iterator[tuple[int, str, str, bytes]]:
        """Buckets that differ although they have the same answer, group and time. Those that belong together follow one
        another. Of each: answer, group, time and body.
        """
        of_one = "answer, asset, grouped, span"
        several = f"SELECT {of_one} FROM bucket GROUP BY {of_one} HAVING count(DISTINCT body) > 1"
        return self._do(
            f"SELECT answer, grouped, span, body FROM bucket WHERE ({of_one}) IN ({several}) ORDER BY {of_one}"
        )

    def overlapping_buckets(self) -> Iterator[tuple[int, str, str, int, int, str, bytes]]:
        """The buckets of those groups of an answer in which some overlap, by group and then by time: answer, asset,
        group, start and end in milliseconds, time and body.
        """
        of_one = "answer, asset, grouped"
        before = (
            f"max(finish) OVER (PARTITION BY {of_one} ORDER BY start, finish "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        )
        several = f"SELECT {of_one} FROM (SELECT {of_one}, start, {before} AS before FROM bucket) WHERE start < before"
        return self._do(
            f"SELECT {of_one}, start, finish, span, body FROM bucket WHERE ({of_one}) IN ({several}) "
            f"ORDER BY {of_one}, start, finish"
        )

    def begin_file(self) -> None:
        """Forget the conversations and buckets of the file before."""
        self._do("DROP INDEX IF EXISTS conversation_order")
        for table in ("conversation", "form", "bucket", "answer", "total", "of_answer", "figure", "forgotten"):
            self._do(f"DELETE FROM {table}")

    def end_file(self, file: str) -> None:
        """Count what the file held among what all files hold, and note the days on which its conversations began."""
        self._do("DELETE FROM conversation WHERE id IN (SELECT id FROM forgotten)")
        into, again = "INSERT INTO of_all", "ON CONFLICT DO UPDATE SET times = times + excluded.times"
        self._do(f"{into} SELECT 'conversation', id, times FROM conversation WHERE true {again}")
        key = "group_by || asset || grouped || span"
        of_file = f"SELECT 'bucket', {key}, count(*) FROM bucket JOIN answer ON number = answer GROUP BY {key}"
        self._do(f"{into} {of_file} {again}")
        day = "date(start / 1000, 'unixepoch')"
        self._do(f"INSERT INTO begun SELECT id, ?, {day}, times, start FROM conversation", (file,))
        self._do("INSERT OR IGNORE INTO span SELECT DISTINCT asset, day, start, finish, ? FROM bucket", (file,))

    def total(self, kind: Literal["conversation", "bucket"]) -> Total:
        """How many conversations, or buckets, all files hold together. Buckets of one group and time count once."""
        counts = "SELECT count(*), count(*) FILTER (WHERE times > 1) FROM of_all WHERE kind = ?"
        return Total(*next(self._do(counts, (kind,))))

    # -- days of starts ------------------------------------------------------------------------------------------------

    def start_days(self) -> list[str]:
        """The days on which conversations of the finished pages began, in order."""
        return [day for (day,) in self._do("SELECT DISTINCT day FROM begun ORDER BY day")]

    def started_ids(self) -> Iterator[str]:
        """The ids of the conversations of the finished pages. One of several files is there several times."""
        return (id_ for (id_,) in self._do("SELECT id FROM begun"))

    def of_several_files(self, ids: Collection[str]) -> set[str]:
        """Those of some conversations that several files of the finished pages have."""
        found, every = set[str](), list(ids)
        for first in range(0, len(every), _IDS_AT_ONCE):
            some = every[first : first + _IDS_AT_ONCE]
            wanted = f"SELECT id FROM begun WHERE id IN ({', '.join('?' * len(some))}) "
            found |= {id_ for (id_,) in self._do(f"{wanted} GROUP BY id HAVING count(DISTINCT file) > 1", some)}
        return found

    def begun_at_another_time(self, others: Sequence[tuple[str, int]], day: str) -> list[tuple[str, str, str]]:
        """Those of some conversations, given as id and start in milliseconds, all on one day, that began on another
        day, or at a time that cannot be that start: id, file and day.
        """
        found: list[tuple[str, str, str]] = []
        for first in range(0, len(others), _IDS_AT_ONCE):
            some = dict(others[first : first + _IDS_AT_ONCE])
            wanted = f"SELECT id, file, day, start FROM begun WHERE id IN ({', '.join('?' * len(some))})"
            found += [
                (id_, file, own_day)
                for id_, file, own_day, start in self._do(wanted, tuple(some))
                if own_day != day or abs(start - some[id_]) >= DIFFERENT_START_MS
            ]
        return found

    def ids_begun_on(self, day: str, *, is_shared: bool) -> Iterator[set[str]]:
        """The conversations of a day in the finished pages, some at a time: all if `is_shared`, otherwise those of
        several files.
        """
        several = "" if is_shared else "HAVING count(DISTINCT file) > 1"
        of_day = f"SELECT id FROM begun WHERE day = ? AND id > ? GROUP BY id {several} ORDER BY id LIMIT {_AT_ONCE}"
        last = ""
        while ids := [id_ for (id_,) in self._do(of_day, (day, last))]:
            yield set(ids)
            last = ids[-1]

    def begun_at_two_times(self) -> list[tuple[str, str, str, str, str]]:
        """Conversations that began on another day in an earlier file, or at a time that cannot be the same start: id,
        file and day; file and day of the earliest file.
        """
        earliest = (
            "SELECT id, min(rowid) AS earliest FROM begun GROUP BY id "
            "HAVING count(DISTINCT day) > 1 OR max(start) - min(start) >= ?1"
        )
        return list(
            self._do(
                "SELECT begun.id, begun.file, begun.day, first.file, first.day "
                f"FROM ({earliest}) AS several JOIN begun AS first ON first.rowid = earliest "
                "JOIN begun ON begun.id = several.id "
                "WHERE begun.day != first.day OR abs(begun.start - first.start) >= ?1",
                (DIFFERENT_START_MS,),
            )
        )

    def forget_start(self, id_: str, file: str) -> None:
        """Forget a conversation of a file, because it is left out there. It no longer counts, unless another file has
        it too, which may be in the lake already and no longer in the spool.
        """
        times = "SELECT coalesce(sum(times), 0) FROM begun WHERE (id, file) = (?1, ?2)"
        of_one = "(kind, key) = ('conversation', ?1)"
        self._do(f"UPDATE of_all SET times = times - ({times}) WHERE {of_one}", (id_, file))
        self._do("DELETE FROM begun WHERE (id, file) = (?, ?)", (id_, file))
        self._do("DELETE FROM of_all WHERE times = 0 AND (kind, key) = ('conversation', ?)", (id_,))

    # -- buckets that overlap ------------------------------------------------------------------------------------------

    def spans(self, place: Partition) -> list[Span]:
        """The different times of the buckets of a partition, in the finished pages."""
        return list(self._do("SELECT DISTINCT start, finish FROM span WHERE (asset, day) = (?, ?)", place))

    def take(self, series: bytes, span: Span, file: str, *, is_cut: bool) -> None:
        """Note that a series has a figure of this time, which a file brought."""
        self._do("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?)", (series, *span, file, is_cut))

    def taken_beside(self, series: bytes, span: Span) -> tuple[str, Span] | None:
        """File and time of a figure of the series, noted by `take`, whose time overlaps `span` without being equal to
        it. None if there is no such figure. A cut one counts only where it is not the beginning of `span`.
        """
        rows = self._do(
            "SELECT file, start, finish FROM taken WHERE series = ?1 AND start < ?3 AND finish > ?2 "
            "AND (start, finish) != (?2, ?3) AND NOT (is_cut AND start = ?2 AND finish < ?3) ORDER BY start LIMIT 1",
            (series, *span),
        )
        return next(((file, (start, finish)) for file, start, finish in rows), None)

    def forget_taken(self) -> None:
        """Forget the figures that `take` noted."""
        self._do("DELETE FROM taken")

    def forget_bucket(self, group_by: Collection[str], asset: str, group: Mapping[str, str], interval: str) -> None:
        """Do not count a bucket any more, which is left out."""
        key = json.dumps(sorted(group_by)) + asset + json.dumps(group, sort_keys=True) + interval
        self._do("UPDATE of_all SET times = times - 1 WHERE (kind, key) = ('bucket', ?)", (key,))
        self._do("DELETE FROM of_all WHERE times = 0 AND (kind, key) = ('bucket', ?)", (key,))

    # -- pages ---------------------------------------------------------------------------------------------------------

    def add_page(self, place: Partition, file: str, page: Page, identity: str) -> None:
        as_of = milliseconds(page.fetched_at)
        self._do(
            "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, file, page.request, as_of, identity, page.body)
        )
        self.bytes += len(page.body)

    def places(self, file: str | None = None) -> list[Partition]:
        """The partitions that have pages of one file, or of any file, in order."""
        return list(
            self._do("SELECT DISTINCT asset, day FROM page WHERE ? IN (file, '') ORDER BY asset, day", (file or "",))
        )

    def identities(self, place: Partition) -> list[tuple[str, str]]:
        """File and identity of each page of a partition, in order."""
        return list(self._do("SELECT file, identity FROM page WHERE (asset, day) = (?, ?) ORDER BY rowid", place))

    def pages(self, place: Partition) -> Iterator[Page]:
        """The pages of a partition, in the order in which they arrived."""
        rows = self._do("SELECT request, as_of, body FROM page WHERE (asset, day) = (?, ?) ORDER BY rowid", place)
        for request, as_of, body in rows:
            yield Page(0, request, moment(as_of), None, body)

    def pages_of_file(self, place: Partition, file: str) -> Iterator[tuple[int, Page]]:
        """The pages of a file in a partition, each with its number in the spool."""
        rows = self._do(
            "SELECT rowid, request, as_of, body FROM page WHERE (asset, day, file) = (?, ?, ?) ORDER BY rowid",
            (*place, file),
        )
        for number, request, as_of, body in rows:
            yield number, Page(0, request, moment(as_of), None, body)

    def numbered_pages(self, place: Partition) -> Iterator[tuple[str, int, Page]]:
        """The pages of a partition in the order in which they arrived, each with its file and its number."""
        numbers = list(self._do("SELECT file, rowid FROM page WHERE (asset, day) = (?, ?) ORDER BY rowid", place))
        for file, number in numbers:
            for request, as_of, body in self._do("SELECT request, as_of, body FROM page WHERE rowid = ?", (number,)):
                yield file, number, Page(0, request, moment(as_of), None, body)

    def replace_page(self, number: int, body: bytes | None, identity: str | None) -> None:
        """Replace the body of a page; None: remove the page."""
        if body is None:
            self._do("DELETE FROM page WHERE rowid = ?", (number,))
        else:
            self._do("UPDATE page SET body = ?, identity = ? WHERE rowid = ?", (body, identity, number))

    def forget_pages(self, file: str | None = None) -> None:
        """Forget the pages of one file, or all."""
        for table in ("page", "begun", "span"):
            self._do(f"DELETE FROM {table} WHERE ? IN (file, '')", (file or "",))
        (self.bytes,) = next(iter(self._do("SELECT coalesce(sum(length(body)), 0) FROM page")))

    def _do(self, statement: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        try:
            return self._database.execute(statement, tuple(values))
        except (sqlite3.OperationalError, sqlite3.DataError) as error:
            raise CannotImport(
                f"it could not be kept on the disk while it was read ({error}): free some space, or name a folder with "
                "more of it in TMPDIR"
            ) from None


def _counted_page(
    hits: int, name: str, rows: Iterable[tuple[int, int, str, str | None, int | None, int]]
) -> CountedPage:
    """A page, from the rows of its conversations in the order of their starts; an empty page has one row without an
    id. A page may be larger than the memory.
    """
    held = new = gap = digest = 0
    first = last = None
    for *_, id_, start, again in rows:
        if id_ is None:
            continue
        begun = start or 0
        gap = gap if last is None else max(gap, begun - last)
        first, last = begun if first is None else first, begun
        held += 1
        new += not again
        # A sum does not depend on the order of the conversations.
        digest += int.from_bytes(hashlib.sha256(id_.encode(errors="replace")).digest()[:8])
    return CountedPage(hits, held, new, first or 0, last or 0, f"{digest % 2**64:016x}", gap, name)


def moment(count: int) -> datetime:
    """The instant `count` milliseconds after 1970, in UTC."""
    return datetime.fromtimestamp(count // 1000, UTC).replace(microsecond=count % 1000 * 1000)
