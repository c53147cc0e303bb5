"""The lake: where it is, how it is filled, how long it keeps old versions, and which personal data it stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, field_validator, model_validator

from genesys_assets.personal_data import PersonalData
from genesys_assets.secrets_manager import is_name
from genesys_assets.settings.group import Group, SettingError, checked_place, revealed_secret, setting

_MOST_THREADS = 4
"""The largest default. With more threads, decoding only waits for writing."""


class LakeSettings(Group):
    """Where the lake is."""

    lake: str = setting(
        "GENESYS_ASSETS_LAKE",
        "The lake: a folder or s3://bucket/prefix. Not set: the folder lake beside dagster.yaml.",
        "s3://my-bucket/genesys",
        default="",
    )
    dagster_home: Path | None = setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def location(self) -> str:
        """The folder or URL of the setting, else the folder `lake` beside dagster.yaml."""
        return self.lake or str((self.dagster_home or Path.cwd()) / "lake")

    @field_validator("lake")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if "://" in value and not (value.startswith("s3://") and value.removeprefix("s3://").split("/")[0]):
            raise ValueError("it must be a folder or s3://bucket/prefix")
        if "://" not in value and Path(value).exists() and not Path(value).is_dir():
            raise ValueError("it is a file, and must be a folder")
        return checked_place(value)


class DecodingSettings(Group):
    """How many threads decode pages."""

    decode_threads: int | None = setting(
        "GENESYS_ASSETS_DECODE_THREADS",
        f"Threads on which a run decodes pages of conversations. Not set: one per core, {_MOST_THREADS} at most.",
        "2",
        default=None,
        ge=1,
        le=64,
    )

    @property
    def threads(self) -> int:
        return self.decode_threads or min(_MOST_THREADS, cores())


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class RetentionSettings(Group):
    """How long superseded pages and old versions of tables stay."""

    keep_superseded_days: int | None = setting(
        "GENESYS_ASSETS_KEEP_SUPERSEDED_DAYS",
        "After how many days the hours of a complete day are removed. Not set: never.",
        "35",
        see="semantics.md#history-that-changes",
        default=None,
        ge=1,
    )
    keep_versions_hours: int = setting(
        "GENESYS_ASSETS_KEEP_VERSIONS_HOURS",
        "For how many hours old versions of tables and leftovers of killed runs stay. Allow more than any run takes: "
        "files that a run is writing look like leftovers. 0 only while nothing runs.",
        "24",
        default=24,
        ge=0,
    )


_ACTIONS: tuple[Literal["keep", "hash", "drop"], ...] = ("keep", "hash", "drop")


_SHORTEST_KEY = 32
"""Characters of a key: a random key of 128 bits has this many in hex."""


class PersonalDataSettings(Group):
    """Which personal data is stored, and how."""

    personal_data: str = setting(
        "GENESYS_ASSETS_PERSONAL_DATA",
        "What is done with personal data: keep, hash or drop, for all of it or by class (person, contact, content).",
        "contact=hash,content=drop",
        see="security.md#personal-data",
        default="keep",
    )
    key: SecretStr | None = setting(
        "GENESYS_ASSETS_PERSONAL_DATA_KEY",
        f"Secret with which personal data is hashed, {_SHORTEST_KEY} characters or more, or `secretsmanager:NAME#KEY`.",
        "<the output of: openssl rand -hex 32>",
        default=None,
    )

    @field_validator("personal_data")
    @classmethod
    def _is_actions(cls, value: str) -> str:
        _actions(value)
        return value

    @field_validator("key")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not is_name(value) and (problem := _too_short(value.get_secret_value())):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        hashed = [class_ for class_, action in self.actions.items() if action == "hash"]
        if self.actions[PersonalData.PERSON] == "drop":
            # The user's id identifies rows of agents, so it is hashed instead of dropped.
            hashed.append(PersonalData.PERSON)
        if hashed and self.key is None:
            raise ValueError(
                f"GENESYS_ASSETS_PERSONAL_DATA_KEY is not set, and GENESYS_ASSETS_PERSONAL_DATA={self.personal_data} "
                f"hashes ({', '.join(hashed)}; ids of users are hashed where person is dropped). Set it to "
                f"{_SHORTEST_KEY} or more random characters, for example the output of: openssl rand -hex 32"
            )
        return self

    @property
    def secret(self) -> bytes:
        """The key itself; empty if no key is set. Raises SettingError."""
        if self.key is None:
            return b""
        key = revealed_secret(self.key, "GENESYS_ASSETS_PERSONAL_DATA_KEY")
        if problem := _too_short(key):
            raise SettingError(f"GENESYS_ASSETS_PERSONAL_DATA_KEY is not valid: {problem}.")
        return key.encode()

    @property
    def actions(self) -> dict[PersonalData, Literal["keep", "hash", "drop"]]:
        """The action for each class of personal data."""
        return _actions(self.personal_data)


def _too_short(key: str) -> str | None:
    length = len(key)
    return f"it has {length} characters and needs {_SHORTEST_KEY} or more" if length < _SHORTEST_KEY else None


def _actions(stated: str) -> dict[PersonalData, Literal["keep", "hash", "drop"]]:
    """The action for each class. `hash` is for all classes; `contact=hash,content=drop` is for these two, others are
    kept. Raises ValueError.
    """
    classes = [class_ for class_ in PersonalData if class_ is not PersonalData.NONE]
    parts = [part.strip() for part in stated.split(",")]
    if len(parts) == 1 and "=" not in parts[0]:
        parts = [f"{class_}={parts[0]}" for class_ in classes]
    actions: dict[PersonalData, Literal["keep", "hash", "drop"]] = dict.fromkeys(classes, "keep")
    named: list[str] = []
    for part in parts:
        name, _, wanted = (each.strip() for each in part.partition("="))
        action = next((each for each in _ACTIONS if each == wanted), None)
        if name not in classes or action is None or name in named:
            raise ValueError(
                f"{part!r} must be class=action, each class at most once, or one action for all classes. Classes: "
                f"{', '.join(classes)}. Actions: {', '.join(_ACTIONS)}"
            )
        named.append(name)
        actions[PersonalData(name)] = action
    return actions
