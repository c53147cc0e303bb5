"""Publishing a whole day: missing parts are named, and runs that race or die leave one consistent manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from genesys_assets.cloud.analytics.families import FAMILIES
from genesys_assets.days.verdicts import Verdict, store_verdicts
from genesys_assets.lake.lake import Lake, Reach
from genesys_assets.publishing.day import (
    NothingToPublish,
    PublishedDay,
    PublishRequest,
    made_of,
    publish_day,
    reach_of_day,
    read_manifest_if_valid,
)
from genesys_assets.publishing.errors import ConcurrentPublish, NotPermitted, NotReadable
from genesys_assets.publishing.manifest import FailingCheck, Manifest, PublishedFile
from genesys_assets.publishing.publisher import Publisher
from genesys_assets.reports.built_in import built_in_reports
from genesys_assets.reports.engine.made_of import made_of as report_made_of
from genesys_assets.reports.meaning.report import Report
from genesys_assets.tables.conversations.flat_tables import CONVERSATIONS
from genesys_assets.tables.metrics.buckets import INTERVAL_METRICS, table_of
from genesys_assets.tables.restatements import RESTATEMENTS
from genesys_assets_tests.publishing.made_up_day import (
    AGENT_DAILY,
    DAY,
    MIDNIGHT,
    agent,
    an_interaction,
    business_day,
    made_up_lake,
    restated,
    store,
    table,
)
from genesys_assets_tests.publishing.published_files import body_of

REPORTS = {report.name: report for report in built_in_reports()}
STORED = (REPORTS["queue_media"], REPORTS["agent_daily"])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The made-up day, with two reports of those that ship."""
    return made_up_lake(tmp_path / "lake", agents=3)


def wanted(reports: Sequence[Report] = STORED, run_id: str = "a-run", **more: Any) -> PublishRequest:
    usual = {"day": business_day(), "failed": {}}
    return PublishRequest(**{**usual, "reports": reports, "run_id": run_id, **more})


def restate(lake: Lake, offered: int) -> None:
    """Store another reading of the day with this number of interactions, and of agents."""
    rows = an_interaction(MIDNIGHT, "q1", "voice", abandons=False, in_time=True)
    counted = [row | {"count": offered} if row["metric"] == "nOffered" else row for row in rows]
    store(lake, "tables/interval_metrics", INTERVAL_METRICS, counted)
    store(lake, "reports/agent_daily", AGENT_DAILY, [agent(f"Agent {nth}", 1.0) for nth in range(offered)])


def standing(publisher: Publisher) -> Manifest:
    manifest = publisher.manifest(DAY)
    assert manifest is not None
    return manifest


def assert_is_true(publisher: Publisher) -> None:
    """Checks that every file in the manifest exists, with the right bytes."""
    for file in standing(publisher).files:
        body = publisher.place.get(file.key)
        assert body is not None
        assert hashlib.sha256(body).hexdigest() == file.sha256


# -- what is missing, and what is in doubt -------------------------------------------------------------


def test_a_report_that_is_not_stored_is_named_and_keeps_nobody_else_from_being_published(
    lake: Lake, anywhere: Publisher
) -> None:
    done = publish_day(lake, anywhere, wanted([*STORED, REPORTS["interval"]]))
    assert done.manifest.missing == {
        "interval": f"genesys/reports/interval has no stored partition {DAY}: materialise it first."
    }
    assert {file.report for file in done.files} == {"queue_media", "agent_daily", "day_page"}
    assert done.page is not None
    assert "Not published: interval." in body_of(done.page.url).decode()
    assert_is_true(anywhere)


def test_a_report_that_failed_is_named_with_the_reason_and_its_older_rows_are_not_published(
    lake: Lake, to_folder: Publisher
) -> None:
    done = publish_day(lake, to_folder, wanted(failed={"agent_daily": "its last computation failed: no such hour"}))
    assert done.manifest.missing == {"agent_daily": "its last computation failed: no such hour"}
    assert {file.report for file in done.files} == {"queue_media", "day_page"}


def test_a_report_with_a_figure_that_is_none_is_named(lake: Lake, to_folder: Publisher) -> None:
    store(lake, "reports/agent_daily", AGENT_DAILY, [agent("Ana", float("nan"))])
    done = publish_day(lake, to_folder, wanted())
    assert "column total_handle_time_minutes holds NaN or infinity" in done.manifest.missing["agent_daily"]
    assert "queue_media" in {file.report for file in done.files}


def test_a_day_of_which_nothing_is_there_is_not_published(lake: Lake, to_folder: Publisher) -> None:
    with pytest.raises(NothingToPublish, match=r"No report of 2026-01-31 can be published. genesys/reports/interval"):
        publish_day(lake, to_folder, wanted([REPORTS["interval"]]))
    empty = made_up_lake(Path(lake.place("", None)).parent / "other")
    empty.remove("tables/conversations", [f"{DAY}"])
    with pytest.raises(NothingToPublish, match="genesys/tables/conversations has no partition 2026-01-31"):
        publish_day(empty.refreshed(), to_folder, wanted())
    assert to_folder.manifest(DAY) is None


