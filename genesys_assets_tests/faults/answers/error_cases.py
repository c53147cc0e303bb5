"""Errors that are answered with the status 200."""

from __future__ import annotations

from typing import Any

from genesys_assets.cloud.errors import UnexpectedAnswer
from genesys_assets_tests.faults.answers.host import http
from genesys_assets_tests.faults.answers.http_cases import RIGHT, case

ERRORS: tuple[Any, ...] = (
    {"status": 500, "code": "internal.server.error", "message": "x"},
    {"status": "503"},
    {"status": 400.0},
    {"code": "too.many.requests"},
    {"message": "The request timed out."},
    {"error": "invalid_client"},
    {"errors": [{"code": "internal.server.error", "message": "x", "status": 500}]},
    {"errors": ["x"]},
    {"errors": [None]},
    {"errors": {"message": "x"}},
)
NO_ERRORS: tuple[dict[str, Any], ...] = (
    {},
    {"errors": []},
    {"errors": None, "message": None, "code": "", "status": None},
    {"status": 200},
    {"status": "OK"},
    {"systemToOrganizationMappings": {}},
)
ANSWERED_BY = {
    "aggregates": "results",
    "activity": "results",
    "observations": "results",
    "results": "conversations",
    "details": "conversations",
    "user details": "userDetails",
    "listing": "entities",
    "availability": "dataAvailabilityDate",
}
ERRORS_AS_ANSWERS = [
    *(
        case(f"200 with {error}", http(error), UnexpectedAnswer, question)
        for error in ERRORS
        for question in (*ANSWERED_BY, "get", "count")
    ),
    *(
        case(f"200 with data and {error}", http({name: [], **error}), UnexpectedAnswer, question)
        for question, name in ANSWERED_BY.items()
        for error in ERRORS
        if "errors" in error or "status" in error
    ),
    *(
        case(f"no data, and no error in {fields}", http(fields), RIGHT, question)
        for question in ("aggregates", "activity", "observations", "results", "details", "user details")
        for fields in NO_ERRORS
    ),
    *(
        case("data and a message", http({name: [], "message": "3 of 3"}), RIGHT, question)
        for question, name in ANSWERED_BY.items()
        if question != "availability"
    ),
]
