"""Renders HTML templates, formats values for pages, and writes a page as a file to publish.

Templates are in `templates`; all values are escaped. A page is one file that loads nothing else: its style sheet
and charts are inside, and it has no scripts. `day_page` and `index_page` make the pages.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genesys_assets.publishing.report_files import LocalFile

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING = "—"


def render(template: str, **values: Any) -> str:
    """Render a template of `templates` with values."""
    return _environment().get_template(template).render(**values)


def write_page(html: str, path: Path) -> LocalFile:
    """Write a page to a file, to be published."""
    body = html.encode()
    path.write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    return LocalFile(path, "html", "text/html; charset=utf-8", None, len(body), digest)


# -- how values look; what is missing is a dash, never a 0 -------------------------------------------


def count(value: float | None) -> str:
    """A whole number with separators of thousands: 1,234."""
    return NOTHING if value is None else f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share in per cent: 5.1 % for 0.0512."""
    return NOTHING if share is None else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def clock(milliseconds: float | None) -> str:
    """A time as hours, minutes and seconds: 0:05:03."""
    if milliseconds is None:
        return NOTHING
    seconds = round(milliseconds / 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def long_date(day: date) -> str:
    """A date such as Saturday 31 January 2026, in English with any locale of the machine."""
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """A date without its year: Sat 31 Jan."""
    return f"{_DAYS[day.weekday()][:3]} {day.day} {_MONTHS[day.month - 1][:3]}"


def moment(instant: datetime | None) -> str:
    """An instant to the minute: 2026-01-31 13:00 UTC."""
    return NOTHING if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genesys_assets.publishing"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (count, percent, clock, long_date, short_date, moment)
    environment.filters |= {function.__name__: function for function in filters}
    return environment
