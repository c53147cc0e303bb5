"""Clocks that stand still, for modules that read the time by `datetime.now(UTC)`."""

from __future__ import annotations

from datetime import datetime


def standing_at(moment: datetime) -> type[datetime]:
    """A class to replace a module's `datetime`; its clock shows `moment`."""

    class Standing(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment

    return Standing
