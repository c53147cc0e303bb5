"""A forgotten person appears nowhere any more: in no file, older version, published day, or event of Dagster. Figures
are computed from the remaining data, and no forgotten person comes back.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from typer.testing import CliRunner

from genesys_assets.checks.completeness import DayFigures, day_figures
from genesys_assets.cli.app import app
from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.recomputed import Recomputation
from genesys_assets.lake.lake import Lake
from genesys_assets.partitions import Calendar
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import Kind
from genesys_assets.privacy.protection import Protection
from genesys_assets.publishing.publisher import open_publisher
from genesys_assets.reports.stored_definitions import store_definition
from genesys_assets.sandbox.object_store import ObjectStore
from genesys_assets.tolerance import Tolerance
from genesys_assets_tests.assets.world import environment
from genesys_assets_tests.conftest import DAYS
from genesys_assets_tests.faults import only_in_make_faults
from genesys_assets_tests.forgetting.scene import (
    BYSTANDER,
    CONTACT,
    DAY,
    OF_BYSTANDER,
    OF_CONTACT,
    OF_DAY,
    OF_REPORTS,
    REPORTS,
    VICTIM,
    Scene,
    complete,
    places,
)
from genesys_assets_tests.forgetting.traces import events_with, files_with

pytestmark = pytest.mark.long

NUMBER = "+41790001122"
_OF_VICTIM = f"{{table: sessions, where: {{conversation_id: {VICTIM}}}, measures: {{sessions: count}}}}"
EVERYWHERE = {
    *("pages/hourly_details", "pages/daily_details", "tables/conversations", "tables/participants"),
    *("tables/sessions", "tables/segments", "tables/participant_attributes", "reports/each_conversation"),
    *("live/conversations", "downstream/bonus_points", "published/reports"),
    *("reports/colours", "reports/transfers", "downstream/by_delta_lake"),
}

ON_S3 = {
    *("pages/daily_details", "live/conversations", "reference/users", "reports/callers"),
    *(f"tables/{name}" for name in ("conversations", "participants", "sessions", "interval_metrics", "restatements")),
}
"""On S3 each commit takes half a second, so not all of the lake is there: what a day's page and a report need."""


def figures(scene: Scene, place: str) -> list[dict[str, Any]]:
    """The rows of a table without the columns that identify people."""
    hidden = ("user_id", "user_name", "group_key")
    rows = [{name: value for name, value in row.items() if name not in hidden} for row in scene.rows(place)]
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


def test_before_forgetting_the_person_appears_everywhere(full: Scene) -> None:
    found = full.files_with(VICTIM, *OF_CONTACT, *full.of_user)
    assert {values for each in found.values() for values in each} == {VICTIM, *OF_CONTACT, *full.of_user}
    assert places(found) >= EVERYWHERE | {"reference/users", "reports/callers", "tables/interval_metrics"}
    assert any(path.startswith("lake/.drafts") for path in found)


def test_dagster_never_heard_of_anybody(full: Scene) -> None:
    assert events_with(full.world.instance, [VICTIM, BYSTANDER, *OF_CONTACT, *full.of_user]) == {}


def test_a_conversation_leaves_no_trace(scene: Scene) -> None:
    before = scene.rows("tables/conversations")
    report = scene.forget(Kind.CONVERSATION, VICTIM)
    assert report.problems == {}
    assert scene.files_with(VICTIM, *OF_CONTACT) == {}
    assert {row["conversation_id"] for row in before} - {VICTIM} == {
        row["conversation_id"] for row in scene.rows("tables/conversations")
    }
    assert (report.rows_removed["tables/conversations"], report.days) == (1, {DAY})
    stay = {value for each in scene.files_with(*OF_BYSTANDER).values() for value in each}
    assert stay == {*OF_BYSTANDER}


def test_an_external_contact_leaves_no_trace_and_every_figure_stays(scene: Scene) -> None:
    kept = ("agent_hourly", "agent_daily")
    before = {name: figures(scene, f"reports/{name}") for name in kept}
    count = len(scene.rows("tables/conversations"))
    report = scene.forget(Kind.EXTERNAL_CONTACT, CONTACT)
    assert report.problems == {}
    assert scene.files_with(*OF_CONTACT) == {}
    assert len(scene.rows("tables/conversations")) == count
    assert {name: figures(scene, f"reports/{name}") for name in kept} == before
    assert VICTIM in {row["conversation_id"] for row in scene.rows("tables/sessions")}


