"""Removes published files that no manifest names any longer, once all their presigned URLs have expired.

A URL is only signed while a manifest names its file, so it expires at most `LONGEST_EXPIRY` after the current manifest
was written. A file that no manifest names yet may belong to a day that is being published, so young files stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from genesys_assets.publishing.errors import InvalidManifest
from genesys_assets.publishing.index_page import LISTED_DAYS
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.place import (
    INDEX,
    KEY_OF_A_DAY,
    LONGEST_EXPIRY,
    MANIFEST,
    UNFINISHED,
    PlacedFile,
    key_of,
)
from genesys_assets.publishing.publisher import Publisher

_LISTED = timedelta(days=LISTED_DAYS + 1)


@dataclass(frozen=True, slots=True)
class Cleanup:
    """The keys of removed files, and a message for each day that was skipped because its manifest cannot be read."""

    keys: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def removable_keys(
    files: Iterable[PlacedFile], manifest: Manifest | None, now: datetime, longest: timedelta = LONGEST_EXPIRY
) -> list[str]:
    """The keys of a day's files that may be removed; `manifest` is the current one."""
    named = {file.key for file in manifest.files} if manifest else set()
    last_signed = [manifest.generated_at] if manifest else []
    return [file.key for file in files if file.key not in named and now - max([file.modified, *last_signed]) > longest]


def remove_garbage(publisher: Publisher, now: datetime) -> Cleanup:
    """Delete every file that may be removed. Raises PublishingError."""
    removed: list[str] = []
    unreadable: list[str] = []
    by_day, of_no_day = _old_files(publisher, now)
    for key in of_no_day:
        publisher.place.delete(key)
        removed.append(key)
    for day, files in sorted(by_day.items()):
        try:
            removable = removable_keys(files, publisher.manifest(day), now)
        except InvalidManifest as wrong:
            # It is unknown which files the manifest named.
            unreadable.append(str(wrong))
            continue
        for key in removable:
            if _is_as_listed(publisher, key, files):
                publisher.place.delete(key)
                removed.append(key)
    return Cleanup(tuple(removed), tuple(unreadable))


def _old_files(publisher: Publisher, now: datetime) -> tuple[Mapping[date, list[PlacedFile]], list[str]]:
    """The files that are old enough, by day; and the keys of what belongs to no day: pages of days that the list no
    longer has, and files that a killed process left half written. Manifests stay.
    """
    by_day: dict[date, list[PlacedFile]] = {}
    of_no_day: list[str] = []
    root = key_of(publisher.place) + "/"
    for file in publisher.place.files(root):
        if now - file.modified <= LONGEST_EXPIRY:
            continue
        if file.key.rpartition("/")[2].startswith(UNFINISHED):
            of_no_day.append(file.key)
            continue
        match = KEY_OF_A_DAY.fullmatch(file.key.removeprefix(root))
        if match is None or match["report"] == MANIFEST:
            continue
        try:
            day = date.fromisoformat(match["day"])
        except ValueError:
            # Somebody else's file, such as of a 30th of February.
            continue
        if match["report"] != INDEX:
            by_day.setdefault(day, []).append(file)
        elif now.date() - day > _LISTED:
            of_no_day.append(file.key)
    return by_day, of_no_day


def _is_as_listed(publisher: Publisher, key: str, files: Iterable[PlacedFile]) -> bool:
    """Whether the file was not written again since it was listed: a day may have returned to earlier figures."""
    listed = next(file for file in files if file.key == key)
    return listed in publisher.place.files(key)
