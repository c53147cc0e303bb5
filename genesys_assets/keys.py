"""How assets are named: `genesys/<layer>/<name>`. What lies under a name is in `lake`."""

from __future__ import annotations

import dagster as dg


def asset_key(layer: str, name: str) -> dg.AssetKey:
    return dg.AssetKey(["genesys", layer, name])
