"""Stores the files of the data lake extraction, by the UTC day on which the platform created them. A file stays
unchanged unless personal data in it must be hashed, dropped or forgotten.

A file is fetched once; stored files are recognised by their ids. At most a hundred files are one commit, so a killed
run continues where it stopped. Only the start times of conversations are decoded here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import dagster as dg
import pyarrow as pa

from genesys_assets.assets.common import POOL, attributes, checked_keys, fail_without_retry, provenance, track_requests
from genesys_assets.assets.pages import Progress, reach_metadata, report_pages
from genesys_assets.cloud.analytics.interval import Interval
from genesys_assets.cloud.errors import AnswerTooLarge, DownloadFailed
from genesys_assets.cloud.extraction.downloads import Download, DownloadLimits, download
from genesys_assets.cloud.extraction.listing import PATH, FileListing, LakeFile, list_files
from genesys_assets.cloud.http.limits import MIB
from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.transport import GenesysCloud
from genesys_assets.days.data_lake import FILES, LAKE_FILES, FileFacts, days_of_files, request_of
from genesys_assets.keys import asset_key
from genesys_assets.lake.commit import ConcurrentCommit
from genesys_assets.lake.lake import Lake, PageWriter, Provenance, Reach
from genesys_assets.partitions import Calendar
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.resources import GenesysCloudResource, LakeResource
from genesys_assets.settings import DataLakeSettings
from genesys_assets.spans import LONGEST_OPEN_DAYS, days_around, utc_day
from genesys_assets.tables.data_lake.decode import UnreadableFile, open_parquet
from genesys_assets.tables.data_lake.schemas import CONVERSATIONS, SCHEMAS, Names
from genesys_assets.tables.data_lake.start_days import SOME_DAY, Starts, as_stored

LISTED_LATE = timedelta(minutes=10)
"""How long after its creation a file may appear in the listing. Our estimate: the platform does not document it."""
_FILES_A_COMMIT = 100
_BYTES_A_COMMIT = 512 * MIB
_MOST_REFUSED = 20
"""The download of a day stops after this number of failed files."""

FileDays = dict[str, dict[str, Any]]
"""The schema of each file and the days of its conversations, by the file's id: see `days.data_lake.FILES`."""


