"""Every mistake is reported with line, field and a suggestion; docs/reports.md shows the messages.

`python -m genesys_assets_tests.reports.language.test_mistakes` writes the table there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.language.file import Problem
from genesys_assets.reports.meaning.entries import read_text
from genesys_assets_tests.reports.language.mistakes import MISTAKES

DOCUMENT = Path(__file__).parents[3] / "docs" / "reports.md"
BEGIN, END = "<!-- mistakes -->\n", "<!-- end of mistakes -->\n"
NAMES = [report.name for report in built_in_reports()]


def problem_of(text: str) -> Problem:
    reading = read_text(text, "reports.yaml", NAMES)
    assert not reading.reports
    (problem,) = reading.problems
    return problem


def table() -> str:
    head = "| what is written | message |\n|---|---|\n"
    rows = []
    for what, text in MISTAKES.items():
        problem = problem_of(text)
        lines = text.splitlines()
        line = lines[min(problem.line, len(lines)) - 1].strip()
        rows.append(f"| {what}: `{line}` | {f'{problem}'.removeprefix('reports.yaml:')} |")
    return head + "\n".join(rows) + "\n"


def written() -> str:
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_reported_with_its_line_and_field(what: str) -> None:
    text = MISTAKES[what]
    problem = problem_of(text)
    lines = text.splitlines()
    assert 1 <= problem.line <= len(lines) + 1
    assert 1 <= problem.column <= len(lines[min(problem.line, len(lines)) - 1]) + 1
    assert problem.message
    if problem.field.startswith("reports."):
        assert problem.field.split(".")[1] in text


def test_the_document_shows_the_messages() -> None:
    assert written() == table(), "python -m genesys_assets_tests.reports.language.test_mistakes"


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