def test_a_user_leaves_no_trace_and_every_figure_stays(scene: Scene) -> None:
    kept = ("reports/agent_hourly", "reports/agent_daily", "tables/interval_metrics", "tables/session_metrics")
    before = {place: figures(scene, place) for place in kept}
    report = scene.forget(Kind.USER, scene.user["id"])
    assert report.problems == {}
    assert scene.files_with(*scene.of_user) == {}
    assert {place: figures(scene, place) for place in kept} == before
    (pseudonym,) = {row["user_id"] for row in scene.rows("downstream/bonus_points")}
    assert pseudonym.startswith("forgotten:")
    assert pseudonym in {row["user_id"] for row in scene.rows("reports/agent_daily")}
    assert pseudonym in {row["id"] for row in scene.rows("reference/users", None)}
    assert {row["agent"] for row in scene.rows("downstream/bonus_points")} == {pseudonym}


def test_statistics_in_logs_and_checkpoints_of_others_lose_texts_and_the_table_is_read_as_before(scene: Scene) -> None:
    folder = scene.home / "lake/downstream/by_delta_lake"
    of_log = {path for path in scene.files_with("Ottilie Quarz") if "_delta_log" in path}
    assert {Path(path).suffix for path in of_log} == {".json", ".parquet"}
    report = scene.forget(Kind.CONVERSATION, VICTIM)
    assert report.problems == {}
    assert report.statistics["downstream/by_delta_lake"] >= 2
    table = DeltaTable(folder).to_pyarrow_table()
    assert table["points"].to_pylist() == [7]
    assert table["customer"].to_pylist() == ["Benno Basalt"]
    # Numbers stay, because readers use them to skip files.
    assert '"points":7' in (folder / "_delta_log/00000000000000000000.json").read_text().replace("\\", "")


def test_a_log_that_names_the_person_elsewhere_is_reported(scene: Scene) -> None:
    rows = pa.table({"customer": ["Ottilie Quarz"], "points": [7]})
    write_deltalake(scene.home / "lake/downstream/by_customer", rows, partition_by=["customer"])
    problems = scene.forget(Kind.CONVERSATION, VICTIM).problems
    assert any("in the folder of a partition" in why for what, why in problems.items() if "by_customer" in what)


def test_a_report_whose_definition_is_unknown_is_withdrawn_and_said(scene: Scene) -> None:
    (scene.home / "reports.yaml").write_text("reports: {}\n")
    for file in (scene.home / "lake/definitions").iterdir():
        file.unlink()
    report = scene.forget(Kind.CONVERSATION, VICTIM)
    why = report.withdrawn[f"reports/colours {DAY}"]
    assert why.startswith("its definition is unknown: it is neither built in nor in reports.yaml, and the lake has no ")
    assert why.endswith(f"dg launch --assets 'key:\"genesys/reports/colours\"' --partition {DAY}")
    assert f"reports/agent_daily {DAY}" not in report.withdrawn
    assert scene.files_with(VICTIM, *OF_CONTACT) == {}


def test_a_report_that_another_code_location_defines_is_computed_again_and_stays_published(scene: Scene) -> None:
    (scene.home / "reports.yaml").write_text("reports: {}\n")
    before = {file.report for file in scene.manifest.files}
    with environment(scene.world.environment):
        done = CliRunner().invoke(app, ["forget", "--conversation", VICTIM])
    assert "Withdrawn" not in done.stdout, done.output
    assert not {path for path in scene.files_with(VICTIM, *OF_CONTACT) if "reports/" in path}
    assert scene.lake.has("reports/colours", DAY)
    assert {file.report for file in scene.manifest.files} == before
    assert {"colours", "callers"} <= before


def test_a_published_report_whose_definition_is_unknown_is_named_as_missing(scene: Scene) -> None:
    (scene.home / "reports.yaml").write_text("reports: {}\n")
    (scene.home / "lake/definitions/colours.json").write_text('{"definition": {"since": "a later version"}}')
    with environment(scene.world.environment):
        CliRunner().invoke(app, ["forget", "--conversation", VICTIM])
    assert "did not know this report" in scene.manifest.missing["colours"]
    assert "callers" in {file.report for file in scene.manifest.files}


def test_a_definition_that_names_somebody_loses_the_id_and_does_not_get_it_back(scene: Scene) -> None:
    text = REPORTS.replace("{table: sessions, measures: {sessions: count}}", _OF_VICTIM)
    (scene.home / "reports.yaml").write_text(text)
    (report,) = (each for each in scene.reports().values() if each.name == "callers")
    with environment(scene.world.environment):
        store_definition(scene.lake, report, ZoneInfo("UTC"), date.min)
        assert VICTIM in (scene.home / "lake/definitions/callers.json").read_text()
        assert scene.forget(Kind.CONVERSATION, VICTIM).statistics["definitions"] == 1
        store_definition(scene.lake, report, ZoneInfo("UTC"), date.min)
    text = (scene.home / "lake/definitions/callers.json").read_text()
    assert VICTIM not in text
    assert "forgotten:" in text


