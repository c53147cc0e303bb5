"""Which published files may be removed: those that no manifest names any longer, once none of their URLs can work.

A URL is signed while a manifest names its file, so it ends at most `LONGEST_EXPIRY` after the current manifest was
written. A file that no manifest names yet may be part of a day that is being published. Its own age protects it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from genesys_assets.publishing.errors import InvalidManifest
from genesys_assets.publishing.index_page import LISTED_DAYS
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.place import INDEX, LONGEST_EXPIRY, MANIFEST, PlacedFile, key_of
from genesys_assets.publishing.publisher import Publisher

_LISTED = timedelta(days=LISTED_DAYS + 1)
_OF_A_DAY = re.compile(r"(?P<report>[^/]+)/date=(?P<day>\d{4}-\d{2}-\d{2})/[^/]+")


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What was removed, and the days that were left alone because their manifest cannot be read."""

    keys: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def may_go(
    files: Iterable[PlacedFile], manifest: Manifest | None, now: datetime, longest: timedelta = LONGEST_EXPIRY
) -> list[str]:
    """Keys of a day's files that may be removed; `manifest` is the current one."""
    named = {file.key for file in manifest.files} if manifest else set()
    last_signed = [manifest.generated_at] if manifest else []
    return [file.key for file in files if file.key not in named and now - max([file.modified, *last_signed]) > longest]


def remove_garbage(publisher: Publisher, now: datetime) -> Cleanup:
    """Delete every file that may go. Raises PublishingError."""
    removed: list[str] = []
    unreadable: list[str] = []
    by_day, unlisted = _old_files(publisher, now)
    for key in unlisted:
        publisher.place.delete(key)
        removed.append(key)
    for day, files in sorted(by_day.items()):
        try:
            going = may_go(files, publisher.manifest(day), now)
        except InvalidManifest as wrong:
            # It is unknown which files it named.
            unreadable.append(str(wrong))
            continue
        for key in going:
            if _is_as_listed(publisher, key, files):
                publisher.place.delete(key)
                removed.append(key)
    return Cleanup(tuple(removed), tuple(unreadable))


def _old_files(publisher: Publisher, now: datetime) -> tuple[Mapping[date, list[PlacedFile]], list[str]]:
    """The files that are old enough, by day, and the pages of days that the list has no more; manifests stay."""
    found: dict[date, list[PlacedFile]] = {}
    unlisted: list[str] = []
    root = key_of(publisher.place) + "/"
    for file in publisher.place.files(root):
        match = _OF_A_DAY.fullmatch(file.key.removeprefix(root))
        if match is None or match["report"] == MANIFEST or now - file.modified <= LONGEST_EXPIRY:
            continue
        day = date.fromisoformat(match["day"])
        if match["report"] != INDEX:
            found.setdefault(day, []).append(file)
        elif now.date() - day > _LISTED:
            unlisted.append(file.key)
    return found, unlisted


def _is_as_listed(publisher: Publisher, key: str, files: Iterable[PlacedFile]) -> bool:
    """Whether the file was not written again since it was listed. It may have been, if a day returned to earlier
    figures.
    """
    listed = next(file for file in files if file.key == key)
    return listed in publisher.place.files(key)
