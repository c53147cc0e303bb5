"""Reads stored answers of the platform, which are JSON: a field has the expected type, or the page is refused.

Whatever a page holds, a reader that uses only this module raises nothing but UnreadablePage. Its messages name fields
and types, and show no values, which may be personal data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from genesys_assets.tables.conversations.decode_values import UnreadablePage


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object of a page. `page` is what messages call the page."""

    page: str
    values: dict[str, Any]

    def value(self, name: str) -> Any:
        """The value of a field, whatever its type; None if it is absent."""
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        """The text of a field; None where it is absent or null. Raises UnreadablePage."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self.refusal(name, "a text")
        return value

    def whole_number(self, name: str) -> int | None:
        """The whole number of a field; None where it is absent or null. Raises UnreadablePage."""
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.refusal(name, "a whole number")
        return value

    def object(self, name: str) -> Fields:
        """The object of a field; an empty one where it is absent or null. Raises UnreadablePage."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.refusal(name, "an object")
        return Fields(self.page, value or {})

    def texts(self, name: str) -> list[str]:
        """The texts of a list; none where it is absent or null. Raises UnreadablePage."""
        value = self.values.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            raise self.refusal(name, "a list of texts")
        return value or []

    def objects(self, name: str) -> list[Fields]:
        """The objects of a list, without nulls; none where it is absent or null. Raises UnreadablePage."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, list):
            raise self.refusal(name, "a list")
        elements = [each for each in value or () if each is not None]
        if not all(isinstance(each, dict) for each in elements):
            raise UnreadablePage(f"{self.page} has a list `{name}` that holds something else than objects")
        return [Fields(self.page, each) for each in elements]

    def refusal(self, name: str, wanted: str) -> UnreadablePage:
        kind = type(self.values.get(name)).__name__
        return UnreadablePage(f"{self.page} has a `{name}` that is a JSON {kind}, not {wanted}")


def parse_json(body: bytes, page: str) -> Any:
    """The JSON value of a page. Raises UnreadablePage."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadablePage(f"{page} is not JSON ({error}); it has {len(body)} bytes") from error
    except RecursionError as error:
        raise UnreadablePage(f"{page} is nested too deeply") from error


def fields(body: bytes, page: str) -> Fields:
    """The page as a JSON object. Raises UnreadablePage."""
    value = parse_json(body, page)
    if not isinstance(value, dict):
        raise UnreadablePage(f"{page} is a JSON {type(value).__name__}, not an object")
    return Fields(page, value)


def entities(body: bytes, page: str) -> list[Fields]:
    """The objects with an id on a page of a listing. Raises UnreadablePage, also if the page has no list `entities`."""
    answer = fields(body, page)
    if not isinstance(answer.value("entities"), list):
        raise UnreadablePage(f"{page} has no list of `entities`")
    return [entity for entity in answer.objects("entities") if entity.text("id")]


def table(rows: Sequence[dict[str, Any]], schema: pa.Schema, page: str) -> pa.Table:
    """Rows as a table; instants may be texts as the platform writes them. Raises UnreadablePage."""
    return pa.table([_column([row.get(field.name) for row in rows], field, page) for field in schema], schema=schema)


def _column(values: list[Any], field: pa.Field, page: str) -> pa.Array:
    try:
        if pa.types.is_timestamp(field.type) and not all(isinstance(each, datetime | None) for each in values):
            return pa.array(values, pa.string()).cast(field.type)
        return pa.array(values, field.type)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise UnreadablePage(
            f"{page} has a value for the column {field.name} that cannot be kept as {field.type}"
        ) from error
