"""The examples in docstrings are correct."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("genesys_assets", "genesys_assets_tests/generated")
    for path in (ROOT / folder).rglob("*.py")
    if "    >>> " in path.read_text()
)


def test_public_functions_of_every_room_that_people_call_have_examples() -> None:
    rooms = {module.split(".")[1] for module in MODULES}
    assert {"cloud", "reports", "tables", "warehouse"} <= rooms
    assert len(MODULES) > 15


@pytest.mark.parametrize("name", MODULES)
def test_an_example_is_right(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert results.attempted > 0
    assert results.failed == 0
