"""The official SDK: `ApiClient.deserialize` turns a page into objects, as it does after each request; we turn these
into tables.

python official_sdk.py FOLDER
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from PureCloudPlatformClientV2 import ApiClient
from rounds import model_of, page_bodies, serve_tables
from unnesting import column_of, tables_of, write

ANSWER = "AnalyticsConversationQueryResponse"
_SDK_NAMES: dict[type, dict[str, str]] = {}


def main(folder: str) -> None:
    bodies, model, client = page_bodies(folder), model_of(folder), ApiClient()
    serve_tables(
        lambda: tables(client, bodies, model),
        write,
        len,
        column_of,
        packages=["PureCloudPlatformClientV2", "pyarrow"],
    )


def tables(client: ApiClient, bodies: list[bytes], model: dict[str, Any]) -> dict[str, pa.Table]:
    conversations = [item for body in bodies for item in client.deserialize(_response(body), ANSWER).conversations]
    return tables_of(conversations, model, value, column)


def _response(body: bytes) -> SimpleNamespace:
    return SimpleNamespace(data=body.decode(), getheader=lambda _: "application/json")


def value(item: Any, wire: str) -> Any:
    """An attribute by its name on the wire; None where the SDK does not know it."""
    name = _sdk_names(item).get(wire)
    return None if name is None else getattr(item, name)


def _sdk_names(item: Any) -> dict[str, str]:
    kind = type(item)
    if kind not in _SDK_NAMES:
        _SDK_NAMES[kind] = {wire: name for name, wire in item.attribute_map.items()}
    return _SDK_NAMES[kind]


def column(items: list[Any], wire: str, type_: Any) -> list[Any]:
    name = next((_sdk_names(item).get(wire) for item in items if item is not None), None)
    if name is None:
        return [None] * len(items)
    values = [None if item is None else getattr(item, name) for item in items]
    return [_plain(listed) for listed in values] if _holds_objects(type_) else values


def _holds_objects(type_: Any) -> bool:
    return isinstance(type_, list) and isinstance(type_[0], dict)


def _plain(listed: list[Any] | None) -> list[dict[str, Any]] | None:
    if listed is None:
        return None
    return [{wire: getattr(item, name) for wire, name in _sdk_names(item).items()} for item in listed]


if __name__ == "__main__":
    main(sys.argv[1])