def test_checks_that_failed_are_named_on_page_and_manifest(lake: Lake, to_folder: Publisher) -> None:
    verdicts = [
        Verdict("conversations", "as_many_as_the_platform_says", False, says="3 of 40 are missing"),
        Verdict("session_metrics", "handle_time_is_its_parts", False, is_error=False, says="a warning"),
        Verdict("session_metrics", "users_match_interval_metrics", True),
    ]
    store_verdicts(lake, f"{DAY}", verdicts, 0, {})
    done = publish_day(lake.refreshed(), to_folder, wanted())
    [failing] = done.manifest.failing_checks
    assert failing == FailingCheck(
        "tables/conversations", "as_many_as_the_platform_says", f"{DAY}: 3 of 40 are missing"
    )
    assert done.page is not None
    page = body_of(done.page.url).decode()
    assert "Complete, checks failed" in page
    assert "3 of 40 are missing" in page


def compute_agents(lake: Lake) -> Lake:
    """Compute the report of agents again; its rows stay as they were."""
    report, place = REPORTS["agent_daily"], "reports/agent_daily"
    rows = lake.read(place, f"{DAY}", schema=report.spec.schema)
    with lake.table_writers({place: report.spec}, f"{DAY}", {}) as writing:
        writing[place].write(rows)
        writing.reach = lake.reach(place, f"{DAY}")
        writing.made_of = {place: report_made_of(lake, report, f"{DAY}", ZoneInfo("UTC"))}
    return lake.refreshed()


def test_a_report_that_failed_is_published_once_it_was_computed_though_its_rows_stayed_as_they_were(
    lake: Lake, to_folder: Publisher
) -> None:
    failed = {"agent_daily": "its last computation failed: the disk was full"}
    before = publish_day(lake, to_folder, wanted(failed=failed)).manifest
    assert before.made_of == made_of(lake, business_day(), STORED), "as long as it fails, the day is not stale"
    lake = compute_agents(lake)
    assert before.made_of != made_of(lake, business_day(), STORED)
    after = publish_day(lake, to_folder, wanted()).manifest
    assert not after.missing
    assert after.made_of == made_of(lake, business_day(), STORED)
    assert not publish_day(lake, to_folder, wanted(failed=failed)).manifest.missing, "it is made of what is stored now"


def test_a_report_that_reads_a_blocked_day_beside_the_business_day_is_named_until_the_check_passes(
    lake: Lake, to_folder: Publisher
) -> None:
    west = Report.of("west", REPORTS["queue_media"].definition.model_copy(update={"time_zone": "America/Los_Angeles"}))
    store(lake, "reports/west", west.spec, [])
    check = Verdict("session_metrics", "metrics_match", False, is_blocking=True, says="3 differ")
    store_verdicts(lake, "2026-02-01", [check], 0, {})
    reports, lake = [*STORED, west], lake.refreshed()
    blocked = publish_day(lake, to_folder, wanted(reports, is_blocking=True)).manifest
    assert "the check metrics_match of genesys/tables/session_metrics fails (3 differ)" in blocked.missing["west"]
    assert "west" not in {file.report for file in blocked.files}
    assert not publish_day(lake, to_folder, wanted(reports)).manifest.missing
    store_verdicts(lake, "2026-02-01", [replace(check, passed=True)], 0, {})
    assert made_of(lake.refreshed(), business_day(), reports) != blocked.made_of


def test_a_check_that_fails_on_one_of_two_utc_days_only_makes_the_day_stale(lake: Lake) -> None:
    zurich, check = business_day(zone="Europe/Zurich"), Verdict("conversations", "as_many", False, says="3 are missing")
    for day in zurich.utc_days:
        store_verdicts(lake, day, [check], 0, {})
    both = made_of(lake.refreshed(), zurich, STORED)
    store_verdicts(lake, zurich.utc_days[0], [replace(check, passed=True, says=None)], 0, {})
    assert made_of(lake.refreshed(), zurich, STORED) != both


@pytest.mark.long
def test_a_deleted_report_leaves_the_manifest(lake: Lake, to_folder: Publisher) -> None:
    publish_day(lake, to_folder, wanted())
    publish_day(lake, to_folder, wanted(STORED[:1]))
    assert {file.report for file in standing(to_folder).files} == {"queue_media", "day_page"}


