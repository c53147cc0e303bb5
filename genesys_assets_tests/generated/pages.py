"""Which pages are generated from the code, and which of them are stale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genesys_assets_tests.generated import errors_page, settings_page, tables_page

DOCS = Path(__file__).parents[2] / "docs"

PAGES: dict[Path, Callable[[], str]] = {
    DOCS / "errors.md": errors_page.markdown,
    DOCS / "settings.md": settings_page.markdown,
    DOCS / "tables.md": tables_page.markdown,
}


def stale() -> list[Path]:
    """The pages that are missing, or differ from the code."""
    return [path for path, markdown in PAGES.items() if not path.is_file() or path.read_text() != markdown()]
