"""Mappings of the language: strict, and telling all that is wrong with them at once.

Here stands how mistakes are gathered; which words there are is `model`.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from genesys_assets.reports.problems import Finding, Path, one_of


class Model(BaseModel):
    """A mapping of the language: no field beyond those declared, no value converted on the quiet."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What stands below a field is its description. Pydantic itself would look for it whenever the class is made,
        which takes longer than all else about the language.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _said_of_fields(cls):
            properties.setdefault(name, {})["description"] = text
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, value: Any, handler: Any) -> Self:
        """Names unknown fields with the nearest known ones, and looks at all the others nevertheless."""
        unknown = [name for name in value if name not in cls.model_fields] if isinstance(value, dict) else []
        errors = [
            mistake((name,), f"unknown field {name!r}. {one_of(cls.model_fields, str(name))}", value[name])
            for name in unknown
        ]
        made: Any = None
        try:
            made = handler({name: of for name, of in value.items() if name not in unknown} if unknown else value)
        except ValidationError as error:
            errors += [
                InitErrorDetails(type=_kept(line), loc=_where(line["loc"]), input=line["input"])
                for line in error.errors(include_url=False)
            ]
            rest = cls._without(value, errors)
            with contextlib.suppress(ValidationError):
                errors += handler(rest)._mistakes() if rest is not None else []
        else:
            errors += made._mistakes()
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return made  # type: ignore[no-any-return]

    @classmethod
    def _without(cls, value: Any, errors: list[InitErrorDetails]) -> Any:
        """What of the value can be looked at although it has these errors of form; None where nothing can."""
        return None

    def _mistakes(self) -> list[InitErrorDetails]:
        """What is wrong with a mapping whose form is right."""
        return []


def _said_of_fields(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The text below each field of a model, by the field's name."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(declared, ast.ClassDef)
    for field, below in pairwise(declared.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def _where(loc: Path) -> Path:
    """Where a value stands in the file: pydantic's path without the names of the ways to write it."""
    return tuple(part for part in loc if not str(part).startswith("<"))


def _kept(line: Any) -> Any:
    if "ctx" in line and "message" in line["ctx"]:
        return PydanticCustomError(line["type"], "{message}", line["ctx"])
    return PydanticCustomError(line["type"], "{message}", {"message": line["msg"], **line.get("ctx", {})})


def mistake(path: Path, message: str, value: Any) -> InitErrorDetails:
    """What is wrong with a value that stands there."""
    return InitErrorDetails(
        type=PydanticCustomError("report", "{message}", {"message": message}), loc=path, input=value
    )


def is_label(part: str | int) -> bool:
    """Whether a part of a mistake's path stands in no file: it says that a key is meant, not its value."""
    return part == "[key]"


def told(error: ValidationError) -> Iterator[Finding]:
    """What is wrong, in words for whoever wrote it."""
    for line in error.errors(include_url=False):
        path = tuple(part for part in line["loc"] if not is_label(part))
        if line["type"] == "missing":
            yield Finding(path, f"the field {path[-1]!r} is missing")
            continue
        known = _MESSAGES.get(line["type"])
        message = known.format(**line.get("ctx", {})) if known else line["msg"]
        yield Finding(path, message, line["input"], of_key="[key]" in line["loc"] or "unknown field" in message)


_MESSAGES = {
    "dict_type": "this is a mapping of names to values",
    "list_type": "this is a list",
    "model_type": "this is a mapping of names to values",
    "string_type": "this is text",
    "bool_type": "this is true or false",
    "int_type": "this is a whole number",
    "literal_error": "choose one of {expected}",
    "string_pattern_mismatch": "a name has small letters, digits and _, and begins with a letter",
    "string_too_short": "this must not be empty",
    "too_short": "this must not be empty",
}
