"""The docs name a test for each fault of the past: these tests exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
RELIABILITY = TESTS.parent / "docs" / "reliability.md"
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", RELIABILITY.read_text())


def test_the_docs_name_tests() -> None:
    assert len(NAMED) > 14


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_named_test_exists(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (TESTS / file).read_text()