# -- how far the day is known --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "through", "known"),
    [
        ("UTC", datetime(2026, 2, 1, tzinfo=UTC), (datetime(2026, 2, 1, tzinfo=UTC), True)),
        ("UTC", datetime(2026, 1, 31, 13, tzinfo=UTC), (datetime(2026, 1, 31, 13, tzinfo=UTC), False)),
        # The UTC day of a report ends before the business day; the report covers only the UTC day.
        ("America/Los_Angeles", datetime(2026, 2, 1, tzinfo=UTC), (datetime(2026, 2, 1, 8, tzinfo=UTC), True)),
        ("America/Los_Angeles", datetime(2026, 1, 31, 13, tzinfo=UTC), (datetime(2026, 1, 31, 13, tzinfo=UTC), False)),
    ],
)
def test_a_business_day_is_known_as_far_as_the_least_of_its_reports(
    lake: Lake, zone: str, through: datetime, known: tuple[datetime, bool]
) -> None:
    utc_report, after = REPORTS["interval"], "2026-02-01"
    for spec in (INTERVAL_METRICS, CONVERSATIONS):
        whole = Reach(datetime(2026, 2, 2, tzinfo=UTC), is_complete=True)
        lake.write(f"tables/{spec.name}", spec, table(spec, []), after, {}, reach=whole)
    complete = through == datetime(2026, 2, 1, tzinfo=UTC)
    lake.write(
        "reports/interval", utc_report.spec, utc_report.spec.empty(), f"{DAY}", {}, reach=Reach(through, complete)
    )
    reach = reach_of_day(lake.refreshed(), business_day(zone=zone), [utc_report])
    assert (reach.through, reach.is_complete) == known


# -- races and deaths ----------------------------------------------------------------------------------


class InterruptedPublisher(Publisher):
    """Does something, once, when all files are published and the manifest is about to be written."""

    def __init__(self, publisher: Publisher, meanwhile: Callable[[], object]) -> None:
        super().__init__(publisher.place)
        self.meanwhile: Callable[[], object] | None = meanwhile

    def publish_manifest(self, manifest: Manifest) -> PublishedFile:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().publish_manifest(manifest)


@pytest.mark.long
def test_of_two_runs_at_once_the_newer_figures_stand_whichever_run_is_faster(lake: Lake, anywhere: Publisher) -> None:
    other = lake.refreshed()

    def restate_and_publish() -> None:
        restate(other, 83)
        publish_day(other.refreshed(), anywhere, wanted(run_id="newer"))

    slow = publish_day(lake, InterruptedPublisher(anywhere, restate_and_publish), wanted(run_id="older"))
    manifest = standing(anywhere)
    assert manifest.headline is not None
    assert manifest.headline["offered"] == 83
    assert slow.manifest.headline == manifest.headline
    assert_is_true(anywhere)


def test_what_changes_while_a_day_is_published_is_published_too(lake: Lake, to_folder: Publisher) -> None:
    other = lake.refreshed()
    publish_day(lake, InterruptedPublisher(to_folder, lambda: restate(other, 5)), wanted())
    manifest = standing(to_folder)
    assert {file.rows for file in manifest.files if file.report == "agent_daily"} == {5}
    assert manifest.made_of == made_of(lake.refreshed(), business_day(), STORED)


def test_rows_of_which_a_blocking_check_fails_while_a_day_is_published_are_not_published(
    lake: Lake, to_folder: Publisher
) -> None:
    other = lake.refreshed()

    def restate_and_fail() -> None:
        restate(other, 5)
        check = Verdict("session_metrics", "metrics_match", False, is_blocking=True, says="3 differ")
        store_verdicts(other.refreshed(), f"{DAY}", [check], 0, {})

    publish_day(lake, InterruptedPublisher(to_folder, restate_and_fail), wanted(is_blocking=True))
    assert {file.rows for file in standing(to_folder).files if file.report == "agent_daily"} == {3}
    with pytest.raises(NothingToPublish, match="the check metrics_match of genesys/tables/session_metrics fails"):
        publish_day(lake.refreshed(), to_folder, wanted(is_blocking=True))


@pytest.mark.long
def test_runs_that_publish_one_day_at_once_leave_one_true_manifest(lake: Lake, anywhere: Publisher) -> None:
    def publish(run: int) -> PublishedDay:
        return publish_day(lake.refreshed(), anywhere, wanted(run_id=f"run {run}"))

    with ThreadPoolExecutor(4) as executor:
        done = list(executor.map(publish, range(4)))
    assert_is_true(anywhere)
    assert {each.manifest.headline is not None for each in done} == {True}
    for each in done:
        assert standing(anywhere).says_the_same_as(each.manifest)


@pytest.mark.long
def test_a_run_that_dies_before_its_manifest_leaves_the_day_of_before(lake: Lake, anywhere: Publisher) -> None:
    before = publish_day(lake, anywhere, wanted())
    restate(lake, 7)

    def die() -> None:
        raise NotReadable("the connection broke")

    with pytest.raises(NotReadable):
        publish_day(lake.refreshed(), InterruptedPublisher(anywhere, die), wanted(run_id="killed"))
    assert standing(anywhere).says_the_same_as(before.manifest)
    assert_is_true(anywhere)
    assert all(hashlib.sha256(body_of(file.url)).hexdigest() == file.sha256 for file in before.files)


