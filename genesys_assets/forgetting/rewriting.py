"""Rewrites one partition without those who must be forgotten, by the commit protocol of the lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from genesys_assets.forgetting.work import Work
from genesys_assets.lake.audit import COLUMNS, AuditFailed
from genesys_assets.lake.commit import (
    Commit,
    ConcurrentCommit,
    FinishedDraft,
    Proposal,
    StoredState,
    TableContended,
    stored_state,
)
from genesys_assets.lake.files import TAKEN_OUT, StoredFile, StoredPages, common_schema, open_files, rows_of
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.store import drafts
from genesys_assets.lake.writers import PageWriter, TableWriter
from genesys_assets.privacy import lake_files
from genesys_assets.privacy.scrubbed_answers import scrubbed as scrubbed_answer
from genesys_assets.privacy.scrubbed_rows import scrubbed as scrubbed_rows
from genesys_assets.tables.conversations.day import DAY_TABLES
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.spec import Column, TableSpec
from genesys_assets.tables.users.spans import USER_PRESENCE, USER_ROUTING_STATUS
from genesys_assets.tables.users.time import USER_TIME
from genesys_assets.tables.users.waits import QUEUE_WAITS

_PAGES = "pages/"
_TRIES = 20
_KEYS = {
    f"tables/{spec.name}": spec.key
    for spec in (
        *DAY_TABLES,
        *(INTERVAL_METRICS, DAILY_METRICS, *FAMILY_METRICS.values()),
        *(USER_PRESENCE, USER_ROUTING_STATUS, USER_TIME, QUEUE_WAITS),
    )
}


def rewrite_partition(work: Work, place: str, key: str | None) -> None:
    """Rewrite a partition if it contains somebody. Raises Unreadable, UnreadablePage, TableContended."""
    lake = work.lake
    for _ in range(_TRIES):
        try:
            return _rewrite(work, lake, place, key)
        except ConcurrentCommit:
            lake = lake.refreshed()
    raise TableContended(f"Other processes replaced {place} of {key or 'all'} {_TRIES} times in a row. Run it again.")


def _rewrite(work: Work, lake: Lake, place: str, key: str | None) -> None:
    log = lake.log(place)
    stored, files = stored_state(log, key), open_files(lake.store, place, log.files(key))
    if not files or not any(True for _ in changes(work, place, key, files)):
        return
    with drafts(lake.store) as begin:
        if place.startswith(_PAGES):
            pages = PageWriter(begin(), files[-1].provenance)
            writer: FinishedDraft = pages
            counts = _write_pages(work, place, key, pages, files)
        else:
            schema = common_schema(files)
            table = TableWriter(begin(), _spec(place, schema, files[-1]), files[-1].provenance)
            writer = table
            counts = _write_rows(work, place, key, table, files, schema)
        if not work.dry_run:
            _commit(lake, place, key, writer, stored)
    report = work.report
    report.partitions[place] += 1
    report.rows_removed[place] += counts[0]
    report.rows_changed[place] += counts[1]
    if place.startswith("tables/") and key:
        report.days.add(key)


def changes(work: Work, place: str, key: str | None, files: Sequence[StoredFile]) -> Iterator[object]:
    """One item for each answer or piece of rows that contains somebody. Empty if the partition need not be
    rewritten.
    """
    if place.startswith(_PAGES):
        yield from (True for page in StoredPages(files) if _page(work, place, key, page.body, page.request) is not None)
        return
    traces = work.found.of(place, key)
    for file in files:
        for rows in file.row_groups():
            if scrubbed_rows(place, rows, work.who, traces) is not None:
                yield rows


def _page(
    work: Work, place: str, key: str | None, body: bytes, request: str
) -> tuple[bytes, str, frozenset[str]] | None:
    """An answer and its request without those who must be forgotten, and the pseudonyms of removed conversations. None
    if nothing changes.
    """
    if place == lake_files.PLACE:
        scrubbed_ = lake_files.scrubbed(lake_files.schema_of(request), body, work.who, work.found.names)
    else:
        scrubbed_ = scrubbed_answer(place, body, work.who, work.found.names, work.found.of(place, key).in_groups)
    request_ = work.who.without_ids(request, work.who.ids_in(request))
    if scrubbed_ is None:
        return None if request_ == request else (body, request_, frozenset())
    return scrubbed_.body, request_, scrubbed_.taken_out


def _write_pages(
    work: Work, place: str, key: str | None, writer: PageWriter, files: Sequence[StoredFile]
) -> tuple[int, int]:
    pages, changed, taken_out = StoredPages(files), 0, set(files[-1].provenance.get(TAKEN_OUT, ()))
    with writer:
        writer.reach = pages.reach
        for page in pages:
            scrubbed_ = _page(work, place, key, page.body, page.request)
            if scrubbed_ is not None:
                page = replace(page, body=scrubbed_[0], request=scrubbed_[1])
                taken_out |= scrubbed_[2]
                changed += 1
            writer.write(page)
        if taken_out:
            writer.provenance[TAKEN_OUT] = sorted(taken_out)
    return 0, changed


def _write_rows(
    work: Work, place: str, key: str | None, writer: TableWriter, files: Sequence[StoredFile], schema: pa.Schema
) -> tuple[int, int]:
    removed = changed = 0
    traces = work.found.of(place, key)
    with writer:
        writer.reach = files[-1].reach
        for rows in rows_of(files, schema):
            scrubbed_ = scrubbed_rows(place, rows, work.who, traces)
            if scrubbed_ is not None:
                removed += len(rows) - len(scrubbed_)
                changed += _changed(rows, scrubbed_)
            writer.write(rows if scrubbed_ is None else scrubbed_)
    if writer.wrong_columns:
        raise AuditFailed(key, {place: {COLUMNS: writer.wrong_columns}})
    return removed, changed


def _changed(before: pa.Table, after: pa.Table) -> int:
    """How many rows of `after` are not in `before`."""
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


def _commit(lake: Lake, place: str, key: str | None, writer: FinishedDraft, stored: StoredState) -> None:
    """Raises ConcurrentCommit, TableContended."""
    newer = (stored.newness or 0) + 1
    commit = Commit(lake.log(place), [Proposal(key, writer, stored, newer, builds_on_known=True)], None)
    commit.prepare()
    commit.commit()
