"""Documents are whole: links lead somewhere, tables are not cut, and no merge is unfinished."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/*.md", "benchmarks/*.md", "deploy/*.md") for path in ROOT.glob(pattern)
)
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( .*)?$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCES = sorted(
    path
    for room in ("genesys_assets", "genesys_assets_tests", "docs", "benchmarks", "deploy", "examples")
    for path in (ROOT / room).rglob("*")
    if path.suffix in {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".html"} and path.is_file()
)
_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            yield link


def test_every_link_leads_somewhere() -> None:
    assert len(PAGES) > 15
    broken = {f"{page.relative_to(ROOT)}": list(broken_links(page)) for page in PAGES}
    assert {page: links for page, links in broken.items() if links} == {}


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One thing\n[a](#one-thing) [b](#another) [c](b.md) [d](https://example.com)\n")
    assert list(broken_links(page)) == ["#another", "b.md"]


def cut_tables(text: str) -> list[str]:
    """The rows that follow an empty line without the head of a table; Markdown shows them as raw text."""
    lines = ["", *_FENCE.sub("", text).splitlines(), ""]
    return [
        row
        for before, row, after in zip(lines, lines[1:], lines[2:], strict=False)
        if row.startswith("|") and not before.startswith("|") and not after.startswith("|--")
    ]


def test_every_row_belongs_to_a_table_with_a_head() -> None:
    cut = {f"{page.relative_to(ROOT)}": cut_tables(page.read_text()) for page in PAGES}
    assert {page: rows for page, rows in cut.items() if rows} == {}


def test_a_table_that_an_empty_line_cuts_is_found() -> None:
    assert cut_tables("| a |\n|---|\n| 1 |\n\n| 2 |\n| 3 |\n") == ["| 2 |"]


def test_no_file_holds_the_marks_of_an_unfinished_merge() -> None:
    assert len(SOURCES) > 500
    marked = [f"{path.relative_to(ROOT)}" for path in [*PAGES, *SOURCES] if _CONFLICT.search(path.read_text())]
    assert marked == []


def test_an_unfinished_merge_is_found() -> None:
    mark = "<" * 7
    assert _CONFLICT.search(f"one\n{mark} HEAD\ntwo\n")
    assert not _CONFLICT.search("A heading\n=========\n")
