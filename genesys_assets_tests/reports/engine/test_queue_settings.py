"""A row shows the settings of its queue at the end of the row's time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.lake.lake import Lake
from genesys_assets.reports.engine.made_of import made_of
from genesys_assets_tests.reports.engine.test_compute import of_queue, only, report
from genesys_assets_tests.reports.small_lake import DAY, KEY, LONG_AGO, Row, computed, small_lake

END = DAY + timedelta(days=1)
ENTRY: dict[str, Any] = {
    "group_by": ["queueId", "mediaType"],
    "names": False,
    "aggregates": {"metrics": {"offered": "nOffered.count"}},
    "columns": {
        "target": {"queue_setting": "service_level_target"},
        "threshold": {"queue_setting": "service_level_threshold"},
        "answer_in": {"queue_setting": "service_level_threshold", "unit": "seconds"},
    },
}


def level(target: float, since: datetime, until: datetime | None = None, media: str = "voice") -> Row:
    return {
        "queue_id": "Q1",
        "media_type": media,
        "valid_from": since,
        "valid_to": until,
        "service_level_target": target,
        "service_level_threshold_ms": 20_500,
    }


def with_levels(folder: Path, *levels: Row) -> Lake:
    offered = [of_queue("nOffered", media=media, count=1) for media in ("voice", "chat")]
    return small_lake(folder, interval_metrics=offered, service_levels_history=list(levels))


def test_each_media_type_has_what_was_set_at_the_end_of_the_day(tmp_path: Path) -> None:
    noon = DAY + timedelta(hours=12)
    lake = with_levels(tmp_path, level(0.7, LONG_AGO, noon), level(0.8, noon, END), level(0.9, END))
    assert only(computed(report(ENTRY), lake), "media_type", "target", "threshold", "answer_in_seconds") == [
        ("chat", None, None, None),
        ("voice", 0.8, 20_500, 20.5),
    ]


def test_what_was_set_before_the_queue_was_first_seen_is_unknown(tmp_path: Path) -> None:
    rows = computed(report(ENTRY), with_levels(tmp_path, level(0.8, END)))
    assert {row["target"] for row in rows} == {None}


COMPARED = {**ENTRY, "compare": {"columns": ["target", "answer_in"]}}


def test_what_was_set_is_compared_with_what_was_set_in_the_period_before(tmp_path: Path) -> None:
    lake = with_levels(tmp_path, level(0.5, LONG_AGO, DAY) | {"service_level_threshold_ms": 10_000}, level(0.75, DAY))
    row = next(row for row in computed(report(COMPARED), lake) if row["media_type"] == "voice")
    assert (row["target"], row["target_before"], row["target_change"]) == (0.75, 0.5, 0.25)
    threshold = [row[f"answer_in{of}_seconds"] for of in ("", "_before", "_change")]
    assert threshold == [20.5, 10.0, 10.5]


def test_a_setting_that_is_compared_with_makes_another_report(tmp_path: Path) -> None:
    earlier = {"one": 0.5, "another": 0.6}
    lakes = [with_levels(tmp_path / name, level(of, LONG_AGO, DAY), level(0.8, DAY)) for name, of in earlier.items()]
    compared = [made_of(lake, report(COMPARED), KEY, ZoneInfo("UTC")) for lake in lakes]
    alone = [made_of(lake, report(ENTRY), KEY, ZoneInfo("UTC")) for lake in lakes]
    assert (len({*compared}), len({*alone})) == (2, 1)


@pytest.mark.long
def test_a_setting_of_the_day_makes_another_report_and_a_later_one_does_not(tmp_path: Path) -> None:
    noon = DAY + timedelta(hours=12)
    stored = {
        "as it was": [level(0.8, LONG_AGO)],
        "changed later": [level(0.8, LONG_AGO, END), level(0.9, END)],
        "changed at noon": [level(0.8, LONG_AGO, noon), level(0.9, noon)],
    }
    numbers = {
        name: made_of(with_levels(tmp_path / name, *levels), report(ENTRY), KEY, ZoneInfo("UTC"))
        for name, levels in stored.items()
    }
    assert numbers["as it was"] == numbers["changed later"] != numbers["changed at noon"]
