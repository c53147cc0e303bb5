"""Valid JSON that is no valid answer: members of queues, skills, API usage, files of the data lake."""

from __future__ import annotations

from typing import Any

from genesys_assets.cloud import errors
from genesys_assets.cloud.errors import EndlessPages, UnexpectedAnswer
from genesys_assets.cloud.http.parsing import LONGEST_ID
from genesys_assets_tests.faults.answers.endpoint_cases import NO_IDS, NO_INSTANTS, NO_STATES, ODD
from genesys_assets_tests.faults.answers.host import http
from genesys_assets_tests.faults.answers.http_cases import RIGHT, case


def _lake_file(**more: Any) -> dict[str, Any]:
    return {"id": "f", "dataSchema": "segments", "dateCreated": "2026-01-30T01:00:00Z", **more}


ODD_IDS = (
    "../users",
    "a/../../b",
    "?a=1",
    "#",
    "@ELSEWHERE/x",
    "\r\nX: y",
    "\x00",
    "\ud800",
    "x" * 10_000,
    "ключ",
    " ",
)
"""What would lead elsewhere if it became a part of a path as it stands."""

OBSERVED = [
    *(
        case(f"entities of {odd!r}", http({"entities": odd}), UnexpectedAnswer, question)
        for odd in (*ODD, [{}], [{"id": 7}])
        for question in ("members", "skills")
    ),
    *(
        case(
            f"a queue called {odd!r:.30}",
            http({"entities": [{"id": odd}]}),
            RIGHT if odd.isprintable() and len(odd) <= LONGEST_ID else UnexpectedAnswer,
            "members",
        )
        for odd in ODD_IDS
    ),
]

USAGE = [
    *(case(f"the query {odd!r:.30}", http({"id": odd}), UnexpectedAnswer, "usage") for odd in NO_IDS),
    *(case(f"the query called {odd!r:.30}", http({"id": odd}), errors.GenesysCloudError, "usage") for odd in ODD_IDS),
    *(
        case(f"the state {odd!r:.30}", http({"queryStatus": odd}), errors.GenesysCloudError, "count")
        for odd in (*NO_STATES, "Failed", "Running", "x" * 100_000)
    ),
    *(case(f"counted by {odd!r}", http({"queryStatus": "Succeeded", "entities": odd}), RIGHT, "count") for odd in ODD),
    case(
        "cursors for ever",
        lambda asked: [http({"queryStatus": "Succeeded", "entities": [{}], "cursors": {"after": f"{asked.number}"}})],
        EndlessPages,
        "count",
    ),
]

LAKE_FILES = [
    *(case(f"files of {odd!r}", http({"entities": odd}), UnexpectedAnswer, "lake files") for odd in ODD),
    *(
        case(
            f"a file made at {odd!r:.40}",
            http({"entities": [_lake_file(dateCreated=odd)]}),
            UnexpectedAnswer,
            "lake files",
        )
        for odd in NO_INSTANTS
    ),
    *(
        case(f"a file that ends at {odd!r:.40}", http({"entities": [_lake_file(dateExpires=odd)]}), RIGHT, "lake files")
        for odd in NO_INSTANTS
    ),
    *(
        case(f"a file called {odd!r:.30}", http({"entities": [_lake_file(id=odd)]}), UnexpectedAnswer, "lake files")
        for odd in (*NO_IDS, "a\nb", {})
    ),
    *(
        case(f"a next page at {uri!r:.30}", http({"entities": [], "nextUri": uri}), UnexpectedAnswer, "lake files")
        for uri in ("http://[", "x", "?after=", "//ELSEWHERE/x", 7, [1], "?after=\ud800\n", "?" + "a=1&" * 9_000)
    ),
    case("the same cursor for ever", http({"entities": [], "nextUri": "?after=x"}), EndlessPages, "lake files"),
    case(
        "cursors for ever",
        lambda asked: [http({"entities": [], "nextUri": f"http://ELSEWHERE/?after={asked.number}"})],
        EndlessPages,
        "lake files",
    ),
]
