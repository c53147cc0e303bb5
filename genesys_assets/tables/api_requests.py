"""The table of requests to the platform and what they cost. It holds no bodies, queries, ids or personal data."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from genesys_assets.cloud.http.request_log import SentRequest
from genesys_assets.tables.spec import TableSpec, columns

API_REQUESTS = TableSpec(
    "api_requests",
    "One row per request that a run sent to the platform; a retry has a row of its own.",
    ("request_id",),
    columns("""
request_id string the request
time instant when it was sent, by this machine's clock
run_id string the run that sent it
asset string the asset for which it was sent, such as pages/hourly_details
partition string the partition, or the first and last one of a range; null if the asset has no partitions
method string GET, POST or DELETE
path string its path, with {id} in the place of ids, without the query
attempt integer 1 for the first try, 2 for the first retry and so on
status integer status of the answer; null if none arrived
duration_ms integer how long the answer took
bytes integer size of the decompressed body of the answer; null if it was not read completely
waited_ms integer how long the request waited for the rate limit
allowed_per_minute integer requests that the platform allows a minute, as the answer said; null if it did not say
budget_left integer how many of the allowed requests were left, as the answer said
"""),
    partition_column="time",
)


def api_requests(sent: Iterable[SentRequest], run_id: str | None) -> pa.Table:
    """Rows of `API_REQUESTS`, in the order in which they were sent."""
    rows = [
        {
            "request_id": each.id,
            "time": each.time,
            "run_id": run_id,
            "asset": each.asset,
            "partition": each.partition,
            "method": each.method,
            "path": each.path,
            "attempt": each.attempt,
            "status": each.status,
            "duration_ms": each.duration_ms,
            "bytes": each.size,
            "waited_ms": each.waited_ms,
            "allowed_per_minute": each.allowed,
            "budget_left": each.left,
        }
        for each in sorted(sent, key=lambda each: each.time)
    ]
    return pa.Table.from_pylist(rows, API_REQUESTS.schema)
