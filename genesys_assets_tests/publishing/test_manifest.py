"""What a manifest says, and that it can be read back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from genesys_assets.publishing.manifest import FailingCheck, Manifest, PublishedFile
from genesys_assets_tests.publishing.published_files import a_manifest

UNTIL = datetime(2026, 2, 2, 2, 30, tzinfo=UTC)
FILE = PublishedFile("agent_daily", "csv", "p/a.csv", 3, 40, "ab", "https://s3/a.csv?X-Amz-Signature=1", UNTIL)
WHOLE = a_manifest(
    data_available_through=datetime(2026, 2, 1, tzinfo=UTC),
    is_complete=True,
    failing_checks=(FailingCheck("tables/conversations", "as_many_as_the_platform_says", "3 are missing"),),
    missing={"mine": "its last computation failed: no such hour"},
    headline={"offered": 3, "media": {"voice": {"service_level": 0.5}}},
    bucket="bucket",
    files=(FILE,),
    made_of={"reports/agent_daily/date=2026-01-31": "a1b2"},
)


def test_a_manifest_says_all_that_there_is_to_know_of_the_day() -> None:
    assert json.loads(WHOLE.as_json()) == {
        "date": "2026-01-31",
        "generated_at": "2026-02-01T02:30:00.000Z",
        "data_available_through": "2026-02-01T00:00:00.000Z",
        "is_complete": True,
        "failing_checks": [
            {"table": "tables/conversations", "check": "as_many_as_the_platform_says", "says": "3 are missing"}
        ],
        "missing": [{"report": "mine", "reason": "its last computation failed: no such hour"}],
        "run_id": "a-run",
        "headline": {"offered": 3, "media": {"voice": {"service_level": 0.5}}},
        "bucket": "bucket",
        "files": [
            {
                "report": "agent_daily",
                "format": "csv",
                "key": "p/a.csv",
                "rows": 3,
                "bytes": 40,
                "sha256": "ab",
                "url": FILE.url,
                "expires_at": "2026-02-02T02:30:00.000Z",
            }
        ],
        "made_of": {"reports/agent_daily/date=2026-01-31": "a1b2"},
    }


@pytest.mark.parametrize("manifest", [WHOLE, a_manifest(), a_manifest(files=(replace(FILE, expires_at=None),))])
def test_what_is_written_is_read_back(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.as_json()) == manifest


def test_a_manifest_from_before_days_had_missing_reports_is_read() -> None:
    stated = json.loads(WHOLE.as_json())
    older = {name: stated[name] for name in stated if name not in ("failing_checks", "missing", "made_of")}
    read = Manifest.from_json(json.dumps(older).encode())
    assert read == replace(WHOLE, failing_checks=(), missing={}, made_of={})


def test_a_manifest_made_again_says_the_same_until_a_figure_changes() -> None:
    again = replace(WHOLE, run_id="other", generated_at=UNTIL, files=(replace(FILE, url="", expires_at=UNTIL),))
    assert again.says_the_same_as(WHOLE)
    for other in (
        replace(WHOLE, files=(replace(FILE, sha256="cd"),)),
        replace(WHOLE, files=()),
        replace(WHOLE, is_complete=False),
        replace(WHOLE, failing_checks=()),
        replace(WHOLE, missing={}),
        replace(WHOLE, headline={"offered": 4}),
        replace(WHOLE, data_available_through=UNTIL - timedelta(days=3)),
    ):
        assert not other.says_the_same_as(WHOLE)


def test_no_url_is_shown_by_accident() -> None:
    assert "X-Amz-Signature" not in repr(WHOLE)
