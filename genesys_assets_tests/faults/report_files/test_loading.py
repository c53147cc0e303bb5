"""The code location loads with any reports.yaml: it has the built-in reports, and shows what is wrong where people
look."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genesys_assets.definitions import build_definitions
from genesys_assets.keys import asset_key
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.faults.report_files.cases import REFUSED
from genesys_assets_tests.reports.language.mistakes import of_entry

MINUS_SIGNS = of_entry(f"    columns: {{share: '{'-' * 490}handled'}}\n")
DIGITS = of_entry(f"    top: {'9' * 5000}\n")


@pytest.mark.parametrize(
    ("text", "part"),
    [REFUSED["brackets within brackets"], (DIGITS, "at most 18 digits"), (MINUS_SIGNS, "more than 60 levels deep")],
    ids=["brackets", "digits", "minus signs"],
)
def test_a_line_that_explodes_is_reported_and_keeps_nothing_from_loading(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "reports.yaml").write_text(text)
    assert part in _described(tmp_path / "reports.yaml")


def test_a_file_that_never_ends_keeps_nothing_from_loading(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "reports.yaml")
    assert "it is not a file" in _described(tmp_path / "reports.yaml")


def _described(path: Path) -> str:
    """The description of the file's asset, in a code location that has all built-in reports."""
    with environment({"GENESYS_ASSETS_REPORTS": str(path)}):
        graph = build_definitions().resolve_asset_graph()
    assert asset_key("reports", "queue_media") in graph.get_all_asset_keys()
    assert asset_key("reports", "calls") not in graph.get_all_asset_keys()
    return str(graph.get(asset_key("ops", "reports_file")).description)
