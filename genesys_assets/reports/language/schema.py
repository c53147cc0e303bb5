"""The JSON Schema of reports.yaml, made from the models, so that editors complete and check it.

`python -m genesys_assets.reports.language.schema` writes the file that ships.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genesys_assets.reports.language.model import ReportsFile

FILE = Path(__file__).parents[1] / "reports.schema.json"


def schema_text() -> str:
    """The schema as it is written to the file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **ReportsFile.model_json_schema()}
    return json.dumps(_closed(schema), indent=1, ensure_ascii=False) + "\n"


def _closed(node: Any) -> Any:
    """The schema with `additionalProperties: false` beside every pattern of names, so that other names are refused."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    closing = {"additionalProperties": False} if "patternProperties" in node else {}
    return {name: _closed(value) for name, value in node.items()} | closing


if __name__ == "__main__":
    FILE.write_text(schema_text())
