"""Removes those who must be forgotten from everything that the lake has stored, one partition after the other.

The steps:

1. list who must be forgotten, and the partitions that contain them;
2. rewrite snapshots (`live/`), tables that other programs keep in the lake, and reports that read none of these
   partitions;
3. clean the published days, old files and logs;
4. rewrite `tables/`, then `pages/`;
5. rewrite tables with names of users;
6. compute the reports that read these partitions again, and publish their days again (`recomputed`).

The names and numbers to search are removed last from the tables that they were gathered from. So if a process dies in
between, nothing is lost, and the same command completes the work. A partition is rewritten by the commit protocol of
the lake. It counts as newer than what was stored, so that a run that read it before does not bring anybody back. A run
that commits afterwards checks the list itself (`Lake.page_writers`, `Lake.table_writers`). If it is killed between its
commit and this check, its partitions must be computed again, and people forgotten again.

Files of older versions that contain somebody are removed at once. A file that no commit names may belong to a run that
is about to commit it: it is left alone for an hour, and reported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from genesys_assets.forgetting.logs import scrub_logs
from genesys_assets.forgetting.old_files import IN_FLIGHT, in_flight, named_by_commits, remove_drafts, remove_old_files
from genesys_assets.forgetting.recomputed import (
    Partition,
    Recomputation,
    affected,
    delete_old_files,
    remember_affected,
    settle,
)
from genesys_assets.forgetting.rewriting import changes, rewrite_partition
from genesys_assets.forgetting.traces import KnownTraces, gather
from genesys_assets.forgetting.work import ForgettingResult, Work
from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.column_types import UnstorableColumn
from genesys_assets.lake.commit import TableContended
from genesys_assets.lake.delta import UnreadableLog
from genesys_assets.lake.files import (
    Unreadable,
    open_files,
)
from genesys_assets.lake.housekeeping import list_tables
from genesys_assets.lake.lake import Lake
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import Entry, ForgottenIds, Kind, pseudonym_of, remember, remember_names
from genesys_assets.tables.conversations.decode import UnreadablePage

Ids = Mapping[Kind, Sequence[str]]
_LOOKS = 5
"""How often to look for tables to which other processes committed meanwhile."""
_PAGES = "pages/"
_IDS_SUFFICE = ("pages/", "tables/", "reference/", "live/")
_OF_USERS = ("reference/", "pages/reference_")
_PARTICIPANTS = "tables/participants"
_GATHERED = ("pages/", "tables/", "reference/")
"""Tables with the names and numbers to search."""
_NOT_GATHERED = (
    "Nothing was removed, because the names and numbers to search are in tables like those listed here. Mend these, "
    "then run this again. What is fetched until then contains nobody who must be forgotten."
)


class PublishedFiles(Protocol):
    """The published files, from which people can be removed."""

    def forget(
        self,
        lake: Lake,
        who: ForgottenIds,
        found: KnownTraces,
        report: ForgettingResult,
        *,
        later: set[str],
        dry_run: bool,
    ) -> None:
        """Remove everybody from the published days; days in `later` are renewed later. Raises PublishingError."""

    def renew(self, lake: Lake, days: set[str], report: ForgettingResult) -> None:
        """Publish these days again, and delete their old files. Raises PublishingError."""


def forget(
    lake: Lake,
    ids: Ids,
    now: datetime,
    published: PublishedFiles | None = None,
    recomputation: Recomputation | None = None,
    *,
    dry_run: bool = False,
) -> ForgettingResult:
    """Forget these ids, and all that are on the list already, in the whole lake and in the published files.

    With `dry_run` nothing is written, and the result says what would be done. Raises LakeUnreachable.
    """
    lake = lake.refreshed()
    before = ForgottenIds.load(lake.store)
    who = _listed(lake, ids, dry_run)
    damaged = _damaged_logs(lake)
    if any(place.startswith(_GATHERED) for place in damaged):
        return ForgettingResult(problems=damaged | {"everything": _NOT_GATHERED})
    found = gather(lake, who)
    if found.of_contacts:
        matched = who.matched
        who = _listed(lake, {**ids, Kind.CONTACT_CONVERSATION: sorted(found.of_contacts)}, dry_run)
        who.matched.update(matched)
    work = Work(lake, who, found, ForgettingResult(problems=damaged), dry_run, damaged={*damaged})
    _warn_of_unidentifiable_contacts(work, ids)
    recomputation = recomputation or Recomputation()
    derived, others, of_users = _ordered({*list_tables(lake.store.listed(""))} - work.damaged)
    work.affected = affected(lake) | _affected(work, [*others, *derived])
    work.concerned = recomputation.concerned(lake, derived, work.affected)
    if not dry_run:
        remember_names(lake.store, found.names)
        remember_affected(lake, work.affected)
    seen: dict[str, int] = {}
    _tables(work, derived, seen)
    if published is not None:
        later = {key for _, key in work.concerned}
        published.forget(work.lake, who, found, work.report, later=later, dry_run=dry_run)
    remove_old_files(work, derived, now)
    standing = {place for place, _ in work.affected} | set(work.report.partitions)
    scrub_logs(work.lake, who, found, work.report, standing, dry_run=dry_run)
    if work.waits and not dry_run:
        work.report.problems["tables and pages"] = (
            "They are left as they are: names and numbers that must be searched in the tables listed here can only "
            "be read from them. Correct the listed problems, then run this again. What is fetched until then contains "
            "nobody who must be forgotten."
        )
        return work.report
    _tables(work, others, seen)
    _rewrite_new_commits(work, seen)
    remove_old_files(work, [*others, None], now)
    _tables(work, of_users, seen)
    remove_old_files(work, of_users, now)
    _reports(work, recomputation, published, now)
    if not dry_run:
        remove_drafts(work, now)
    work.report.not_found = _not_found(who, before, ids, work.report.problems)
    return work.report


def _not_found(who: ForgottenIds, before: ForgottenIds, ids: Ids, problems: Mapping[str, str]) -> dict[str, bool]:
    """The given ids that were found nowhere, each with whether it was on the list before."""
    entries = {(kind, id_): Entry(kind, pseudonym_of(id_)) for kind, of_kind in ids.items() for id_ in of_kind}
    known = {entry for of_digest in before.by_digest.values() for entry in of_digest}
    return {
        f"{kind.replace('-', ' ')} {id_}": entry in known
        for (kind, id_), entry in entries.items()
        if entry not in who.matched and f"--{kind} {id_}" not in problems
    }


def _damaged_logs(lake: Lake) -> dict[str, str]:
    """The tables whose logs cannot be read, each with the reason and what to do."""
    damaged = {}
    for place in list_tables(lake.store.listed("")):
        try:
            lake.log(place)
        except UnreadableLog as error:
            damaged[place] = str(error)
    return damaged


def _warn_of_unidentifiable_contacts(work: Work, ids: Ids) -> None:
    """Add a problem for each contact if contact data is dropped: then nothing in the lake identifies a contact."""
    for id_ in ids.get(Kind.EXTERNAL_CONTACT, ()):
        if work.lake.protection.action(PersonalData.CONTACT) == "drop" and not work.found.of_contacts:
            work.report.problems[f"--external-contact {id_}"] = (
                "GENESYS_ASSETS_PERSONAL_DATA drops contact data, so no stored conversation says which contact took "
                "part, and nothing was found. Numbers, names and addresses were dropped too; notes and attributes may "
                "still mention the contact. Find the conversations on the platform, and forget each with "
                "--conversation."
            )


def _affected(work: Work, tables: Iterable[str]) -> set[Partition]:
    """The partitions that contain somebody and that reports may read. Unreadable ones are skipped: rewriting them
    reports the problem.
    """
    found = set()
    for place in tables:
        if not place.startswith(("tables/", "live/", _PAGES)):
            continue
        log = work.lake.log(place)
        for key in dict.fromkeys(key for key, _ in log.every_file()):
            # If a day has tables, its pages need not be checked: its tables contain the same people.
            if place.startswith(_PAGES) and (key is None or work.lake.has(_PARTICIPANTS, key[:10])):
                continue
            with contextlib.suppress(Unreadable, UnreadablePage):
                files = open_files(work.lake.store, place, log.files(key))
                if key is not None and any(True for _ in changes(work, place, key, files)):
                    found.add((place, key))
    return found


def _reports(work: Work, recomputation: Recomputation, published: PublishedFiles | None, now: datetime) -> None:
    """Compute again the reports that read affected partitions, and publish their days again."""
    work.report.partitions.update(place for place, _ in work.concerned)
    if work.dry_run:
        return
    lake, report = work.lake.refreshed(), work.report
    for place, key in work.concerned:
        try:
            why = recomputation.recompute(lake, place, key)
        except TableContended as error:
            report.problems[f"{place} {key}"] = str(error)
            continue
        except ForgottenMeanwhile as error:
            # Another process forgets too, and the rows that were just computed may still contain its person.
            why = str(error)
        if why is not None:
            report.withdrawn[f"{place} {key}"] = why
    lake = lake.refreshed()
    deleted, remaining = delete_old_files(
        lake, work.concerned, now, IN_FLIGHT, lambda place: named_by_commits(lake, place)
    )
    report.old_files.update(deleted)
    report.problems |= {key: in_flight(modified) for key, modified in remaining.items()}
    if published is not None:
        published.renew(lake, {key for _, key in work.concerned}, report)
    if not report.problems:
        settle(lake, work.affected)


class ForgottenMeanwhile(Exception):
    """Somebody was forgotten while a table was being computed that may still contain them."""


def forget_in(lake: Lake, partitions: Iterable[tuple[str, str | None]]) -> None:
    """Remove everybody who must be forgotten from partitions that were just stored. A report is withdrawn instead,
    because the names and numbers to search may be gone by now; then raises ForgottenMeanwhile.

    Raises TableContended, Unreadable.
    """
    work = Work(lake, ForgottenIds.load(lake.store), KnownTraces(), ForgettingResult())
    withdrawn = []
    for place, key in partitions:
        if place.startswith(_IDS_SUFFICE):
            rewrite_partition(work, place, key)
        else:
            _withdraw(lake, place, key)
            withdrawn.append(f"{place} of {key or 'all'}")
    if withdrawn:
        raise ForgottenMeanwhile(
            f"{', '.join(withdrawn)} was not stored: somebody who may be in it was forgotten while it was computed. "
            "Materialise it again."
        )


def _withdraw(lake: Lake, place: str, key: str | None) -> None:
    """Remove a partition from the lake, with its files. Raises TableContended."""
    files = lake.log(place).files(key)
    lake.remove(place, [key])
    for file in files:
        lake.store.delete(f"{place}/{file.path}")


def _listed(lake: Lake, ids: Ids, dry_run: bool) -> ForgottenIds:
    """The list with these ids added: in the lake too, unless `dry_run`."""
    who = ForgottenIds.load(lake.store)
    for kind, of_kind in ids.items():
        if not dry_run:
            remember(lake.store, kind, of_kind, lake.protection)
        who = who.joined_by(kind, of_kind, lake.protection)
    return who


def _ordered(tables: Collection[str]) -> tuple[list[str], list[str], list[str]]:
    """Three groups in the order in which they are rewritten: all that is in no other group, such as reports, snapshots
    and tables of others; `tables/` (the one that names contacts last), then `pages/`; and tables with names of users.
    """
    of_users = [place for place in tables if place.startswith(_OF_USERS)]
    own = [place for place in tables if place.startswith(("tables/", _PAGES)) and place not in of_users]
    derived = [place for place in tables if place not in own and place not in of_users]
    return derived, sorted(own, key=lambda place: (place.startswith(_PAGES), place == _PARTICIPANTS, place)), of_users


def _tables(work: Work, tables: Iterable[str], seen: dict[str, int]) -> None:
    for place in tables:
        log = work.lake.log(place)
        # Others may commit meanwhile, so `seen` notes the version at which the table was read.
        at = log.version
        for key in dict.fromkeys(key for key, _ in log.every_file()):
            if (place, key) in work.concerned:
                continue
            try:
                rewrite_partition(work, place, key)
            except (Unreadable, UnreadablePage, TableContended, UnstorableColumn, AuditFailed) as error:
                work.report.problems[f"{place} {key or ''}".strip()] = str(error)
                work.waits |= isinstance(error, TableContended) and place.startswith("reports/")
        seen[place] = at


def _rewrite_new_commits(work: Work, seen: dict[str, int]) -> None:
    """Rewrite again the tables to which other processes committed meanwhile: their runs may have begun before the list
    was written.
    """
    for _ in range(0 if work.dry_run else _LOOKS):
        work.lake = work.lake.refreshed()
        moved = [place for place, at in seen.items() if work.lake.log(place).version != at]
        if not moved:
            return
        _tables(work, moved, seen)
