"""What was read from saved files and is not in the lake yet. It is on disk, because a file may be larger than the
memory.

It is a SQLite database without a name: the system removes it with the process, however that ends. Nothing is written to
the lake before a file has been read to its end, so that a file that turns out to be damaged leaves nothing.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.http.page import Page
from genesys_assets.importing.files import CannotImport
from genesys_assets.spans import milliseconds

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2048;
PRAGMA temp_store = FILE;
CREATE TABLE conversation (id TEXT PRIMARY KEY, start INTEGER, last INTEGER, body BLOB, times INTEGER);
CREATE TABLE total (answer INTEGER PRIMARY KEY, hits INTEGER);
CREATE TABLE of_answer (answer INTEGER, id TEXT, PRIMARY KEY (answer, id)) WITHOUT ROWID;
CREATE TABLE figure (key TEXT PRIMARY KEY, stats TEXT) WITHOUT ROWID;
CREATE TABLE answer (number INTEGER PRIMARY KEY, group_by TEXT);
CREATE TABLE bucket (answer INTEGER, asset TEXT, day TEXT, grouped TEXT, finish INTEGER, body BLOB, span TEXT);
CREATE TABLE of_all (kind TEXT, key TEXT, times INTEGER, day INTEGER, days INTEGER DEFAULT 1, PRIMARY KEY (kind, key))
    WITHOUT ROWID;
CREATE TABLE page (asset TEXT, day TEXT, file TEXT, request TEXT, as_of INTEGER, identity TEXT, body BLOB);
CREATE INDEX page_place ON page (asset, day);
"""
_OF_FORM = ("start", "last", "body")
_HOUR = 3_600_000

Partition = tuple[str, str]
"""Asset and day."""


class StoredBucket(NamedTuple):
    """A bucket of the file that is being read, in the order of `Spool.buckets`."""

    asset: str
    day: str
    group_by: tuple[str, ...]
    group: str
    end: datetime
    body: bytes


class Total(NamedTuple):
    """How many different things all files hold; how many of these they hold more than once, and how many on more than
    one day.
    """

    different: int
    repeated: int
    on_several_days: int


NONE = Total(0, 0, 0)


