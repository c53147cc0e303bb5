"""What all groups of settings share: reading variables, and messages about wrong ones."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from genesys_assets.cloud.http.urls import NotAUrl, checked_url, without_user_info
from genesys_assets.secrets_manager import SecretNotRead, reveal


class SettingError(ValueError):
    """A setting is missing or malformed. The message names it, its value unless it is secret, and what is allowed."""


_NO_VARIABLE = "no variable: "
"""A prefix that no variable has. Pydantic looks up each field's own name too, and the field `columns` must not read the
terminal's COLUMNS.
"""


class Group(BaseSettings):
    """Settings that are read from the environment together. Subclasses declare each one with `setting`."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, populate_by_name=True, env_prefix=_NO_VARIABLE, extra="forbid", hide_input_in_errors=True
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The group from the given values, by name of field. Missing values and None come from the environment.

        Raises SettingError, which names every wrong setting.
        """
        stated = {name: value for name, value in given.items() if value is not None}
        return cls._read(stated) if stated else cls._of_environment()

    @classmethod
    def _of_environment(cls) -> Self:
        """The group from the environment, cached until one of its variables changes: callers load groups thousands of
        times.
        """
        names = {str(field.validation_alias).upper() for field in cls.model_fields.values()}
        variables = {name: value for name, value in os.environ.items() if name.upper() in names}
        cached = _KNOWN.get(cls)
        if cached is None or cached[0] != variables:
            cached = _KNOWN[cls] = (variables, cls._read({}))
        return cached[1]  # type: ignore[return-value]

    @classmethod
    def _read(cls, stated: dict[str, Any]) -> Self:
        try:
            return cls(**stated)
        except ValidationError as error:
            raise SettingError("\n".join(cls.explain(problem) for problem in error.errors())) from None

    @classmethod
    def explain(cls, problem: Any) -> str:
        """One of pydantic's errors, as a line that names the variable and says what is allowed."""
        names = {(field.validation_alias or name): field for name, field in cls.model_fields.items()}
        where = problem["loc"][0] if problem["loc"] else ""
        field = names.get(where) or cls.model_fields.get(str(where))
        if field is None:
            return str(problem["msg"]).removeprefix("Value error, ")
        name = field.validation_alias or where
        example = (field.examples or ["…"])[0]
        hint = f"{field.description} Set it in the environment or in .env, for example {name}={example}"
        if problem["type"] == "missing":
            return f"{name} is not set: {hint}"
        secret = SecretStr in (field.annotation, *get_args(field.annotation))
        shown = without_user_info(str(problem.get("input")))
        refused = "is not valid" if secret else f"cannot be {shown!r}"
        return f"{name} {refused}: {allowed(problem)}. {hint}"


def allowed(problem: Any) -> str:
    """What one of pydantic's errors says is allowed.

    >>> allowed({"msg": "Input should be a valid integer, unable to parse string as an integer"})
    'it must be a valid integer'
    """
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return reason.split(", unable to ")[0].replace("Input should be", "it must be", 1)


_KNOWN: dict[type[Group], tuple[dict[str, str], Group]] = {}
"""The groups as last read from the environment, with their variables."""


def _url(value: str) -> str:
    return checked_url(value)


def refuse_user_info_of_aws() -> None:
    """Raises SettingError for an S3 endpoint with a user or a password, although AWS's own libraries accept it."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if "@" in os.environ.get(name, ""):
            raise SettingError(
                f"{name} holds a user or a password, which would appear in logs and messages. Put them into "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )


_SCHEME = re.compile(r"(s3|file|https?):", re.IGNORECASE)


def checked_place(place: str) -> str:
    """The place itself, a folder or a URL.

    Raises ValueError if it is the URL of a bucket with a user or a password, a URL without its two slashes, or below
    the home of an unknown user.
    """
    if _SCHEME.match(place) and "://" not in place:
        raise ValueError("it begins as a URL, which has two slashes after the colon: s3://bucket/prefix")
    if place.startswith("s3://") and "@" in place.removeprefix("s3://").split("/")[0]:
        raise ValueError("a bucket has no user or password in its URL: put credentials into the AWS environment")
    try:
        Path(place).expanduser()
    except RuntimeError:
        user = Path(place).parts[0]
        raise ValueError(f"this machine knows no home of {user}: write the whole path") from None
    return place


def revealed_secret(setting: SecretStr, variable: str) -> str:
    """The secret itself, read from AWS Secrets Manager if the setting only names it there. Raises SettingError."""
    try:
        return reveal(setting, variable)
    except SecretNotRead as error:
        raise SettingError(str(error)) from None


def revealed_url(setting: SecretStr | None, variable: str) -> str | None:
    """The URL that is kept as a secret, None if it is not set. Raises SettingError."""
    if setting is None:
        return None
    try:
        return checked_url(revealed_secret(setting, variable), tls=False)
    except NotAUrl as error:
        raise SettingError(f"{variable} does not hold the URL of a webhook: {error}") from None


Url = Annotated[str, AfterValidator(_url)]


def setting(name: str, description: str, example: str, *, see: str = "", **options: Any) -> Any:
    """A field that is read from the environment variable `name`.

    `see` is the page of docs/ that explains it. Other `options` are those of `pydantic.Field`.
    """
    extra: dict[str, Any] | None = {"see": see} if see else None
    return Field(validation_alias=name, description=description, examples=[example], json_schema_extra=extra, **options)
