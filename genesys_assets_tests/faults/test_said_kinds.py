"""The documents state correctly how many kinds of hostile input the tests try."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets_tests.faults.answers.http_cases import DRIPS
from genesys_assets_tests.faults.answers.test_answers import CASES
from genesys_assets_tests.faults.import_files.left_out import LEFT_OUT
from genesys_assets_tests.faults.import_files.refused import REFUSED
from genesys_assets_tests.faults.import_files.refused_pieces import REFUSED_PIECES
from genesys_assets_tests.faults.import_files.refused_texts import REFUSED_TEXTS
from genesys_assets_tests.faults.import_files.refused_values import REFUSED_VALUES
from genesys_assets_tests.faults.import_files.right import THE_CALL, THE_FIGURES
from genesys_assets_tests.faults.report_files import cases as reports
from genesys_assets_tests.faults.report_files.test_formulas import REFUSED as FORMULAS
from genesys_assets_tests.reports.language.mistakes import MISTAKES

DOCS = Path(__file__).parents[2] / "docs"
REPORTS = len(reports.REFUSED) + len(reports.RIGHT)
_REFUSED = (*REFUSED, *REFUSED_PIECES, *REFUSED_TEXTS, *REFUSED_VALUES)
FILES = len((*THE_CALL, *THE_FIGURES, *LEFT_OUT, *_REFUSED))
# And a host that never answers.
ANSWERS = len(CASES) + len(DRIPS) + 1


@pytest.mark.parametrize(
    ("document", "row"),
    [
        ("reliability.md", f"| reports.yaml | {REPORTS} files, {len(FORMULAS)} formulas, {len(MISTAKES)} mistakes; "),
        ("reliability.md", f"| saved files for the import | {FILES} | "),
        ("reliability.md", f"| answers of the platform, of every endpoint in use | {ANSWERS} | "),
        ("security.md", f"`make faults` tries {FILES} kinds of files."),
        ("security.md", f"of every endpoint in use, that end as they should | {ANSWERS} of {ANSWERS} | "),
    ],
)
def test_a_document_says_how_many_kinds_there_are(document: str, row: str) -> None:
    assert row in (DOCS / document).read_text()
