"""Data flows one way, so imports do too: each room imports only rooms before it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "genesys_assets"

ROOMS = (
    "cloud",
    "tables",
    "privacy",
    "lake",
    "days",
    "reports",
    "importing",
    "publishing",
    "warehouse",
    "checks",
    "assets",
    "automation",
    "cli",
)
"""From left to right. Modules beside them are shared by all, or put the rooms together."""

WITHOUT_DAGSTER = ("cloud", "tables", "days", "reports", "importing", "publishing", "privacy", "warehouse", "cli")
WITHOUT_ARROW = ("cloud",)
NETWORK_AND_DISK = (
    "requests",
    "urllib3",
    "boto3",
    "botocore",
    "socket",
    "pathlib",
    "os",
    "shutil",
    "tempfile",
    "deltalake",
)


TO_THE_RIGHT = {
    # A commit removes people who were forgotten while it was written.
    ("lake/lake.py", "genesys_assets.forgetting.lakewide.forget_in"),
}
"""The imports against the direction, each with its reason."""

INSIDE = {"reports": ("language", "meaning", "engine")}
"""Rooms inside a room, from left to right."""


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def _imports(room: str) -> set[tuple[str, str]]:
    """The imports of each module of a room, by dotted names."""
    modules = sorted((PACKAGE / room).rglob("*.py"))
    assert modules, f"the room {room} is empty"
    return {(f"{module.relative_to(PACKAGE)}", name) for module in modules for name in _imported(module)}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_room_to_its_right(room: str) -> None:
    right = tuple(f"genesys_assets.{other}." for other in ROOMS[ROOMS.index(room) + 1 :])

    against = {found for found in _imports(room) if f"{found[1]}.".startswith(right)}
    assert sorted(against - TO_THE_RIGHT) == []


@pytest.mark.parametrize("room", INSIDE)
def test_a_room_inside_a_room_imports_none_to_its_right(room: str) -> None:
    inside = INSIDE[room]
    rights = {
        name: tuple(f"genesys_assets.{room}.{other}." for other in inside[index + 1 :])
        for index, name in enumerate(inside)
    }
    against = {
        found
        for name, right in rights.items()
        for found in _imports(f"{room}/{name}")
        if f"{found[1]}.".startswith(right)
    }
    assert sorted(against) == []


@pytest.mark.parametrize("room", WITHOUT_DAGSTER)
def test_a_room_that_decides_about_data_knows_no_dagster(room: str) -> None:
    assert [found for found in sorted(_imports(room)) if found[1].split(".")[0].startswith("dagster")] == []


@pytest.mark.parametrize("room", WITHOUT_ARROW)
def test_the_room_that_fetches_knows_no_arrow(room: str) -> None:
    assert [found for found in sorted(_imports(room)) if found[1].split(".")[0] in ("pyarrow", "pandas")] == []


def test_tables_are_pure_functions_that_touch_neither_a_network_nor_a_disk() -> None:
    assert [found for found in sorted(_imports("tables")) if found[1].split(".")[0] in NETWORK_AND_DISK] == []

    called = {
        f"{module.relative_to(PACKAGE)}:{node.lineno}"
        for module in (PACKAGE / "tables").rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "open"
    }
    assert called == set()


def _rooms() -> list[Path]:
    """All packages of the project, nested ones too, except `cli`, which has one module for each command."""
    without_a_map = {PACKAGE, PACKAGE / "cli"}
    return sorted(path.parent for path in PACKAGE.rglob("__init__.py") if path.parent not in without_a_map)


@pytest.mark.parametrize("room", _rooms(), ids=lambda room: f"{room.relative_to(PACKAGE)}")
def test_the_map_of_a_room_names_each_of_its_modules(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    named = set(re.findall(r"`(\w+)`", said)) | set(re.findall(r"^ *(\w+)  ", said, re.MULTILINE))
    modules = {path.stem for path in room.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert modules - {"__init__", "__main__"} - named == set()