@pytest.mark.long
def test_a_manifest_that_something_keeps_replacing_fails_the_run(lake: Lake, to_folder: Publisher) -> None:
    class Contested(Publisher):
        def publish_manifest(self, manifest: Manifest) -> PublishedFile:
            raise ConcurrentPublish("manifest.json was replaced while it was proven")

    with pytest.raises(ConcurrentPublish):
        publish_day(lake, Contested(to_folder.place), wanted())


@pytest.mark.long
def test_a_day_is_new_until_it_was_published_as_it_is(lake: Lake, to_folder: Publisher) -> None:
    assert publish_day(lake, to_folder, wanted()).is_new
    assert not publish_day(lake, to_folder, wanted(run_id="other")).is_new
    restate(lake, 7)
    assert publish_day(lake.refreshed(), to_folder, wanted()).is_new


def test_a_day_that_changes_while_it_is_published_for_the_first_time_is_new(lake: Lake, to_folder: Publisher) -> None:
    other = lake.refreshed()

    def fill_the_ledger() -> None:
        # The manifest says the same with and without it, so the second try changes nothing that a reader sees.
        store(other, "tables/restatements", RESTATEMENTS, [restated("conversations", 1, 2, 3)])

    published = publish_day(lake, InterruptedPublisher(to_folder, fill_the_ledger), wanted())
    assert published.is_new
    assert not publish_day(lake.refreshed(), to_folder, wanted()).is_new


def test_a_day_is_new_if_the_first_try_was_overtaken(lake: Lake, to_folder: Publisher) -> None:
    class ConcurrentCommit(Publisher):
        def publish_manifest(self, manifest: Manifest) -> PublishedFile:
            file = super().publish_manifest(manifest)
            if not overtaken:
                overtaken.append(file)
                raise ConcurrentPublish("manifest.json was replaced while it was checked")
            return file

    overtaken: list[PublishedFile] = []
    assert publish_day(lake, ConcurrentCommit(to_folder.place), wanted()).is_new


def test_a_manifest_that_cannot_be_read_is_none_only_if_it_may_not_exist(
    lake: Lake, to_folder: Publisher, tmp_path: Path
) -> None:
    class Refusing(Publisher):
        error = NotReadable("the connection broke")

        def manifest(self, day: date) -> Manifest | None:
            raise self.error

    refusing = Refusing(to_folder.place)
    with pytest.raises(NotReadable, match="the connection broke"):
        publish_day(lake, refusing, wanted())
    assert not (tmp_path / "published").exists(), "nothing is written before the manifest is read"
    refusing.error = NotPermitted("AccessDenied")
    assert read_manifest_if_valid(refusing, DAY) is None
    assert publish_day(lake, refusing, wanted()).is_new


def test_a_published_day_is_stale_once_the_lake_has_other_rows(lake: Lake, to_folder: Publisher) -> None:
    made = publish_day(lake, to_folder, wanted()).manifest.made_of
    assert made == made_of(lake.refreshed(), business_day(), STORED)
    restate(lake, 7)
    assert made != made_of(lake.refreshed(), business_day(), STORED)
    assert replace(standing(to_folder), made_of=made) == standing(to_folder)


@pytest.mark.parametrize("family", ["flows", "evaluations", "surveys", "resolutions"])
def test_a_published_day_is_stale_once_a_family_that_its_page_shows_is_stored(
    lake: Lake, to_folder: Publisher, family: str
) -> None:
    made = publish_day(lake, to_folder, wanted()).manifest.made_of
    spec = table_of(FAMILIES[family])
    store(lake, f"tables/{spec.name}", spec, [])
    assert made_of(lake.refreshed(), business_day(), STORED) != made


def test_readings_that_change_no_figure_of_the_day_publish_it_no_second_time(lake: Lake) -> None:
    before = made_of(lake, business_day(), STORED)
    known = [restated("conversations", 1, 2, 3), restated("sessions", 0, 0, 0)]
    store(lake, "tables/restatements", RESTATEMENTS, [*known, restated("user_presence", 1, 0, 0)])
    assert made_of(lake.refreshed(), business_day(), STORED) == before
    store(lake, "tables/restatements", RESTATEMENTS, [*known, restated("user_time", 0, 0, 0)])
    assert made_of(lake.refreshed(), business_day(), STORED) == before
    store(lake, "tables/restatements", RESTATEMENTS, [*known, restated("user_time", 1, 0, 0)])
    assert made_of(lake.refreshed(), business_day(), STORED) != before
