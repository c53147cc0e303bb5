"""The docs name a test for each thing that once went wrong: it is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
RELIABILITY = TESTS.parent / "docs" / "reliability.md"
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", RELIABILITY.read_text())


def test_there_are_some() -> None:
    assert len(NAMED) > 14


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_each_is_there(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (TESTS / file).read_text()
