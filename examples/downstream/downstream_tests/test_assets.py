"""The figures: each asset materialised on reports of a few rows, and read back from the lake."""

from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from downstream.assets import bonus_points, weekly_service_level
from downstream.definitions import defs
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import utc_day
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.tables.spec import TableSpec

DAY = "2026-02-04"
WEEK = [f"2026-02-{day:02d}" for day in range(2, 9)]
"""The seven days that end with the last of them."""

REPORTS = {report.name: report.spec for report in built_in_reports()}


def stored(lake: Lake, spec: TableSpec, day: str, *rows: dict[str, Any]) -> None:
    """A day of a report, as genesys_assets would have stored it; what a row does not name is null."""
    start, _ = utc_day(day)
    table = pa.Table.from_pylist([{"interval_start": start, **row} for row in rows], spec.schema)
    lake.write(f"reports/{spec.name}", spec, table, day, {})


def materialised(lake: Lake, asset: dg.AssetsDefinition, partition: str) -> pa.Table:
    """What the asset stored for the partition, materialised as the code location does it."""
    job = defs().resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(partition_key=partition, asset_selection=[asset.key]).success
    return lake.refreshed().read("/".join(asset.key.path), partition)


# -- bonus_points


def agent(name: str, conversations: int | None, average: float | None) -> dict[str, Any]:
    return {"user_id": name, "conversation_count": conversations, "average_handle_time_seconds": average}


def points(lake: Lake, *agents: dict[str, Any]) -> dict[str, float | None]:
    stored(lake, REPORTS["agent_daily"], DAY, *agents)
    table = materialised(lake, bonus_points, DAY)
    return dict(zip(table["user_id"].to_pylist(), table["points"].to_pylist(), strict=True))


def test_a_conversation_is_a_point_and_a_half_more_for_who_was_quick(lake: Lake) -> None:
    assert points(lake, agent("quick", 10, 300.0), agent("slow", 10, 300.1)) == {"quick": 15.0, "slow": 10.0}


def test_who_handled_nothing_has_no_points_rather_than_zero(lake: Lake) -> None:
    assert points(lake, agent("idle", None, None), agent("unmeasured", 3, None), agent("slow", 1, 900.0)) == {
        "idle": None,
        "unmeasured": None,
        "slow": 1.0,
    }


def test_counts_stay_integers_beside_nulls_and_on_a_day_without_agents(lake: Lake) -> None:
    points(lake, agent("idle", None, None), agent("slow", 1, 900.0))
    with_nulls = lake.refreshed().read("downstream/bonus_points", DAY).schema
    points(lake)
    assert lake.refreshed().read("downstream/bonus_points", DAY).schema.types == with_nulls.types
    assert with_nulls.field("conversation_count").type == pa.int64()


# -- weekly_service_level


def queue(name: str, numerator: float | None, denominator: float | None, **more: Any) -> dict[str, Any]:
    return {
        "queue_id": "Q",
        "queue_name": name,
        "service_level_numerator": numerator,
        "service_level_denominator": denominator,
        **more,
    }


def week(lake: Lake, days: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The week's table, from the given days and empty ones between them."""
    for day in WEEK:
        stored(lake, REPORTS["queue_media"], day, *days.get(day, []))
    return list(materialised(lake, weekly_service_level, WEEK[6]).to_pylist())


def test_a_weeks_service_level_is_a_quotient_of_sums_over_days_and_media(lake: Lake) -> None:
    quiet = [queue("Sales", 1.0, 1.0, media_type="voice", answered=1)]
    busy = [
        queue("Sales", 10.0, 80.0, media_type="voice", answered=70, abandoned=9),
        queue("Sales", 9.0, 19.0, media_type="chat", answered=18),
    ]
    assert week(lake, {WEEK[0]: quiet, WEEK[6]: busy}) == [
        {
            "queue_id": "Q",
            "queue_name": "Sales",
            "answered": 89,
            "abandoned": 9,
            "service_level_numerator": 20.0,
            "service_level_denominator": 100.0,
            "service_level": 0.2,
        }
    ]


def test_a_queue_that_was_renamed_is_one_queue_under_its_last_name(lake: Lake) -> None:
    (row,) = week(lake, {WEEK[1]: [queue("Sales", 1.0, 2.0)], WEEK[3]: [queue("Advice", 1.0, 2.0)]})
    assert (row["queue_name"], row["service_level"]) == ("Advice", 0.5)


def test_a_queue_without_a_denominator_has_no_service_level(lake: Lake) -> None:
    (never,) = week(lake, {WEEK[1]: [queue("Sales", None, None, answered=4)]})
    assert (never["service_level"], never["answered"], never["abandoned"]) == (None, 4, None)
    (zero,) = week(lake, {WEEK[1]: [queue("Sales", 0.0, 0.0)]})
    assert zero["service_level"] is None


def test_sums_of_counts_are_integers_as_the_counts_are(lake: Lake) -> None:
    week(lake, {WEEK[1]: [queue("Sales", 1.0, 2.0, answered=4)]})
    schema = lake.refreshed().read("downstream/weekly_service_level", WEEK[6]).schema
    assert schema.field("answered").type == schema.field("abandoned").type == pa.int64()


def test_a_day_that_was_read_again_counts_once(lake: Lake) -> None:
    week(lake, {WEEK[2]: [queue("Sales", 1.0, 4.0)]})
    stored(lake, REPORTS["queue_media"], WEEK[2], queue("Sales", 3.0, 4.0))
    (row,) = materialised(lake, weekly_service_level, WEEK[6]).to_pylist()
    assert (row["service_level"], row["service_level_denominator"]) == (0.75, 4.0)


def test_the_days_around_the_week_do_not_count(lake: Lake) -> None:
    for outside in ("2026-02-01", "2026-02-09"):
        stored(lake, REPORTS["queue_media"], outside, queue("Sales", 5.0, 5.0))
    (row,) = week(lake, {WEEK[0]: [queue("Sales", 1.0, 4.0)], WEEK[6]: [queue("Sales", 1.0, 4.0)]})
    assert row["service_level_denominator"] == 8.0


def test_a_week_that_lacks_days_is_refused_by_name(lake: Lake) -> None:
    for day in WEEK[:5]:
        stored(lake, REPORTS["queue_media"], day, queue("Sales", 1.0, 4.0))
    with pytest.raises(dg.Failure, match="genesys/reports/queue_media lacks 2026-02-07, 2026-02-08"):
        materialised(lake, weekly_service_level, WEEK[6])
    assert not lake.refreshed().has("downstream/weekly_service_level", WEEK[6])