class Spool(contextlib.AbstractContextManager["Spool"]):
    """Conversations and buckets of the file that is being read, and finished pages of it and of files before.

    Raises CannotImport where the disk is full.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self.bytes = 0

    def __exit__(self, *_: object) -> None:
        self._database.close()

    # -- the file that is being read -----------------------------------------------------------------------------------

    def add_conversation(self, id_: str, start: datetime, last: datetime, body: bytes) -> None:
        """Keep a conversation, unless a newer form of it is there."""
        self._do(
            "INSERT INTO conversation VALUES (?, ?, ?, ?, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1, "
            + ", ".join(f"{name} = iif(excluded.last >= last, excluded.{name}, {name})" for name in _OF_FORM),
            (id_, milliseconds(start), milliseconds(last), body),
        )

    def add_total(self, answer: int, hits: int) -> None:
        """Note how many conversations an answer counted on all of its pages."""
        self._do("INSERT OR REPLACE INTO total VALUES (?, ?)", (answer, hits))

    def add_to_answer(self, answer: int, id_: str) -> None:
        """Note that a conversation is of an answer."""
        self._do("INSERT OR IGNORE INTO of_answer VALUES (?, ?)", (answer, id_))

    def by_total(self) -> dict[str, int]:
        """Conversations read, by the total that their answer gave."""
        counts = "SELECT hits, count(DISTINCT id) FROM total LEFT JOIN of_answer USING (answer) GROUP BY hits"
        return {str(hits): count for hits, count in self._do(counts)}

    def conversations(self) -> Iterator[tuple[datetime, datetime, bytes]]:
        """Start, last moment and body of each: those that began in one hour and ended in one hour together."""
        order = f"start / {_HOUR}, last / {_HOUR}, start, id"
        self._do(f"CREATE INDEX IF NOT EXISTS conversation_order ON conversation ({order})")
        for start, last, body in self._do(f"SELECT start, last, body FROM conversation ORDER BY {order}"):
            yield moment(start), moment(last), body

    def add_bucket(self, answer: int, place: Partition, grouped: str, span: Interval, body: bytes) -> None:
        row = (answer, *place, grouped, milliseconds(span.end), body, str(span))
        self._do("INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def is_as_before(self, key: str, stats: str) -> bool:
        """Whether a figure is the one that came before under this key, or the first; it is kept."""
        self._do("INSERT OR IGNORE INTO figure VALUES (?, ?)", (key, stats))
        return list(self._do("SELECT stats FROM figure WHERE key = ?", (key,))) == [(stats,)]

    def add_answer(self, number: int, group_by: Collection[str]) -> None:
        """Note what an answer's buckets are grouped by."""
        self._do("INSERT OR REPLACE INTO answer VALUES (?, ?)", (number, json.dumps(sorted(group_by))))

    def buckets(self) -> Iterator[StoredBucket]:
        """The buckets by grouping and place, and then in the order in which they arrived."""
        rows = self._do(
            "SELECT asset, day, group_by, grouped, finish, body FROM bucket JOIN answer ON number = answer "
            "ORDER BY group_by, asset, day, bucket.rowid"
        )
        for asset, day, group_by, grouped, end, body in rows:
            yield StoredBucket(asset, day, tuple(json.loads(group_by)), grouped, moment(end), body)

    def repeated_buckets(self) -> Iterator[tuple[int, str, str, bytes]]:
        """Buckets of one answer, group and time of which there are several that differ, one behind the other: answer,
        group, time and body.
        """
        of_one = "answer, asset, grouped, span"
        several = f"SELECT {of_one} FROM bucket GROUP BY {of_one} HAVING count(DISTINCT body) > 1"
        return self._do(
            f"SELECT answer, grouped, span, body FROM bucket WHERE ({of_one}) IN ({several}) ORDER BY {of_one}"
        )

    def begin_file(self) -> None:
        """Forget conversations and buckets: another file comes."""
        self._do("DROP INDEX IF EXISTS conversation_order")
        for table in ("conversation", "bucket", "answer", "total", "of_answer", "figure"):
            self._do(f"DELETE FROM {table}")

    def end_file(self) -> None:
        """Count what the file held among what all files hold."""
        into = "INSERT INTO of_all (kind, key, times, day)"
        again = "ON CONFLICT DO UPDATE SET times = times + excluded.times, days = days + (day != excluded.day)"
        self._do(f"{into} SELECT 'conversation', id, times, start / {24 * _HOUR} FROM conversation WHERE true {again}")
        key = "group_by || asset || grouped || span"
        of_file = f"SELECT 'bucket', {key}, count(*), 0 FROM bucket JOIN answer ON number = answer GROUP BY {key}"
        self._do(f"{into} {of_file} {again}")

    def total(self, kind: Literal["conversation", "bucket"]) -> Total:
        """The conversations, or the buckets, of all files together, each of a group and a time once."""
        several = "count(*) FILTER (WHERE times > 1), count(*) FILTER (WHERE days > 1)"
        counts = f"SELECT count(*), {several} FROM of_all WHERE kind = ?"
        return Total(*next(self._do(counts, (kind,))))

    # -- pages ---------------------------------------------------------------------------------------------------------

    def add_page(self, place: Partition, file: str, page: Page, identity: str) -> None:
        as_of = milliseconds(page.fetched_at)
        self._do(
            "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, file, page.request, as_of, identity, page.body)
        )
        self.bytes += len(page.body)

    def places(self, file: str | None = None) -> list[Partition]:
        """The partitions that pages are of, of one file or of all, in order."""
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

    def forget_pages(self, file: str | None = None) -> None:
        """Forget the pages of one file, or all."""
        self._do("DELETE FROM page WHERE ? IN (file, '')", (file or "",))
        (self.bytes,) = next(iter(self._do("SELECT coalesce(sum(length(body)), 0) FROM page")))

    def _do(self, statement: str, values: Iterable[Any] = ()) -> Iterator[Any]:
        try:
            return self._database.execute(statement, tuple(values))
        except (sqlite3.OperationalError, sqlite3.DataError) as error:
            raise CannotImport(
                f"it could not be kept on the disk while it was read ({error}): free some space, or name a folder with "
                "more of it in TMPDIR"
            ) from None


def moment(count: int) -> datetime:
    """The instant that is so many milliseconds after 1970, in UTC."""
    return datetime.fromtimestamp(count // 1000, UTC).replace(microsecond=count % 1000 * 1000)
