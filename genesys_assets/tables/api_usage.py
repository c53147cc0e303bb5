"""The table of the platform's own count of a client's requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.request_log import template
from genesys_assets.tables import stored_answers
from genesys_assets.tables.spec import TableSpec, columns

API_USAGE = TableSpec(
    "api_usage",
    "One row per platform, method and path that the OAuth client requested on the UTC day, as Genesys Cloud counted "
    "it. Source: POST /api/v2/usage/client/{clientId}/aggregates/query/jobs.",
    ("day", "platform", "method", "path"),
    columns("""
day day the UTC day
platform string kind of application, as the platform classified the client
method string GET, POST or DELETE
path string the path, with {id} in the place of ids, as in api_requests
requests integer requests, retries included
succeeded integer requests answered with 2xx
redirected integer requests answered with 3xx
refused integer requests answered with 4xx; whether 429 is among them is unverified
rate_limited integer requests answered with 429
failed integer requests answered with 5xx
"""),
    partition_column="day",
    null_in_key=("platform",),
)
_PAGE = f"a page of {API_USAGE.name}"
_REQUESTS = "requestCount"
_WIRE = {
    "requests": _REQUESTS,
    "succeeded": "status200",
    "redirected": "status300",
    "refused": "status400",
    "rate_limited": "status429",
    "failed": "status500",
}


def api_usage(day: date, pages: Iterable[Page]) -> pa.Table:
    """Rows of `API_USAGE`; counts of other days are left out. A sum that lacks a count is null. Raises
    UnreadablePage.
    """
    entities: dict[tuple[str | None, str, str], list[stored_answers.Fields]] = defaultdict(list)
    for page in pages:
        for entity in stored_answers.fields(page.body, _PAGE).objects("entities"):
            if _text(entity, "date")[:10] != f"{day}":
                continue
            key = entity.text("platform"), _text(entity, "httpMethod"), template(_text(entity, "templateUri"))
            entities[key].append(entity)
    rows = [
        {"day": day, "platform": platform, "method": method, "path": path, **_counts(of_key)}
        for (platform, method, path), of_key in entities.items()
    ]
    table = stored_answers.table(rows, API_USAGE.schema, _PAGE)
    return table.sort_by([(name, "ascending") for name in API_USAGE.key])


def _text(entity: stored_answers.Fields, name: str) -> str:
    text = entity.text(name)
    if text is None:
        raise entity.refusal(name, "a text")
    return text


def _counts(entities: Iterable[stored_answers.Fields]) -> dict[str, int | None]:
    sums: dict[str, int | None] = dict.fromkeys(_WIRE, 0)
    for entity in entities:
        if entity.whole_number(_REQUESTS) is None:
            raise entity.refusal(_REQUESTS, "a whole number")
        for name, wire in _WIRE.items():
            before, number = sums[name], entity.whole_number(wire)
            sums[name] = None if before is None or number is None else before + number
    return sums