def test_a_report_whose_tables_were_removed_by_hand_is_withdrawn(scene: Scene) -> None:
    for place in OF_DAY:
        if place != "tables/conversations":
            scene.lake.remove(place, [DAY])
    report = scene.forget(Kind.CONVERSATION, VICTIM)
    assert "genesys/tables/sessions" in report.withdrawn[f"reports/callers {DAY}"]
    assert not {path for path in scene.files_with(VICTIM, *OF_CONTACT) if "reports/" in path}


def test_a_process_killed_before_reports_are_made_again_makes_them_when_run_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Recomputation, "recompute", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            scene.forget(Kind.CONVERSATION, VICTIM)
    assert "mauve" in str(scene.rows("reports/colours"))
    assert scene.forget(Kind.CONVERSATION).problems == {}
    assert scene.files_with(VICTIM, *OF_CONTACT) == {}
    assert not list((scene.home / "lake/forgotten").rglob("*@*"))


def test_a_contact_without_known_conversations_is_reported(scene: Scene) -> None:
    dropping = Lake(scene.lake.store, protection=Protection({PersonalData.CONTACT: "drop"}))
    unknown = "c0417ac7-1111-4222-8333-00000000b009"
    report = lakewide.forget(dropping, {Kind.EXTERNAL_CONTACT: [unknown]}, datetime.now(UTC) + timedelta(hours=2))
    assert "drops contact data" in report.problems[f"--external-contact {unknown}"]
    assert "--conversation" in report.problems[f"--external-contact {unknown}"]


IDS = [(Kind.CONVERSATION, VICTIM), (Kind.EXTERNAL_CONTACT, CONTACT), (Kind.USER, "")]


def forget(scene: Scene, kind: Kind, id_: str) -> tuple[str, ...]:
    """Forget a person; returns the values that must not be found any more."""
    assert scene.forget(kind, id_ or scene.user["id"]).problems == {}
    return scene.of_user if kind is Kind.USER else (*OF_CONTACT, *([VICTIM] if kind is Kind.CONVERSATION else []))


@pytest.mark.parametrize(("kind", "id_"), IDS)
def test_what_is_computed_again_is_what_was_left(scene: Scene, kind: Kind, id_: str) -> None:
    forget(scene, kind, id_)
    tables = {place: scene.rows(place) for place in OF_DAY if not place.endswith("daily_metrics")}
    assert any(tables.values())
    scene.run(*OF_DAY)
    for place, rows in tables.items():
        key = scene.lake.log(place).schema().names
        assert _sorted(scene.rows(place), key) == _sorted(rows, key), place


def _sorted(rows: list[dict[str, Any]], names: list[str]) -> list[list[str]]:
    return sorted([str(row[name]) for name in names] for row in rows)


@pytest.mark.parametrize(("kind", "id_"), IDS)
def test_nobody_comes_back_with_what_is_fetched_and_computed_again(scene: Scene, kind: Kind, id_: str) -> None:
    gone = forget(scene, kind, id_)
    scene.run("pages/hourly_details", "pages/hourly_aggregates", job="hourly", partition=f"{DAY}-10:00")
    complete(scene)
    scene.run("reference/users", "reference/users_history")
    scene.run(*OF_REPORTS)
    scene.run("published/reports")
    assert scene.files_with(*gone) == {}
    judged = day_figures(scene.lake, DAY)
    assert isinstance(judged, DayFigures)
    assert judged.problems(Tolerance.parse("0")) == []
    assert judged.forgotten == (kind is Kind.CONVERSATION)


@pytest.mark.parametrize(("kind", "id_"), IDS)
def test_to_forget_again_changes_nothing(scene: Scene, kind: Kind, id_: str) -> None:
    forget(scene, kind, id_)
    before = scene.world.files()
    report = scene.forget(kind, id_ or scene.user["id"])
    assert (report.partitions, report.old_files, report.published_files) == ({}, {}, {})
    assert {path: digest for path, digest in scene.world.files().items() if "forgotten/" not in path} == {
        path: digest for path, digest in before.items() if "forgotten/" not in path
    }


def test_numbers_in_a_file_of_a_report_that_nobody_names_are_found_an_hour_later(scene: Scene) -> None:
    (stored,) = scene.lake.log("reports/callers").files(DAY)
    folder = scene.home / "lake/reports/callers"
    left = f"date={DAY}/{'1' * 32}-{'1' * 12}.parquet"
    shutil.copy(folder / stored.path, folder / left)
    now = datetime.now(UTC)
    assert {*scene.forget(Kind.EXTERNAL_CONTACT, CONTACT, now=now).problems} >= {
        f"reports/callers/{left}",
        "tables and pages",
    }
    assert scene.forget(Kind.EXTERNAL_CONTACT, now=now + timedelta(hours=2)).problems == {}
    assert scene.files_with(*OF_CONTACT) == {}