def build_lake_files_asset(calendar: Calendar) -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key("pages", "lake_files"),
        partitions_def=calendar.daily,
        backfill_policy=calendar.daily_runs,
        pool=POOL,
        description=f"One row per Parquet file of the data lake extraction (`GET {PATH}`) that the platform created on "
        "the UTC day: the file in `body`, its id, dataSchema, dateCreated and sha256 in `request`. A stored file is "
        "not fetched again. Fetched only if GENESYS_ASSETS_DATA_LAKE is on.",
        **attributes("pages", "genesys", "parquet"),
    )
    def lake_files(
        context: dg.AssetExecutionContext, genesys_cloud: GenesysCloudResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        settings = DataLakeSettings.load()
        if not settings.is_on:
            raise dg.Failure(
                "Files of the data lake extraction are fetched only if GENESYS_ASSETS_DATA_LAKE=on.",
                allow_retries=False,
            )
        cloud, stored, refused = genesys_cloud.client, lake.lake, list[str]()
        with track_requests(cloud) as spent, fail_without_retry(CannotDrop, ConcurrentCommit):
            for day in checked_keys(context, calendar.daily):
                fetching = _DayFetch(context, cloud, stored, day, settings, provenance(context, f"GET {PATH}"))
                fetching.run()
                refused += fetching.refused
            if refused:
                raise dg.Failure("\n".join(refused), allow_retries=False)
        return dg.MaterializeResult(metadata=spent)

    return lake_files


@dataclass(slots=True)
class _DayFetch:
    """Fetches the files of one day. `refused` gets a message for each file that could not be fetched, `damaged` the id
    of each that is stored and can no longer be read.
    """

    context: dg.AssetExecutionContext
    cloud: GenesysCloud
    lake: Lake
    day: str
    settings: DataLakeSettings
    origin: Provenance
    refused: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Store the files that are not stored yet, and up to when the day was listed. Damaged files are left out, and
        then fetched again.
        """
        self._fetch()
        if self.damaged:
            self.context.log.warning(
                f"{self.day}: {len(self.damaged)} stored files can no longer be read, and are fetched again: "
                f"{', '.join(self.damaged[:_MOST_REFUSED])}"
            )
            self._fetch()

    def _fetch(self) -> None:
        start, end = utc_day(self.day)
        listing = list_files(self.cloud, Interval(start, end), self.settings.wanted)
        of_day = [file for file in listing.files if start <= file.created < end]
        if len(of_day) < len(listing.files):
            self.context.log.warning(
                f"{self.day}: {len(listing.files) - len(of_day)} of {len(listing.files)} listed files were created on "
                "other days. They are fetched with those days."
            )
        known = set(self._stored_files())
        new = [file for file in of_day if file.id not in known]
        # Files with the starts of conversations come first: the days of the other files are looked up in them.
        new.sort(key=lambda file: (file.schema != CONVERSATIONS, file.created, file.id))
        through = max(start, min(end, listing.as_of - LISTED_LATE))
        queue = _FileQueue(self, new)
        while not queue.is_over:
            self._store(queue, Reach(through, through >= end), listing, len(of_day))

    def _stored_files(self) -> FileDays:
        footer = self.lake.refreshed().footer(LAKE_FILES, self.day)
        return dict(footer.provenance.get(FILES, {})) if footer else {}

    def _store(self, queue: "_FileQueue", reach: Reach, listing: FileListing, listed: int) -> None:
        """Make one commit, with the stored files and the next ones of the queue. The partition gets the reach of the
        listing once all files are stored.
        """
        lake = self.lake.refreshed()
        names = Names.parse(self.settings.columns)
        day = [self.day]
        with lake.page_writers(LAKE_FILES, day, self.origin, builds_on_stored=True, has_new_metadata=True) as writers:
            writer, files, starts = writers[self.day], self._stored_files(), Starts()
            for page in self._copy_stored(lake, writer, files):
                if FileFacts.of(page).schema == CONVERSATIONS:
                    _add_starts(starts, page.body, names)
            earlier = _EarlierStarts(lake, self.day, names)
            for each in queue.take():
                if each.file.schema == CONVERSATIONS:
                    _add_starts(starts, each.body, names)
                days = _days_of(each.file.schema, each.body, starts, earlier, names)
                files[each.file.id] = {"schema": each.file.schema, "days": days}
                writer.write(_page(each))
            if not self.damaged:
                self._find_unknown_days(lake, files, starts, earlier, names)
            is_whole = queue.is_over and not self.refused
            known = lake.reach(LAKE_FILES, self.day) or Reach(utc_day(self.day)[0])
            # Another run may have stored the files of a newer listing meanwhile. Its files stay, and so does its reach.
            writer.reach = reach if is_whole and reach.through >= known.through else known
            # A day without files is known as of the listing.
            writer.as_of = writer.as_of or listing.as_of
            writer.provenance |= {FILES: files}
        metadata = _metadata(files, listing) | reach_metadata(writer.reach) | {"listed": listed, "new": queue.taken}
        report_pages(self.context, {self.day: utc_day(self.day)}, writers, {self.day: metadata})
        self._warn(files)

    def _find_unknown_days(
        self, lake: Lake, files: FileDays, starts: Starts, earlier: "_EarlierStarts", names: Names
    ) -> None:
        """Look up the days of stored files again if they were unknown: the setting of column names may have changed."""
        pages = lake.pages(LAKE_FILES, self.day)
        for index in range(len(pages) if pages else 0):
            file = FileFacts.of(pages.about(index)) if pages else None
            if pages and file and SOME_DAY in files[file.id]["days"]:
                files[file.id]["days"] = _days_of(file.schema, pages[index].body, starts, earlier, names)

    def _copy_stored(self, lake: Lake, writer: PageWriter, files: FileDays) -> Iterator[Page]:
        """Write the stored files to the new commit, and yield each. Damaged ones are left out, of `files` too."""
        pages, copied = lake.pages(LAKE_FILES, self.day), set[str]()
        for page in pages.undamaged() if pages else ():
            copied.add(FileFacts.of(page).id)
            writer.write(page)
            yield page
        for file_id in files.keys() - copied:
            del files[file_id]
            self.damaged.append(file_id)

    def _warn(self, files: FileDays) -> None:
        unknown = sorted({each["schema"] for each in files.values()} - set(SCHEMAS))
        if unknown:
            self.context.log.warning(
                f"{self.day}: the schemas {', '.join(unknown)} are unknown, so no table is made from their files. The "
                "files are stored all the same. To fetch only some schemas, name them in "
                "GENESYS_ASSETS_DATA_LAKE_SCHEMAS."
            )


class _FileQueue:
    """The files that are not fetched yet, one commit's worth at a time."""

    def __init__(self, day: _DayFetch, files: Sequence[LakeFile]) -> None:
        self._day = day
        self._left = list(files)
        self._progress = Progress(day.context, f"files of {day.day}")
        self._total = len(files)
        self.taken = 0
        self.is_over = False

    def take(self) -> Iterator[Download]:
        """Download the next files, at most one commit's worth. A file that cannot be fetched is named in `refused`."""
        count = size = 0
        settings = self._day.settings
        allowed = DownloadLimits(settings.largest_file_mib * MIB, float(settings.download_seconds))
        while self._left and count < _FILES_A_COMMIT and size < _BYTES_A_COMMIT:
            batch = self._left[: _FILES_A_COMMIT - count]
            try:
                for each in download(self._day.cloud, batch, allowed):
                    self._left.pop(0)
                    open_parquet(each.file.schema, each.body)
                    count, size = count + 1, size + len(each.body)
                    self.taken += 1
                    self._progress(self.taken, self._total, None)
                    yield each
                    if size >= _BYTES_A_COMMIT:
                        break
            except UnreadableFile as error:
                self._refuse(f"{error} It is not stored; the next run fetches it again.")
            except (DownloadFailed, AnswerTooLarge) as error:
                self._left.pop(0)
                self._refuse(str(error))
        self.is_over = not self._left

    def _refuse(self, reason: str) -> None:
        refused = self._day.refused
        refused.append(reason)
        if len(refused) >= _MOST_REFUSED:
            if self._left:
                refused.append(f"{len(self._left)} more files of {self._day.day} were not tried.")
            self._left.clear()


class _EarlierStarts:
    """Start times of conversations from files of earlier days, which are read only as far back as needed."""

    def __init__(self, lake: Lake, day: str, names: Names) -> None:
        self._lake = lake
        self._names = names
        self._unread = days_around(day, before=LONGEST_OPEN_DAYS, after=-1)
        self._starts = Starts()

    def days_of(self, ids: pa.Array) -> tuple[frozenset[str], pa.Array]:
        """The start days of conversations, and the ids of those that no file has."""
        days, unknown = self._starts.days_of_ids(ids)
        while len(unknown) and self._unread:
            self._read(self._unread.pop())
            more, unknown = self._starts.days_of_ids(unknown)
            days |= more
        return days, unknown

    def _read(self, day: str) -> None:
        pages = self._lake.pages(LAKE_FILES, day) if day in self._lake.stored(LAKE_FILES) else None
        for index in range(len(pages) if pages else 0):
            if pages and FileFacts.of(pages.about(index)).schema == CONVERSATIONS:
                _add_starts(self._starts, pages[index].body, self._names)


def _add_starts(starts: Starts, body: bytes, names: Names) -> None:
    """Add the starts in a file. A file that lacks a column is skipped here: making tables from it reports the
    problem.
    """
    try:
        starts.add(body, names)
    except UnreadableFile:
        return


def _days_of(schema: str, body: bytes, starts: Starts, earlier: _EarlierStarts, names: Names) -> list[str]:
    try:
        days, unknown = starts.days_of(schema, body, names)
    except UnreadableFile:
        return [SOME_DAY]
    earlier_days, still_unknown = earlier.days_of(unknown)
    return as_stored(days | earlier_days, still_unknown)


def _page(each: Download) -> Page:
    file = each.file
    request = request_of(file.id, file.schema, file.created, file.expires, each.sha256)
    return Page(1, request, each.fetched_at, None, each.body, as_of=file.created)


def _metadata(files: Mapping[str, Mapping[str, Any]], listing: FileListing) -> dict[str, Any]:
    schemas = Counter(each["schema"] for each in files.values())
    return {
        "files": dg.MetadataValue.json(dict(sorted(schemas.items()))),
        "unknown_schemas": dg.MetadataValue.json(sorted(set(schemas) - set(SCHEMAS))),
        "enabled_schemas": dg.MetadataValue.json(list(listing.enabled or ())),
        "start_days": dg.MetadataValue.json(days_of_files(files.values())),
    }
