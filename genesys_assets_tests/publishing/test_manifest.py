"""The content of a manifest, and reading it back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genesys_assets.publishing.garbage import removable_keys
from genesys_assets.publishing.index_page import ListedDay, index_page
from genesys_assets.publishing.manifest import FailingCheck, Manifest, PublishedFile
from genesys_assets_tests.faults import EVERY_CASE
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


def test_a_manifest_describes_the_day_completely() -> None:
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


# -- other content in its place --------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
STATED = json.loads(WHOLE.as_json())
PLACES: list[tuple[Any, ...]] = [(name,) for name in STATED] + [("files", 0, name) for name in STATED["files"][0]]
PLACES += [("failing_checks", 0), ("missing", 0), ("headline", "offered"), ("headline", "media", "voice"), ("files", 0)]


def manifest_with(place: tuple[Any, ...], value: Any) -> bytes:
    """The manifest with another value in a place."""
    changed = json.loads(WHOLE.as_json())
    inner = changed
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return json.dumps(changed).encode()


BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode())


@settings(max_examples=500 if EVERY_CASE else 40)
@given(BODIES | st.builds(manifest_with, st.sampled_from(PLACES), JSON))
@example(b"[" * 100_000)
@example(b"9" * 5_000)
@example(manifest_with(("headline", "offered"), float("nan")))
@example(manifest_with(("run_id",), "\ud83d"))
@example(manifest_with(("generated_at",), "2026-02-01T02:30:00"))
@example(manifest_with(("generated_at",), "0001-01-01T00:00:00+14:00"))
@example(manifest_with(("headline",), {"media": {"voice": {}}}))
def test_whatever_stands_in_its_place_is_a_manifest_of_which_a_list_can_be_made_or_refused(body: bytes) -> None:
    try:
        manifest = Manifest.from_json(body)
    except ValueError:
        return
    assert Manifest.from_json(manifest.as_json()) == manifest
    assert index_page([ListedDay(manifest.date, manifest)], "UTC")
    assert removable_keys([], manifest, UNTIL) == []


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (
            ("files", 0, "url"),
            "javascript:alert(1)",
            "the URL of a file must be relative, or begin with https:, http: or file:",
        ),
        (
            ("files", 0, "url"),
            " JavaScript:alert(1)",
            "the URL of a file must be relative, or begin with https:, http: or file:",
        ),
        (("files", 0, "key"), "../../etc/passwd", "leads outside of the place"),
        (("files", 0, "key"), "/etc/passwd", "leads outside of the place"),
        (("is_complete",), "no", "a bool was expected, not a str"),
        (("files", 0, "rows"), True, "a int was expected, not a bool"),
        (("headline", "offered"), -1, "a figure of the headline is not a number"),
    ],
)
def test_a_manifest_that_would_harm_its_readers_is_refused(place: tuple[Any, ...], value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Manifest.from_json(manifest_with(place, value))
