"""Clocks that stand still or are wrong, for modules that read the time by `datetime.now(UTC)`."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


def standing_at(moment: datetime) -> type[datetime]:
    """A class to replace a module's `datetime`; its clock shows `moment`."""

    class Standing(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return moment

    return Standing


def shifted_by(shift: timedelta) -> type[datetime]:
    """A class to replace a module's `datetime`; its clock runs, and shows this much more than the machine's."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    return Shifted
