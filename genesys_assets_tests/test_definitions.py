"""The code location as a whole loads without a warning, and its assets match `asset_specs.json`.

That file shows a reviewer what a change did to the graph. `python -m genesys_assets_tests.test_definitions` writes it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from genesys_assets.definitions import build_definitions
from genesys_assets_tests.patience import PATIENCE_SECONDS

REPOSITORY = Path(__file__).parents[1]
SNAPSHOT = Path(__file__).with_name("asset_specs.json")
GROUPS = ("ops", "reference", "pages", "tables", "reports", "published", "live")


def without_settings(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GENESYS_")]:
        patch.delenv(name)


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    with pytest.MonkeyPatch.context() as patch:
        without_settings(patch)
        return build_definitions()


def described(definitions: dg.Definitions) -> dict[str, Any]:
    """Every asset by its key, with everything that the UI and other assets see."""
    graph = definitions.resolve_asset_graph()
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key.to_user_string())
    return {spec.key.to_user_string(): _described(spec, graph.get(spec.key), graph) for spec in specs}


def _described(spec: dg.AssetSpec, node: Any, graph: Any) -> dict[str, Any]:
    condition = spec.automation_condition
    return {
        "group": spec.group_name,
        "description": (spec.description or "").split("\n")[0],
        "deps": {dep.asset_key.to_user_string(): _mapping(dep.partition_mapping) for dep in spec.deps},
        "partitions": _partitions(spec.partitions_def),
        "backfill_policy": str(node.backfill_policy.policy_type.value) if node.backfill_policy else None,
        "pools": ", ".join(sorted(node.pools or ())),
        "kinds": ", ".join(sorted(spec.kinds)),
        "owners": ", ".join(spec.owners),
        "tags": {name: value for name, value in sorted(spec.tags.items()) if not name.startswith("dagster/kind/")},
        "checks": ", ".join(sorted(check.name for check in graph.get_check_keys_for_assets({spec.key}))),
        "refreshed_on_its_own": condition is not None,
    }


def _mapping(mapping: dg.PartitionMapping | None) -> str:
    match mapping:
        case None:
            return "default"
        case dg.TimeWindowPartitionMapping():
            return f"from {mapping.start_offset} to {mapping.end_offset}" + (
                ", as far as they exist" if mapping.allow_nonexistent_upstream_partitions else ""
            )
        case _:
            return repr(mapping)


def _partitions(partitions: dg.PartitionsDefinition[Any] | None) -> str | None:
    if partitions is None:
        return None
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    until = "today" if partitions.end_offset else "the last full one"
    return f"{partitions.fmt} {partitions.timezone} from {partitions.start:%Y-%m-%d} to {until}"


def test_the_definitions_can_be_loaded(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_loading_gives_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    without_settings(monkeypatch)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dg.Definitions.validate_loadable(build_definitions())
    assert [str(warning.message) for warning in caught] == []


def test_loading_imports_nothing_that_only_a_run_needs() -> None:
    heavy = ("pandas", "pyarrow.dataset", "pyarrow.acero", "matplotlib", "polars", "dagster_webserver", "tabulate")
    code = "import sys\nfrom genesys_assets.definitions import build_definitions\nbuild_definitions()\n" + (
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_what_loading_made_is_looked_through_for_garbage_only_with_the_oldest_objects() -> None:
    code = "import gc\nfrom genesys_assets.definitions import build_definitions\nmade = build_definitions()\n" + (
        "young = [len(gc.get_objects(generation=0)), len(gc.get_objects(generation=1))]\n"
        "print(gc.isenabled(), gc.get_freeze_count(), max(young) < 10_000)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["True", "0", "True"]


def test_garbage_is_not_looked_for_in_what_a_code_location_loaded() -> None:
    code = "import gc\nfrom genesys_assets.definitions import defs\nloaded = defs()\n" + (
        "print(len(loaded.resolve_asset_graph().get_all_asset_keys()) > 50)\n"
        "print(len(gc.get_objects()) < gc.get_freeze_count() / 2)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["True", "True"]


def test_every_asset_is_as_the_snapshot_says(definitions: dg.Definitions) -> None:
    now = described(definitions)
    recorded = json.loads(SNAPSHOT.read_text())
    changed = {key for key in now.keys() | recorded.keys() if now.get(key) != recorded.get(key)}
    assert {key: now.get(key) for key in changed} == {key: recorded.get(key) for key in changed}, (
        "The asset graph changed. If it should have: python -m genesys_assets_tests.test_definitions"
    )


def test_every_asset_says_what_one_row_is_and_who_owns_it(definitions: dg.Definitions) -> None:
    specs = definitions.resolve_all_asset_specs()
    assert len(specs) > 50
    for spec in specs:
        assert (spec.description or "").startswith("One row per "), spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.tags["genesys/layer"] == spec.group_name == spec.key.path[1], spec.key


IMPORTED = {f"genesys/pages/imported_{name}" for name in ("details", "hourly_aggregates", "daily_aggregates")}
IMPORT = "genesys/ops/import"


def test_what_speaks_to_the_api_shares_its_pool(definitions: dg.Definitions) -> None:
    assets = described(definitions)
    assert "genesys/ops/preflight" in assets
    for key, asset in assets.items():
        speaks = asset["group"] in ("reference", "pages", "live") or key == "genesys/ops/preflight"
        speaks = speaks and key not in IMPORTED
        assert asset["pools"] == ("genesys_cloud" if speaks else ""), key


IN_JOBS_OF_RANGES = {"genesys/tables/open_conversations", "genesys/published/index"}
"""Without partitions, and in the job `recompute`: see `automation.test_jobs`."""


def test_a_range_of_any_partitioned_asset_is_one_run(definitions: dg.Definitions) -> None:
    assets = described(definitions)
    assert any(asset["partitions"] for asset in assets.values())
    for key, asset in assets.items():
        has_ranges = (asset["partitions"] and key not in IMPORTED) or key in IN_JOBS_OF_RANGES
        assert asset["backfill_policy"] == ("SINGLE_RUN" if has_ranges else None), key


def test_imported_pages_are_made_by_no_run_of_their_own(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    made_elsewhere = {
        key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).is_materializable
    }
    assert made_elsewhere == IMPORTED | REQUESTS


def test_resources_can_be_replaced_by_name() -> None:
    replaced = build_definitions(resources={"lake": "another"}).resources or {}
    assert replaced["lake"] == "another"
    assert replaced.keys() == {"genesys_cloud", "lake", "publishing", "s3", "io_manager"}


COMPLETE = {"genesys/pages/daily_details", "genesys/pages/daily_overlap", "genesys/pages/daily_aggregates"}
HOUSEKEEPING = {"genesys/ops/superseded_pages", "genesys/ops/housekeeping", "genesys/ops/reports_file"}

REQUESTS = {"genesys/tables/api_requests"}
OBSERVED = {f"genesys/reference/{name}" for name in ("queue_members", "user_skills", "api_usage")}


FETCHED_BY_DAY = {"genesys/pages/daily_aggregates", "genesys/pages/daily_user_details"}


def test_every_asset_but_preflight_and_import_belongs_to_a_job(definitions: dg.Definitions) -> None:
    assets = {
        job: {key.to_user_string() for key in definitions.resolve_job_def(job).asset_layer.selected_asset_keys}
        for job in (
            "hourly",
            "daily",
            "complete",
            "data_lake",
            "recompute",
            "upkeep",
            "observe",
            "users",
            "live",
        )
    }
    everything = described(definitions)
    groups = {group: {key for key in everything if everything[key]["group"] == group} for group in GROUPS}
    listed = groups["reference"] - OBSERVED
    of_a_day = groups["tables"] - REQUESTS | groups["reports"] | groups["published"]
    assert everything.keys() == set().union(*groups.values())
    assert assets == {
        "hourly": {"genesys/pages/hourly_aggregates", "genesys/pages/hourly_details"},
        "daily": of_a_day | listed | FETCHED_BY_DAY | HOUSEKEEPING,
        "complete": COMPLETE,
        "data_lake": {"genesys/pages/lake_files"},
        "recompute": of_a_day,
        "upkeep": listed | HOUSEKEEPING,
        "observe": OBSERVED,
        "users": {"genesys/pages/daily_user_details"},
        "live": groups["live"],
    }
    assert everything.keys() - set().union(*assets.values()) == {"genesys/ops/preflight", IMPORT} | IMPORTED | REQUESTS


@pytest.fixture
def command_line(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs commands as a person types them in the checkout, with the checkout's dagster.yaml in a separate home."""
    shutil.copy(REPOSITORY / "dagster.yaml", tmp_path)
    tools = Path(sys.executable).parent
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GENESYS_", "DAGSTER_"))}
    environment = {
        **clean,
        "DAGSTER_HOME": str(tmp_path),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(tools / command), *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    return run


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines with warnings, except Dagster's advice to use its newer command."""
    lines = (done.stdout + done.stderr).splitlines()
    warned = [line for line in lines if "warning" in line.lower() or "error" in line.lower()]
    return [line for line in warned if "SupersessionWarning: Function `definitions_validate_command`" not in line]


@pytest.mark.long
def test_dagster_definitions_validate_passes_without_a_warning(
    command_line: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = command_line("dagster", "definitions", "validate", "-w", "workspace.yaml")
    assert (done.returncode, complaints(done)) == (0, []), done.stdout + done.stderr
    assert "Validation successful for code location genesys_assets" in done.stdout + done.stderr


def test_dg_check_defs_passes_without_a_warning(
    command_line: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = command_line("dg", "check", "defs")
    assert (done.returncode, complaints(done)) == (0, []), done.stdout + done.stderr
    assert "All definitions loaded successfully" in done.stdout + done.stderr


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        without_settings(patch)
        SNAPSHOT.write_text(json.dumps(described(build_definitions()), indent=2, ensure_ascii=False) + "\n")
