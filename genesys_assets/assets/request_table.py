"""The table of requests as an external asset: no run materialises it, each run that calls the API adds rows to it."""

from __future__ import annotations

import dagster as dg

from genesys_assets.assets.common import attributes, column_schema, description
from genesys_assets.keys import asset_key
from genesys_assets.tables.api_requests import API_REQUESTS

_SOURCE = (
    "Each run that calls the platform's API adds its requests, once a minute and when a step ends, even if it fails. "
    "Days are UTC."
)


def build_request_table() -> dg.AssetSpec:
    """The external asset `tables/api_requests`."""
    return dg.AssetSpec(
        asset_key("tables", API_REQUESTS.name),
        description=description(API_REQUESTS, _SOURCE),
        metadata={"dagster/column_schema": column_schema(API_REQUESTS)},
        **attributes("tables", "genesys", "parquet"),
    )
