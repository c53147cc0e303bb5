"""Publishes a day: every stored report, the page, and last the manifest.

A missing report does not stop the others: the manifest names it with the reason. If the sources change meanwhile, the
day is published again. So if two runs publish a day at once, the newer figures win.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from genesys_assets.days.made_of import content_until
from genesys_assets.days.verdicts import blocking_reason, failing
from genesys_assets.lake.lake import Lake, Reach, Unreadable
from genesys_assets.lake.ledger import LEDGER
from genesys_assets.process_folder import scratch_folder
from genesys_assets.publishing.business_day import BusinessDay
from genesys_assets.publishing.day_page import PAGE_TABLES, DayPage, day_page, reach_of, shown_readings
from genesys_assets.publishing.day_reports import family_tables
from genesys_assets.publishing.errors import ConcurrentPublish, InvalidManifest, NotPermitted
from genesys_assets.publishing.html import write_page
from genesys_assets.publishing.links import Links, NeighbourDays, links_of, with_links
from genesys_assets.publishing.manifest import FailingCheck, Manifest, PublishedFile
from genesys_assets.publishing.place import DAY_PAGE, key_of
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.publishing.report_files import write_report_files
from genesys_assets.reports.engine.made_of import made_of as report_made_of
from genesys_assets.reports.engine.made_of import windows_of
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.restatements import RESTATEMENTS

_REPORTS_AT_ONCE = 4
_TRIES = 5
"""How often a day is published if its sources change meanwhile."""


class NothingToPublish(Exception):
    """No report of the day is stored, a table that its page needs is missing, or a blocking check fails."""


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What to publish. `failed`: the reason for each report whose last computation failed. It does not count if the
    stored report is made of what is stored now. Days before `start_date` were never fetched. `unknown`: the reason for
    each report that the day should have, and whose definition is unknown. `is_blocking`: whether nothing is published
    if a blocking check fails on the day, and a report is left out if one fails on another day that it reads.
    """

    day: BusinessDay
    reports: Sequence[Report]
    run_id: str
    failed: Mapping[str, str]
    start_date: date = date.min
    unknown: Mapping[str, str] = field(default_factory=dict)
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """A published day: its files, the file of its manifest, and the manifest.

    `is_new`: the day was not published before, or a figure or something else that its manifest states has changed.
    """

    files: tuple[PublishedFile, ...]
    manifest_file: PublishedFile
    manifest: Manifest
    is_new: bool

    @property
    def page(self) -> PublishedFile | None:
        return self.manifest.file(DAY_PAGE)


def publish_day(lake: Lake, publisher: Publisher, wanted: PublishRequest) -> PublishedDay:
    """Publish a day. Raises NothingToPublish and PublishingError."""
    conflict: ConcurrentPublish | None = None
    published: PublishedDay | None = None
    # Read once: a second try would compare itself with the manifest of the first one, which was never announced.
    before = read_manifest_if_valid(publisher, wanted.day.date)
    for _ in range(_TRIES):
        closed = blocking_reason(lake, wanted.day.utc_days) if wanted.is_blocking else None
        if closed and published is None:
            raise NothingToPublish(f"{wanted.day.key}: {closed}")
        if closed:
            # A check of the rows that were stored meanwhile fails: what is published stands.
            break
        sources = made_of(lake, wanted.day, wanted.reports)
        try:
            published, conflict = _publish(lake, publisher, wanted, sources, before), None
        except ConcurrentPublish as error:
            conflict = error
        lake = lake.refreshed()
        if conflict is None and made_of(lake, wanted.day, wanted.reports) == sources:
            break
    if conflict is not None or published is None:
        raise conflict or ConcurrentPublish("the day was never published")
    return published


