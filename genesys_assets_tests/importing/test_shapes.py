from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.importing.documents import Part
from genesys_assets.importing.files import CannotImport
from genesys_assets.importing.shapes import Shape, pieces
from genesys_assets_tests.importing.saved import conversation, metric, result
from genesys_assets_tests.samples import SAMPLES

RESULT = result({"queueId": "Q"}, metric("nOffered", count=1))
MEASURED = {"timestamp": "2026-01-28T13:00Z", "metrics": {"handleTime": 1}}


def shapes(document: Any) -> list[tuple[Shape, int]]:
    return [(piece.shape, len(piece.items)) for piece in pieces(Part(document, 1, (0, 0)))]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"conversations": [conversation("A"), conversation("B")], "totalHits": 2}, [(Shape.CONVERSATION, 2)]),
        ({"totalHits": 0}, [(Shape.CONVERSATION, 0)]),
        (conversation("A"), [(Shape.CONVERSATION, 1)]),
        ([conversation("A"), conversation("B")], [(Shape.CONVERSATION, 2)]),
        ([{"conversations": []}, {"results": [RESULT]}], [(Shape.CONVERSATION, 0), (Shape.AGGREGATES, 1)]),
        ({"results": [RESULT]}, [(Shape.AGGREGATES, 1)]),
        ({"results": []}, [(Shape.AGGREGATES, 0)]),
        ([RESULT, RESULT], [(Shape.AGGREGATES, 2)]),
        ({"results": [MEASURED]}, [(Shape.RESULT_METRICS, 1)]),
        ([MEASURED], [(Shape.RESULT_METRICS, 1)]),
        ({"entities": [{"id": "U", "buckets": [MEASURED]}]}, [(Shape.ENTITY_BUCKETS, 1)]),
        ({"entities": [{"id": "U", "metrics": {"talkTime": 1}}]}, [(Shape.ENTITY_METRICS, 1)]),
    ],
)
def test_each_shape_in_use_is_known(document: Any, expected: list[tuple[Shape, int]]) -> None:
    assert shapes(document) == expected


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("text", "a text"),
        ({"access_token": "abc-secret", "token_type": "bearer"}, "a login token"),
        ({"message": "no", "status": 400, "code": "bad.request"}, "an error answer of the platform: 400, bad.request"),
        ({"results": [{"group": {}, "data": [{"metric": "oWaiting", "stats": {}}]}]}, "it holds observations"),
        ({"entities": [{"id": "Q", "name": "Billing"}]}, "it holds a listing"),
        ({"userDetails": []}, "presence and routing status"),
        ({"jobId": "J"}, "details job's state"),
        ({"conversations": "many"}, "`conversations` is not a list of objects"),
        ({"rows": [], "header": []}, "its fields are: header, rows"),
    ],
)
def test_anything_else_is_refused_by_what_it_is(document: Any, reason: str) -> None:
    with pytest.raises(CannotImport, match=reason) as refusal:
        shapes(document)
    assert "abc-secret" not in str(refusal.value)


def test_recorded_answers_are_distinguished() -> None:
    known, refused = {}, {}
    for path in sorted(SAMPLES.glob("*.json")):
        try:
            known[path.stem] = [shape for shape, _ in shapes(json.loads(path.read_bytes()))]
        except CannotImport as refusal:
            refused[path.stem] = str(refusal)
    assert all(known[name] == [Shape.AGGREGATES] for name in known if "aggregates" in name)
    assert all(known[name] == [Shape.CONVERSATION] for name in known if "aggregates" not in name)
    assert len(known) == 7
    assert {reason.split(":")[0].split(";")[0] for reason in refused.values()} == {
        "it holds a listing",
        "it holds a login token, not data",
        "it holds an error answer of the platform",
        "it holds observations (the state at one moment) without the time of that moment",
        "it holds the refusal of a login",
    }