def test_a_snapshot_loses_a_contact_of_whom_only_pages_tell_so_far(scene: Scene) -> None:
    for place in (*OF_DAY, *OF_REPORTS):
        scene.lake.remove(place, [DAY])
    scene.forget(Kind.EXTERNAL_CONTACT, CONTACT)
    assert not places(scene.files_with(*OF_CONTACT)) & {"live/conversations", "tables/sessions", "pages/daily_details"}


def test_a_dry_run_reports_and_changes_nothing(scene: Scene) -> None:
    before = scene.world.files()
    told = scene.forget(Kind.CONVERSATION, VICTIM, dry_run=True)
    assert scene.world.files() == before
    done = scene.forget(Kind.CONVERSATION, VICTIM)
    assert (told.partitions, told.rows_removed, told.published_files) == (
        done.partitions,
        done.rows_removed,
        done.published_files,
    )


def test_the_digests_that_stay_reveal_no_id(scene: Scene) -> None:
    scene.forget(Kind.CONVERSATION, VICTIM)
    kept = [path.relative_to(scene.home).as_posix() for path in (scene.home / "lake/forgotten").rglob("*.*")]
    assert len(kept) == 1
    assert scene.files_with(VICTIM) == {}
    assert kept[0].startswith("lake/forgotten/conversation/")


def test_published_days_are_published_again_without_the_user(scene: Scene) -> None:
    manifest = scene.published().publisher.manifest(DAYS[-2])
    report = scene.forget(Kind.USER, scene.user["id"])
    again = scene.published().publisher.manifest(DAYS[-2])
    assert manifest is not None
    assert again is not None
    assert report.published_files[DAY] > 2
    assert report.published_days == {DAY: "the day was published again"}
    assert report.not_found == {}
    assert {file.report for file in again.files} == {file.report for file in manifest.files}
    assert (scene.home / "published" / again.files[0].key).is_file()


def test_a_day_that_cannot_be_published_again_is_withdrawn(scene: Scene) -> None:
    lake = scene.lake
    lake.remove("tables/interval_metrics", [DAY])
    lake.remove("tables/conversations", [DAY])
    report = scene.forget(Kind.USER, scene.user["id"])
    assert scene.published().publisher.manifest(DAYS[-2]) is None
    assert "It was withdrawn" in report.problems[f"published day {DAY}"]
    assert report.published_days == {DAY: "the day was withdrawn"}
    assert scene.files_with(*scene.of_user) == {}


@only_in_make_faults
def test_on_s3_nobody_is_left_in_any_object_of_the_bucket(
    full: Scene, bucket: str, s3_client: Any, object_store: ObjectStore, tmp_path: Path
) -> None:
    """Older versions, files that no commit names and published days are objects like all others."""
    for key, path in full.files_of(*ON_S3):
        s3_client.upload_file(str(path), bucket, key)
    settings = {**full.world.settings, **object_store.environment(), "GENESYS_ASSETS_LAKE": f"s3://{bucket}/lake"}
    scene = replace(full, world=replace(full.world, settings=settings))
    with environment(scene.world.environment):
        published = scene.published(open_publisher(f"s3://{bucket}/published", lambda: s3_client))
        published.republish(scene.lake, full.manifest)
        gone = (VICTIM, *OF_CONTACT, *full.of_user)
        before = files_with(downloaded(s3_client, bucket, tmp_path / "before"), gone)
        assert {VICTIM, "+41790001122", *full.of_user} <= {value for each in before.values() for value in each}
        assert places(before) >= {*ON_S3, "published/reports"} - {"tables/restatements"}
        ids = {Kind.CONVERSATION: [VICTIM], Kind.EXTERNAL_CONTACT: [CONTACT], Kind.USER: [full.user["id"]]}
        again = Recomputation(scene.reports(), Calendar.from_environment().zone)
        report = lakewide.forget(scene.lake, ids, datetime.now(UTC) + timedelta(hours=2), published, again)
        assert report.problems == {}
    after = downloaded(s3_client, bucket, tmp_path / "after")
    assert files_with(after, gone) == {}
    assert places(files_with(after, OF_BYSTANDER)) >= {"tables/sessions", "reports/callers", "published/reports"}
    assert len(before) > len(places(before)), "older versions existed"


def downloaded(s3_client: Any, bucket: str, folder: Path) -> Path:
    """Every object of a bucket, in a folder."""
    for page in s3_client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page["Contents"]:
            path = folder / found["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            s3_client.download_file(bucket, found["Key"], str(path))
    return folder