def made_of(lake: Lake, day: BusinessDay, reports: Sequence[Report]) -> dict[str, str]:
    """What a published day is made of: the stored partitions, each with the identity of its rows and reach, and the
    failing checks, each with its message. A report that has yet to be computed again, or that a blocking check closes,
    is noted as such: once that is over, the day is published again, even if the report's rows stayed as they were.

    A manifest whose `made_of` differs from this is stale.
    """
    parts = {f"reports/{report.name}/date={day.key}": _state_of(lake, day, report) for report in reports}
    for table in (*PAGE_TABLES, *family_tables()):
        for key in [day.key] if table == LEDGER else day.utc_days:
            content = _shown_readings(lake, key) if table == LEDGER else content_until(lake, table, key, day.end)
            parts[f"{table}/date={key}"] = content
    for each in failing_checks(lake, day):
        # A check may fail on both UTC days of the business day.
        part = f"{each.table}/{each.check}"
        parts[part] = "; ".join(filter(None, (parts.get(part), each.says)))
    return {part: content for part, content in parts.items() if content is not None}


def _state_of(lake: Lake, day: BusinessDay, report: Report) -> str | None:
    """What identifies the rows of a report and whether they may be published; None if it is not stored."""
    content = lake.content(f"reports/{report.name}", day.key)
    if content is None:
        return None
    stale = "" if _is_current(lake, day, report) else " stale"
    return f"{content}{stale}{' closed' if _closed_by(lake, day, report) else ''}"


def _is_current(lake: Lake, day: BusinessDay, report: Report) -> bool:
    """Whether the stored report is made of what is stored now."""
    place = f"reports/{report.name}"
    number = report_made_of(lake, report, day.key, day.zone)
    return lake.has(place, day.key) and lake.made_of(place, day.key) == number


def _closed_by(lake: Lake, day: BusinessDay, report: Report) -> str | None:
    """Why a report must not be published: a blocking check fails on a UTC day that it reads. None if none does."""
    windows = (window for _, window in windows_of(report, day.key, day.zone))
    return blocking_reason(lake, dict.fromkeys(each for window in windows for each in window.utc_days()))


def _shown_readings(lake: Lake, key: str) -> str | None:
    """What identifies the readings of a day that the page shows; None if the ledger does not have the day."""
    if key not in lake.stored(LEDGER):
        return None

    def read() -> str:
        rows = shown_readings(lake.read(LEDGER, key, schema=RESTATEMENTS.schema))
        values = [[f"{value}" for value in row.values()] for row in rows.to_pylist()]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()

    return lake.once("shown readings", LEDGER, key, read)


def failing_checks(lake: Lake, day: BusinessDay) -> tuple[FailingCheck, ...]:
    """The failing checks of the UTC days that the business day touches. Checks of daily_metrics, which has business
    days, only count on the day itself.
    """
    return tuple(
        FailingCheck(f"tables/{verdict.table}", verdict.check, f"{utc_day}: {verdict.says or ''}")
        for utc_day in day.utc_days
        for verdict in failing(lake, utc_day)
        if utc_day == day.key or verdict.table != "daily_metrics"
    )


def reach_of_day(lake: Lake, day: BusinessDay, reports: Sequence[Report]) -> Reach:
    """How far the business day is known: the least reach of its reports and of the tables behind its page."""
    return Reach.least(reach_of(lake, day), *_reaches(lake, day, reports))


def _reaches(lake: Lake, day: BusinessDay, reports: Sequence[Report]) -> Iterator[Reach]:
    """The reach of each report. A report in another time zone has another day than the business day. If such a report
    covers all of its own day, it does not limit the reach.
    """
    for report in reports:
        reach = lake.reach(f"reports/{report.name}", day.key)
        if reach is not None:
            window = StoredDay(lake, day.key, day.zone).over(report).window
            yield replace(reach, through=day.end) if reach.covers(window) else reach


