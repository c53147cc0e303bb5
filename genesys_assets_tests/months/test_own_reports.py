"""Custom reports: the file holds exactly the current reports, and the package can read it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

from genesys_assets.reports.custom import CustomReports as Read
from genesys_assets_tests.months.own_reports import OF_AGGREGATES, OF_DETAILS, CustomReports


def test_one_of_each_kind_is_always_there_and_every_change_is_read_without_a_problem(tmp_path: Path) -> None:
    own = CustomReports(tmp_path / "reports.yaml", Random(1))
    own.begin()
    seen = []
    for _ in range(40):
        there = dict(own.by_name)
        read = Read.read(own.file)
        assert read.problems == ()
        assert {report.name for report in read.reports} == set(there)
        assert any(report in OF_AGGREGATES for report in there.values())
        assert any(report in OF_DETAILS for report in there.values())
        seen.append(there)
        own.change()
        assert own.by_name != there
    numbers = [len(each) for each in seen]
    assert max(numbers) > 2
    assert any(later < before for before, later in pairwise(numbers))


def test_the_same_seed_gives_the_same_reports(tmp_path: Path) -> None:
    def file(seed: int) -> str:
        own = CustomReports(tmp_path / "reports.yaml", Random(seed))
        own.begin()
        for _ in range(9):
            own.change()
        return own.file.read_text()

    assert file(1) == file(1) != file(2)
