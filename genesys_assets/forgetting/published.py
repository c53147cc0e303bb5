"""Removes those who must be forgotten from published days.

A day whose files contain somebody is published again from the reports that the lake has now, and the old files are
deleted at once. A day that cannot be published again is withdrawn: its manifest is deleted too.
"""

from __future__ import annotations

import html
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.forgetting.traces import KnownTraces
from genesys_assets.forgetting.work import LIST_OF_DAYS, ForgettingResult
from genesys_assets.lake.delta import UnreadableLog
from genesys_assets.lake.lake import Lake, Unreadable
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.scrubbed_answers import stands_in
from genesys_assets.privacy.scrubbed_rows import Traces, scrubbed
from genesys_assets.publishing.day import NothingToPublish
from genesys_assets.publishing.errors import InvalidManifest, PublishingError
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.place import INDEX, KEY_OF_A_DAY, MANIFEST, key_of, manifest_key
from genesys_assets.publishing.publisher import Publisher

Republish = Callable[[Lake, Manifest], None]
"""Publishes the day of a manifest again. Raises NothingToPublish, PublishingError."""
_MALFORMED = (ValueError, pa.ArrowException, OSError, RecursionError)
"""What reading a damaged JSON or Parquet file raises."""


@dataclass(frozen=True, slots=True)
class Publication:
    """The place of published files, and the function that publishes a day again."""

    publisher: Publisher
    republish: Republish

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
        """Remove everybody who must be forgotten from the published days. Days in `later` are only counted: `renew` is
        called for them when their reports were computed again. Raises PublishingError.
        """
        affected = self._affected(who, found, report)
        for day, keys in sorted(affected.days.items()):
            report.published_files[f"{day}"] += len(keys)
            if not dry_run and f"{day}" not in later:
                self._renew(lake, day, keys, report)
        for key in affected.listed:
            report.published_files[LIST_OF_DAYS] += 1
            if not dry_run:
                self.publisher.place.delete(key)

    def renew(self, lake: Lake, days: set[str], report: ForgettingResult) -> None:
        """Publish days again, and delete their files that the new manifests do not name. Raises PublishingError."""
        files: dict[str, list[str]] = defaultdict(list)
        root = key_of(self.publisher.place) + "/"
        for file in list(self.publisher.place.files(root)):
            match = KEY_OF_A_DAY.fullmatch(file.key.removeprefix(root))
            if match and match["day"] in days and match["report"] not in (INDEX, MANIFEST):
                files[match["day"]].append(file.key)
        for day, keys in sorted(files.items()):
            self._renew(lake, date.fromisoformat(day), keys, report, are_clean=True)

    def _affected(self, who: ForgottenIds, found: KnownTraces, report: ForgettingResult) -> _AffectedFiles:
        affected, root = _AffectedFiles(), key_of(self.publisher.place) + "/"
        for file in list(self.publisher.place.files(root)):
            body = self.publisher.place.get(file.key)
            match = KEY_OF_A_DAY.fullmatch(file.key.removeprefix(root))
            day = match["day"] if match else None
            try:
                if body is None or not _contains_somebody(file.key, body, who, found.of("reports/", day)):
                    continue
            except _MALFORMED as error:
                report.problems[file.key] = (
                    f"It cannot be read, so it is unknown whether it names somebody ({error}). Delete it, publish the "
                    "day again if it is of one, then run this again."
                )
                continue
            if match is None or match["report"] == INDEX:
                affected.listed.append(file.key)
            elif match["report"] != MANIFEST:
                affected.days[date.fromisoformat(match["day"])].append(file.key)
        return affected

    def _renew(
        self, lake: Lake, day: date, keys: list[str], report: ForgettingResult, *, are_clean: bool = False
    ) -> None:
        """Publish a day again, and delete those of `keys` that its new manifest does not name.

        With `are_clean` a file may also stay if it has not changed, because its report was computed again.
        """
        place = self.publisher.place
        try:
            manifest = self.publisher.manifest(day)
            if manifest is not None:
                self.republish(lake.refreshed(), manifest)
                manifest = self.publisher.manifest(day)
            report.published_days[f"{day}"] = "the day was published again" if manifest else "they were removed"
        except (NothingToPublish, InvalidManifest, Unreadable, UnreadableLog, PublishingError) as error:
            place.delete(manifest_key(place, day))
            manifest = None
            report.published_days[f"{day}"] = "the day was withdrawn"
            report.problems[f"published day {day}"] = f"It was withdrawn, because it cannot be published again: {error}"
        named = {file.key for file in manifest.files} if manifest else set()
        for key in keys:
            if key in named and are_clean:
                continue
            if key in named:
                report.problems[key] = (
                    "It names somebody who must be forgotten, and so do the stored reports from which the day was "
                    "published again. Compute these reports again, then run this again."
                )
            else:
                place.delete(key)


@dataclass(slots=True)
class _AffectedFiles:
    """The keys of published files that contain somebody: by day, and of the list of days."""

    days: dict[date, list[str]] = field(default_factory=lambda: defaultdict(list))
    listed: list[str] = field(default_factory=list)


def _contains_somebody(key: str, body: bytes, who: ForgottenIds, traces: Traces) -> bool:
    if key.endswith(".parquet"):
        rows = pq.read_table(pa.BufferReader(body))
        return scrubbed("reports/", rows, who, traces) is not None
    return any(_mentions(text, who, traces) for text in _texts(key, body))


def _texts(key: str, body: bytes) -> Iterator[str]:
    """The text of a file as a reader of its format sees it."""
    text = body.decode("utf-8", errors="replace")
    if key.endswith(".html"):
        yield html.unescape(text)
    elif key.endswith(".json"):
        yield json.dumps(json.load(io.BytesIO(body)), ensure_ascii=False)
    else:
        yield text.replace('""', '"')


def _mentions(text: str, who: ForgottenIds, traces: Traces) -> bool:
    ids = who.ids_in(text).values()
    if any(entry.kind is not Kind.CONTACT_CONVERSATION for entries in ids for entry in entries):
        return True
    lower = text.lower()
    return any(stands_in(value, lower) for value in (*traces.names, *traces.values))