def _publish(
    lake: Lake, publisher: Publisher, wanted: PublishRequest, sources: Mapping[str, str], before: Manifest | None
) -> PublishedDay:
    day = wanted.day
    for table in PAGE_TABLES:
        if not lake.has(table, day.key):
            raise NothingToPublish(f"genesys/{table} has no partition {day.key}: materialise it first.")
    missing = _missing(lake, wanted)
    publishable = [report for report in wanted.reports if report.name not in missing]
    if not publishable:
        raise NothingToPublish(f"No report of {day.key} can be published. " + " ".join(missing.values()))
    with scratch_folder("published") as folder:
        files, unwritten = _publish_reports(lake, publisher, day, publishable, folder)
        missing |= unwritten
        reach = reach_of_day(lake, day, publishable)
        page = _page(lake, wanted, reach, missing)
        if page is not None:
            html = with_links(page.html, _links(publisher, day, files))
            files += publisher.publish(DAY_PAGE, day.date, [write_page(html, folder / f"{DAY_PAGE}.html")])
    manifest = Manifest(
        date=day.date,
        generated_at=datetime.now(UTC),
        run_id=wanted.run_id,
        data_available_through=reach.through,
        is_complete=reach.is_complete,
        failing_checks=failing_checks(lake, day),
        missing=dict(sorted(missing.items())),
        headline=page.headline if page else None,
        files=tuple(files),
        made_of=sources,
    )
    file = publisher.publish_manifest(manifest)
    return PublishedDay(tuple(files), file, manifest, before is None or not manifest.says_the_same_as(before))


def read_manifest_if_valid(publisher: Publisher, day: date) -> Manifest | None:
    """The manifest of a day; None if it was never published, if its file is not a manifest, or if S3 does not permit
    reading it. Raises NotReadable for other failures.
    """
    try:
        return publisher.manifest(day)
    except (InvalidManifest, NotPermitted):
        # Without the permission to list, S3 answers 403 instead of 404 for a manifest that does not exist.
        return None


def _missing(lake: Lake, wanted: PublishRequest) -> dict[str, str]:
    """The reason for each report that cannot be published."""
    reasons = dict(wanted.unknown)
    for report in wanted.reports:
        closed = _closed_by(lake, wanted.day, report) if wanted.is_blocking else None
        if closed:
            reasons[report.name] = closed
        elif report.name in wanted.failed and not _is_current(lake, wanted.day, report):
            reasons[report.name] = wanted.failed[report.name]
        if not lake.has(f"reports/{report.name}", wanted.day.key):
            reasons.setdefault(report.name, _why_not_stored(lake, wanted, report))
    return reasons


def _why_not_stored(lake: Lake, wanted: PublishRequest, report: Report) -> str:
    try:
        StoredDay(lake, wanted.day.key, wanted.day.zone, wanted.start_date).require_data(report)
    except NotStored as error:
        return str(error)
    return f"genesys/reports/{report.name} has no stored partition {wanted.day.key}: materialise it first."


def _publish_reports(
    lake: Lake, publisher: Publisher, day: BusinessDay, reports: Sequence[Report], folder: Path
) -> tuple[list[PublishedFile], dict[str, str]]:
    """The published files of the reports, and the reason for each report that could not be written as files."""
    unwritten: dict[str, str] = {}

    def publish(report: Report) -> list[PublishedFile]:
        place, own = f"reports/{report.name}", folder / report.name
        own.mkdir()
        try:
            rows, schema = lake.row_groups(place, day.key), lake.schema(place, day.key)
            files = write_report_files(rows, schema, own, report.name, publisher.style)
        except (ValueError, Unreadable) as error:
            unwritten[report.name] = str(error)
            return []
        return publisher.publish(report.name, day.date, files)

    with ThreadPoolExecutor(_REPORTS_AT_ONCE, thread_name_prefix="publish") as executor:
        return [file for files in executor.map(publish, reports) for file in files], unwritten


def _page(lake: Lake, wanted: PublishRequest, reach: Reach, missing: dict[str, str]) -> DayPage | None:
    """The page; None if it cannot be made, with the reason added to `missing`."""
    try:
        return day_page(
            lake,
            wanted.day,
            reach,
            failing_checks=failing_checks(lake, wanted.day),
            missing=missing,
            start_date=wanted.start_date,
        )
    except (FileNotFoundError, NotStored, NumberTooLarge) as error:
        missing[DAY_PAGE] = str(error)
        return None


def _links(publisher: Publisher, day: BusinessDay, files: Sequence[PublishedFile]) -> Links:
    page = key_of(publisher.place, DAY_PAGE, f"date={day.key}", "page")
    return links_of(publisher.place, page, files, NeighbourDays.around(publisher.place, day.date))
