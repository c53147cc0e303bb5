"""The base class of the language's mappings: strict, and reporting all mistakes at once. `model` has the mappings."""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from genesys_assets.reports.language.problems import Mistake, Path, closest, one_of, quoted


class Model(BaseModel):
    """A mapping of the language: it refuses undeclared fields, and never converts a value silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hints: ClassVar[Mapping[str, str]] = {}
    """Unknown names that people often write, and what to write instead."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The string below a field becomes its description. Pydantic could do this itself, but it would read the source
        whenever the class is created, which takes longer than everything else about the language.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _descriptions(cls):
            properties.setdefault(name, {})["description"] = text
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, value: Any, handler: Any) -> Self:
        """Report unknown fields with the nearest known names, and validate the other fields nevertheless."""
        unknown = [name for name in value if name not in cls.model_fields] if isinstance(value, dict) else []
        errors = [
            mistake((name,), f"unknown field {quoted(name)}. {cls._instead_of(str(name))}", value[name])
            for name in unknown
        ]
        model: Any = None
        try:
            model = handler({name: given for name, given in value.items() if name not in unknown} if unknown else value)
        except ValidationError as error:
            errors += [
                InitErrorDetails(type=_as_custom_error(line), loc=_where(line["loc"]), input=line["input"])
                for line in error.errors(include_url=False)
                if not (line["type"] == "missing" and cls._is_misspelled(line["loc"], unknown))
            ]
            with contextlib.suppress(ValidationError):
                errors += cls._mistakes_beside(errors, value, handler)
        else:
            errors += model._mistakes()
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return model  # type: ignore[no-any-return]

    @classmethod
    def _is_misspelled(cls, missing: Path, unknown: Iterable[Any]) -> bool:
        """Whether a missing field of this mapping stands in it under an unknown name: then it is one mistake."""
        return len(missing) == 1 and any(cls._may_mean(str(name), str(missing[0])) for name in unknown)

    @classmethod
    def _may_mean(cls, unknown: str, missing: str) -> bool:
        """Whether an unknown name may stand for a missing field."""
        return missing in closest(cls.model_fields, unknown)

    @classmethod
    def _instead_of(cls, name: str) -> str:
        """What to write in place of an unknown field."""
        return cls.hints.get(name) or one_of(cls.model_fields, name)

    @classmethod
    def _mistakes_beside(cls, errors: list[InitErrorDetails], value: Any, handler: Any) -> list[InitErrorDetails]:
        """Further mistakes of a value that has these errors."""
        rest = cls._without(value, errors)
        return handler(rest)._mistakes() if rest is not None else []

    @classmethod
    def _without(cls, value: Any, errors: list[InitErrorDetails]) -> Any:
        """The value without the fields that have these errors, so that the rest can be checked; None if the rest cannot
        be checked.
        """
        return None

    def _mistakes(self) -> list[InitErrorDetails]:
        """Further mistakes of a mapping whose fields all have the right form."""
        return []


def _descriptions(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The text below each field of a model, by the field's name."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(declared, ast.ClassDef)
    for field, below in pairwise(declared.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def _where(loc: Path) -> Path:
    """The path of a value in the file: pydantic's path without the tags of alternatives, as `<one>`."""
    return tuple(part for part in loc if not str(part).startswith("<"))


def _as_custom_error(line: Any) -> Any:
    if "ctx" in line and "message" in line["ctx"]:
        return PydanticCustomError(line["type"], "{message}", line["ctx"])
    return PydanticCustomError(line["type"], "{message}", {"message": line["msg"], **line.get("ctx", {})})


def mistake(path: Path, message: str, value: Any) -> InitErrorDetails:
    """An error of pydantic about the value at a path."""
    return InitErrorDetails(
        type=PydanticCustomError("report", "{message}", {"message": message}), loc=path, input=value
    )


def is_label(part: str | int) -> bool:
    """Whether a part of pydantic's path only says that a key is wrong, not its value."""
    return part == "[key]"


def mistakes_of(error: ValidationError) -> Iterator[Mistake]:
    """The errors of pydantic as mistakes, in words for the author of the file."""
    for line in error.errors(include_url=False):
        path = tuple(part for part in line["loc"] if not is_label(part))
        of_key = "[key]" in line["loc"] or "unknown field" in line["msg"]
        known = _MESSAGES.get(line["type"])
        message = known.format(**_words(path, line)) if known else line["msg"]
        yield Mistake(path, message, None if line["type"] == "missing" else line["input"], of_key)


def _words(path: Path, line: Any) -> dict[str, Any]:
    """The words to fill into `_MESSAGES`: the field, its value, and what pydantic allows."""
    names = [part for part in path if isinstance(part, str)]
    value = line["input"]
    got = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), quoted(value))
    return {
        "field": f"each of {names[-1]}" if names and isinstance(path[-1], int) else names[-1] if names else "the file",
        "got": got,
        "entries": len(value) if isinstance(value, dict | list) else 0,
        "in_a_list": f" Write [{value}]." if isinstance(value, str | int) else "",
        "in_quotes": f" Put it in quotes: '{value}'." if isinstance(value, int | float) else "",
        "without": f" Write {value} without quotes." if _is_quoted_number(value) else "",
        "as_truth": f" Write {_TRUTHS[value.lower()]}." if isinstance(value, str) and value.lower() in _TRUTHS else "",
        **line.get("ctx", {}),
    }


def _is_quoted_number(value: Any) -> bool:
    """Whether a text would be a number without its quotes. 010 is none: YAML has it as text anyway.

    >>> [_is_quoted_number(text) for text in ("10", "010", "9" * 5_000)]
    [True, False, True]
    """
    return isinstance(value, str) and value.isascii() and value.isdigit() and (value == "0" or value[0] != "0")


_TRUTHS = {**dict.fromkeys(("yes", "on", "y"), "true"), **dict.fromkeys(("no", "off", "n"), "false")}
"""Texts that older YAML has as truth values, and what to write."""
_MAPPING = "{field} must be a mapping of names to values, got {got}."
_MESSAGES = {
    "missing": "{field} is missing. Add it.",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "list_type": "{field} must be a list, got {got}.{in_a_list}",
    "string_type": "{field} must be text, got {got}.{in_quotes}",
    "bool_type": "{field} must be true or false, got {got}.{as_truth}",
    "int_type": "{field} must be a whole number, got {got}.{without}",
    "float_type": "{field} must be a number, got {got}.{without}",
    "greater_than": "{field} must be more than {gt:g}, got {got}.",
    "less_than": "{field} must be less than {lt:g}, got {got}.",
    "greater_than_equal": "{field} must be {ge} or more, got {got}.",
    "less_than_equal": "{field} must be {le} or less, got {got}.",
    "literal_error": "{field} must be one of {expected}, got {got}.",
    "string_pattern_mismatch": "a name must begin with a small letter and have at most 63 small letters, digits and _, "
    "got {got}.",
    "string_too_short": "{field} must not be empty.",
    "too_short": "{field} must not be empty.",
    "too_long": "{field} must have at most {max_length} entries, got {entries}.",
}
