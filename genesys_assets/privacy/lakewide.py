"""Everything that the lake has stored, without those who must be forgotten: partitions are rewritten one by one.

    list of who must be forgotten -> reports and other tables -> published days -> tables -> pages -> names of users

Whoever dies in between has lost nothing of what is looked for: names and numbers stay where they are known until they
are gone everywhere else. So the same command, given again, completes. A partition is rewritten by the commit protocol
of the lake. It counts as newer than what was stored, so that a run which had read it before does not bring it back. A
run that commits afterwards looks at the list itself (`Lake.page_writers`, `Lake.table_writers`).

Files of older versions in which somebody stands are removed at once. A file that no commit names may be one that a run
is about to commit: it is left alone for an hour, and told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa

from genesys_assets.lake.audit import COLUMNS, AuditFailed
from genesys_assets.lake.column_types import UnstorableColumn
from genesys_assets.lake.commit import Commit, FinishedDraft, Known, Overtaken, Proposal, TableContended, known
from genesys_assets.lake.delta import DataFile
from genesys_assets.lake.files import (
    TAKEN_OUT,
    PageWriter,
    StoredFile,
    StoredPages,
    TableWriter,
    Unreadable,
    common_schema,
    open_files,
    rows_of,
)
from genesys_assets.lake.housekeeping import places
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import LakeUnreachable, Listed, drafts
from genesys_assets.privacy import lake_files
from genesys_assets.privacy.forgotten import Forgotten, Kind, remember
from genesys_assets.privacy.scrubbed_answers import scrubbed as scrubbed_answer
from genesys_assets.privacy.scrubbed_rows import scrubbed as scrubbed_rows
from genesys_assets.privacy.traces import Gathered, gather
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import Column, TableSpec
from genesys_assets.tables.users.spans import USER_PRESENCE, USER_ROUTING_STATUS
from genesys_assets.tables.users.time import USER_TIME

Ids = Mapping[Kind, Sequence[str]]
IN_FLIGHT = timedelta(hours=1)
"""How old a file must be that no commit names before it counts as left behind: far longer than from a file's
publication to its commit, which is minutes where others commit all the time."""
_TRIES = 20
_LOOKS = 5
"""How often tables are looked at again to which others committed meanwhile."""
_PAGES = "pages/"
_TOLD_BY_IDS = ("pages/", "tables/", "reference/", "live/")
_OF_USERS = ("reference/", "pages/reference_")
_PARTICIPANTS = "tables/participants"
_DATA_FILE = re.compile(r"(?:date=[^/]+/(?:hour=[^/]+/)?)?[^/=]+\.parquet")
_OURS = re.compile(r"(.+?)/(?:date=[^/]+/(?:hour=[^/]+/)?)?[0-9a-f]{32}-[0-9a-f]{12}\.parquet")
_KEYS = {
    f"tables/{spec.name}": spec.key
    for spec in (
        *DAY_TABLES,
        *(INTERVAL_METRICS, DAILY_METRICS, *FAMILY_METRICS.values()),
        *(USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME),
    )
}


@dataclass(slots=True)
class Report:
    """What was done, by table: partitions rewritten, rows that went, rows that changed, answers that changed, files of
    older versions that went; and what could not be done. `days` are those whose tables changed.
    """

    partitions: Counter[str] = field(default_factory=Counter)
    rows_removed: Counter[str] = field(default_factory=Counter)
    rows_changed: Counter[str] = field(default_factory=Counter)
    old_files: Counter[str] = field(default_factory=Counter)
    published_files: Counter[str] = field(default_factory=Counter)
    days: set[str] = field(default_factory=set)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Work:
    lake: Lake
    who: Forgotten
    found: Gathered
    report: Report
    dry_run: bool = False
    waits: bool = False
    """Whether something is left that is known only by names and numbers, which are read from tables and pages."""


def forget(
    lake: Lake,
    ids: Ids,
    now: datetime,
    published: Callable[[Lake, Forgotten, Gathered, Report, bool], None] = lambda *_: None,
    *,
    dry_run: bool = False,
) -> Report:
    """Forget these ids, and those that were to be forgotten before, in the whole lake and in what is published.

    With `dry_run` nothing is written: the report says what would be. Raises LakeUnreachable.
    """
    lake = lake.refreshed()
    who = _listed(lake, ids, dry_run)
    found = gather(lake, who)
    if found.of_contacts:
        who = _listed(lake, {**ids, Kind.CONTACT_CONVERSATION: sorted(found.of_contacts)}, dry_run)
    work = _Work(lake, who, found, Report(), dry_run)
    derived, others, of_users = _ordered(places(lake.store.listed("")))
    seen: dict[str, int] = {}
    _tables(work, derived, seen)
    published(work.lake, who, found, work.report, dry_run)
    _old_files(work, derived, now)
    if work.waits and not dry_run:
        work.report.problems["tables and pages"] = (
            "They stay as they are: only they tell which names and numbers to look for in what is named here. Run this "
            "again when that is done. What is fetched until then has nobody in it who must be forgotten."
        )
        return work.report
    _tables(work, others, seen)
    _what_came_meanwhile(work, seen)
    _old_files(work, [*others, None], now)
    _tables(work, of_users, seen)
    _old_files(work, of_users, now)
    if not dry_run:
        _drafts(work, now)
    return work.report


class ForgottenMeanwhile(Exception):
    """Somebody had to be forgotten while something was made that tells of people by names and numbers alone."""


def forget_in(lake: Lake, partitions: Iterable[tuple[str, str | None]]) -> None:
    """Take everybody who must be forgotten out of partitions that were just stored. What is made of tables is taken
    away instead, for nobody knows any more which names and numbers to look for; then raises ForgottenMeanwhile.

    Raises TableContended, Unreadable.
    """
    work = _Work(lake, Forgotten.load(lake.store), Gathered(), Report())
    withdrawn = []
    for place, key in partitions:
        if place.startswith(_TOLD_BY_IDS):
            _partition(work, place, key)
        else:
            _withdraw(lake, place, key)
            withdrawn.append(f"{place} of {key or 'all'}")
    if withdrawn:
        raise ForgottenMeanwhile(
            f"{', '.join(withdrawn)} was not stored: somebody was forgotten while it was made, who may stand in it. "
            "Materialise it again."
        )


def _withdraw(lake: Lake, place: str, key: str | None) -> None:
    """Take a partition out of the lake, and its files. Raises TableContended."""
    files = lake.log(place).files(key)
    lake.remove(place, [key])
    for file in files:
        lake.store.delete(f"{place}/{file.path}")


def _listed(lake: Lake, ids: Ids, dry_run: bool) -> Forgotten:
    """The list with these ids on it."""
    who = Forgotten.load(lake.store)
    for kind, of_kind in ids.items():
        if not dry_run:
            remember(lake.store, kind, of_kind, lake.protection)
        who = who.joined_by(kind, of_kind, lake.protection)
    return who


def _ordered(tables: Collection[str]) -> tuple[list[str], list[str], list[str]]:
    """Tables made of others; tables, that which names contacts last, and pages; and where names of users stand."""
    of_users = [place for place in tables if place.startswith(_OF_USERS)]
    own = [place for place in tables if place.startswith(("tables/", _PAGES)) and place not in of_users]
    derived = [place for place in tables if place not in own and place not in of_users]
    return derived, sorted(own, key=lambda place: (place.startswith(_PAGES), place == _PARTICIPANTS, place)), of_users


def _tables(work: _Work, tables: Iterable[str], seen: dict[str, int]) -> None:
    for place in tables:
        log = work.lake.log(place)
        # What a log says is known once: others may commit while it is gone through.
        at = log.version
        for key in dict.fromkeys(key for key, _ in log.every_file()):
            try:
                _partition(work, place, key)
            except (Unreadable, UnreadablePage, TableContended, UnstorableColumn, AuditFailed) as error:
                work.report.problems[f"{place} {key or ''}".strip()] = str(error)
                work.waits |= isinstance(error, TableContended) and place.startswith("reports/")
        seen[place] = at


def _what_came_meanwhile(work: _Work, seen: dict[str, int]) -> None:
    """Look again at tables to which somebody committed: a run may have begun before the list was written."""
    for _ in range(0 if work.dry_run else _LOOKS):
        work.lake = work.lake.refreshed()
        moved = [place for place, at in seen.items() if work.lake.log(place).version != at]
        if not moved:
            return
        _tables(work, moved, seen)


# -- one partition -----------------------------------------------------------------------------------------------------


def _partition(work: _Work, place: str, key: str | None) -> None:
    """Rewrite a partition where somebody stands in it. Raises Unreadable, UnreadablePage, TableContended."""
    lake = work.lake
    for _ in range(_TRIES):
        try:
            return _rewrite(work, lake, place, key)
        except Overtaken:
            lake = lake.refreshed()
    raise TableContended(f"{place} of {key or 'all'} was replaced by others {_TRIES} times in a row: run it again.")


def _rewrite(work: _Work, lake: Lake, place: str, key: str | None) -> None:
    log = lake.log(place)
    stored, files = known(log, key), open_files(lake.store, place, log.files(key))
    if not files or not any(True for _ in _changes(work, place, key, files)):
        return
    with drafts(lake.store) as begin:
        if place.startswith(_PAGES):
            pages = PageWriter(begin(), files[-1].provenance)
            writer: FinishedDraft = pages
            counted = _write_pages(work, place, pages, files)
        else:
            schema = common_schema(files)
            table = TableWriter(begin(), _spec(place, schema, files[-1]), files[-1].provenance)
            writer = table
            counted = _write_rows(work, place, key, table, files, schema)
        if not work.dry_run:
            _commit(lake, place, key, writer, stored)
    report = work.report
    report.partitions[place] += 1
    report.rows_removed[place] += counted[0]
    report.rows_changed[place] += counted[1]
    if place.startswith("tables/") and key:
        report.days.add(key)


def _changes(work: _Work, place: str, key: str | None, files: Sequence[StoredFile]) -> Iterator[object]:
    """What differs once everybody is forgotten: answers, or pieces of rows."""
    if place.startswith(_PAGES):
        yield from (True for page in StoredPages(files) if _page(work, place, page.body, page.request) is not None)
        return
    traces = work.found.of(place, key)
    for file in files:
        for rows in file.row_groups():
            if scrubbed_rows(place, rows, work.who, traces) is not None:
                yield rows


def _page(work: _Work, place: str, body: bytes, request: str) -> tuple[bytes, str, frozenset[str]] | None:
    """An answer and its request without those who must be forgotten; None where nobody stands in them."""
    if place == lake_files.PLACE:
        left = lake_files.scrubbed(lake_files.schema_of(request), body, work.who, work.found.names)
    else:
        left = scrubbed_answer(place, body, work.who, work.found.names)
    asked = work.who.without_ids(request, work.who.ids_in(request))
    if left is None:
        return None if asked == request else (body, asked, frozenset())
    return left.body, asked, left.taken_out


def _write_pages(work: _Work, place: str, writer: PageWriter, files: Sequence[StoredFile]) -> tuple[int, int]:
    pages, changed, taken_out = StoredPages(files), 0, set(files[-1].provenance.get(TAKEN_OUT, ()))
    with writer:
        writer.reach = pages.reach
        for page in pages:
            left = _page(work, place, page.body, page.request)
            if left is not None:
                page = replace(page, body=left[0], request=left[1])
                taken_out |= left[2]
                changed += 1
            writer.write(page)
        if taken_out:
            writer.provenance[TAKEN_OUT] = sorted(taken_out)
    return 0, changed


def _write_rows(
    work: _Work, place: str, key: str | None, writer: TableWriter, files: Sequence[StoredFile], schema: pa.Schema
) -> tuple[int, int]:
    removed = changed = 0
    traces = work.found.of(place, key)
    with writer:
        writer.reach = files[-1].reach
        for rows in rows_of(files, schema):
            left = scrubbed_rows(place, rows, work.who, traces)
            if left is not None:
                removed += len(rows) - len(left)
                changed += _changed(rows, left)
            writer.write(rows if left is None else left)
    if writer.wrong_columns:
        raise AuditFailed(key, {place: {COLUMNS: writer.wrong_columns}})
    return removed, changed


def _changed(before: pa.Table, after: pa.Table) -> int:
    """How many rows were not there before as they are now."""
    return (Counter(map(str, after.to_pylist())) - Counter(map(str, before.to_pylist()))).total()


def _spec(place: str, schema: pa.Schema, newest: StoredFile) -> TableSpec:
    key = _KEYS.get(place, ())
    return TableSpec(
        place.rsplit("/", 1)[-1],
        "",
        key if set(key) <= set(schema.names) else (),
        tuple(Column(each.name, each.type, "") for each in schema),
        version=newest.provenance.get("schema_version", 1),
    )


def _commit(lake: Lake, place: str, key: str | None, writer: FinishedDraft, stored: Known) -> None:
    """Raises Overtaken, TableContended."""
    newer = (stored.newness or 0) + 1
    commit = Commit(lake.log(place), [Proposal(key, writer, stored, newer, builds_on_known=True)], None)
    commit.prepare()
    commit.commit()


# -- files that no reader sees -----------------------------------------------------------------------------------------


def _old_files(work: _Work, of: Collection[str | None], now: datetime) -> None:
    """Remove files of older versions, and of killed runs, in which somebody stands; None: of tables that never were."""
    lake = work.lake.refreshed()
    every = lake.store.listed("")
    listed = [file for file in every if file.key.endswith(".parquet")]
    tables = sorted(places(every), key=len, reverse=True)
    named: dict[str, set[str]] = {}
    current = {f"{place}/{file.path}" for place in tables for _, file in lake.log(place).every_file()}
    for file in listed:
        place = _place_of(file.key, tables)
        if file.key in current or place is None or (place if place in tables else None) not in of:
            continue
        if not _stands_in(work, lake, place, file):
            continue
        if place not in named:
            named[place] = set(_named(lake, place)) if place in tables else set()
        if file.key not in named[place] and now - file.modified < IN_FLIGHT:
            work.report.problems[file.key] = (
                "No commit names this file yet, and somebody who must be forgotten stands in it. A run may be about to "
                f"commit it, or was killed. Run this again after {file.modified + IN_FLIGHT:%Y-%m-%d %H:%M} UTC."
            )
            work.waits |= not _stands_in(replace(work, found=Gathered()), lake, place, file)
            continue
        if not work.dry_run:
            lake.store.delete(file.key)
        work.report.old_files[place] += 1


def _place_of(key: str, tables: Iterable[str]) -> str | None:
    for place in tables:
        if key.startswith(f"{place}/") and _DATA_FILE.fullmatch(key.removeprefix(f"{place}/")):
            return place
    ours = _OURS.fullmatch(key)
    return ours[1] if ours else None


def _stands_in(work: _Work, lake: Lake, place: str, file: Listed) -> bool:
    path = file.key.removeprefix(f"{place}/")
    day = re.search(r"date=([^/]+)", path)
    try:
        opened = StoredFile(lake.store, place, DataFile(path, file.size, 0, 0))
        return any(True for _ in _changes(work, place, day[1] if day else None, [opened]))
    except (Unreadable, UnreadablePage):
        # Nobody can read it. Housekeeping removes it with other leftovers.
        return False


def _named(lake: Lake, place: str) -> Iterator[str]:
    """The files that commits have added or removed."""
    log = lake.log(place)
    for actions in log.actions(range(log.version + 1)):
        for action in actions:
            for kind in ("add", "remove"):
                if kind in action:
                    yield f"{place}/{action[kind]['path']}"


def _drafts(work: _Work, now: datetime) -> None:
    try:
        work.lake.store.forget_drafts(now - IN_FLIGHT)
    except LakeUnreachable as error:
        work.report.problems["uploads in parts that broke off"] = str(error)
