"""Every example in docs/reports.md is valid, and the tutorials' reports there are those of reports.example.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from genesys_assets import GenesysReport
from genesys_assets.reports.meaning.entries import read_text

ROOT = Path(__file__).parents[3]
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "reports.md").read_text(), re.DOTALL | re.MULTILINE)
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "reports.example.yaml").read_text())["reports"]
FIGURES = {"metrics": {"handled": "tHandle.count"}}


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_an_example_is_right(block: str) -> None:
    stated = yaml.safe_load(block)
    if "attributes" in stated:
        GenesysReport.from_attributes_dict(attributes=stated["attributes"])
        return
    if "reports" not in stated:
        figures = {} if "aggregates" in stated or "details" in stated else {"aggregates": FIGURES}
        stated = {"reports": {"example": {"description": "One row per group.", **figures, **stated}}}
    reading = read_text(yaml.safe_dump(stated, sort_keys=False), "docs/reports.md")
    assert not reading.problems, "\n".join(map(str, reading.problems))
    assert reading.reports


def test_the_tutorials_reports_are_those_of_the_example_file() -> None:
    shown = [yaml.safe_load(block)["reports"] for block in BLOCKS if block.startswith("reports:")]
    assert {name: entry for each in shown for name, entry in each.items()} == EXAMPLE
