"""The platform's own count of a client's requests, as rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from genesys_assets.cloud.http.page import Page
from genesys_assets.cloud.http.request_log import template
from genesys_assets.tables import stored_answers
from genesys_assets.tables.spec import TableSpec, columns

API_USAGE = TableSpec(
    "api_usage",
    "One row per platform, method and path that the OAuth client requested on the UTC day, as Genesys Cloud counts. "
    "Source: POST /api/v2/usage/client/{clientId}/aggregates/query/jobs.",
    ("day", "platform", "method", "path"),
    columns("""
day day the UTC day
platform string kind of application, as the platform classified the client
method string GET, POST or DELETE
path string the path, with {id} in the place of ids, as in api_requests
requests integer requests, each attempt counted
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
_WIRE = {
    "requests": "requestCount",
    "succeeded": "status200",
    "redirected": "status300",
    "refused": "status400",
    "rate_limited": "status429",
    "failed": "status500",
}


def api_usage(day: date, pages: Iterable[Page]) -> pa.Table:
    """Rows of `API_USAGE`; what the platform counted of other days is left out. Raises UnreadablePage."""
    counts: dict[tuple[str | None, str, str], Counter[str]] = defaultdict(Counter)
    for page in pages:
        for entity in stored_answers.fields(page.body, _PAGE).objects("entities"):
            if str(entity.text("date"))[:10] != f"{day}":
                continue
            method, path = str(entity.text("httpMethod")), template(str(entity.text("templateUri")))
            counts[entity.text("platform"), method, path].update(
                {name: entity.whole_number(wire) or 0 for name, wire in _WIRE.items()}
            )
    rows = [
        {"day": day, "platform": platform, "method": method, "path": path, **{name: of[name] for name in _WIRE}}
        for (platform, method, path), of in counts.items()
    ]
    table = stored_answers.table(rows, API_USAGE.schema, _PAGE)
    return table.sort_by([(name, "ascending") for name in API_USAGE.key])
