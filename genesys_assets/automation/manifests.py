"""The manifests of published days, as a sensor reads them. A day whose manifest cannot be read does not hold up others.
It does not count as a day that was never published either: then it would be published again and again. Only two such
days count as never published: those whose file is not a manifest, and those whose file S3 does not permit reading. See
`publishing.day.read_manifest_if_valid`.
"""

from __future__ import annotations

from datetime import date

from genesys_assets.publishing.day import read_manifest_if_valid
from genesys_assets.publishing.errors import NotReadable
from genesys_assets.publishing.manifest import Manifest
from genesys_assets.publishing.publisher import Publisher

_MOST_UNREADABLE = 2
"""After this many in one tick no further manifest is read: each may wait for a timeout, and a tick has a minute."""


class ManifestReader:
    """Reads the manifests of days. `unreadable` has the error for each day whose manifest was not read."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.unreadable: dict[str, NotReadable] = {}

    def manifest(self, day: str) -> Manifest | None:
        """The manifest of a day; None if the day was never published. If reading fails, returns None and adds the day
        to `unreadable`.
        """
        if len(self.unreadable) >= _MOST_UNREADABLE:
            self.unreadable[day] = NotReadable(
                f"the manifests of {_MOST_UNREADABLE} other days could not be read, so it was not tried"
            )
            return None
        try:
            return read_manifest_if_valid(self._publisher, date.fromisoformat(day))
        except NotReadable as error:
            self.unreadable[day] = error
            return None
