"""The table of requests as an asset that no run makes: each run that asks the platform adds to it."""

from __future__ import annotations

import dagster as dg

from genesys_assets.assets.common import attributes, column_schema, description
from genesys_assets.keys import asset_key
from genesys_assets.tables.api_requests import API_REQUESTS

_ADDED = (
    "Each run that asks the platform adds its requests, once a minute and when a step ends, also where it fails. Days "
    "are UTC."
)


def build_request_table() -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key("tables", API_REQUESTS.name),
        description=description(API_REQUESTS, _ADDED),
        metadata={"dagster/column_schema": column_schema(API_REQUESTS)},
        **attributes("tables", "genesys", "parquet"),
    )
