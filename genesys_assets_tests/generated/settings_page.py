"""docs/settings.md: every setting, from the settings classes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from genesys_assets.settings import alerts, days, lake, platform, publishing
from genesys_assets.settings.group import Group
from genesys_assets_tests.generated.markdown import cell, table

HEAD = """# Settings

Every setting. This page is made from the classes in `genesys_assets/settings` by `make docs`; do not edit it.

Settings are read from the environment, or from `.env` beside `dagster.yaml`. If both set a variable, `.env`
wins: that is Dagster's rule. A setting is read when it is first needed. A missing or malformed setting is reported by
name, with an example of a right value. An empty variable counts as not set. Start from [.env.example](../.env.example).
"""

TAIL = """## Read by others

| variable | who reads it |
|---|---|
| `AWS_*`, `AWS_ENDPOINT_URL_S3` | credentials and endpoint of S3, as every AWS tool reads them |
| `ARROW_DEFAULT_MEMORY_POOL` | Arrow: `jemalloc` keeps memory flat on large days |
| `DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR` | Dagster's daemon: with `1` a backfill waits for its code server |
| `DAGSTER_POSTGRES_*`, `DAGSTER_CELERY_BROKER` | the `dagster.yaml` of [deployments](../deploy/README.md) |
| `GENESYS_ASSETS_COMPUTE_LOGS_BUCKET`, `GENESYS_ASSETS_RUN_TASK_DEFINITION` | the same |
| `OTEL_*` | OpenTelemetry, if `GENESYS_ASSETS_OPENTELEMETRY` is true |
"""


MODULES = (platform, days, lake, publishing, alerts)
"""In the order in which somebody sets them."""


def groups(module: ModuleType) -> list[type[Group]]:
    """The classes of settings that a module declares, in its order."""
    classes = (each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__)
    return sorted((each for each in classes if issubclass(each, Group)), key=lambda each: inspect.findsource(each)[1])


def markdown() -> str:
    """The page."""
    lines = [HEAD]
    shown: set[str] = set()
    for module in MODULES:
        heading = module.__name__.split(".")[-1].capitalize()
        lines += [f"## {heading}", "", inspect.getdoc(module) or "", ""]
        rows = [row for group in groups(module) for row in _rows(group, shown)]
        lines += [*table(["variable", "meaning", "example", "default"], rows), ""]
    return "\n".join([*lines, TAIL])


def _rows(group: type[Group], shown: set[str]) -> Iterator[list[str]]:
    for field in group.model_fields.values():
        name = str(field.validation_alias)
        if name not in shown:
            shown.add(name)
            (example,) = field.examples or [""]
            yield [f"`{name}`", _meaning(field), f"`{example}`", _default(field)]


def _meaning(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    see = extra.get("see") if isinstance(extra, dict) else None
    return cell(field.description or "") + (f" See [{str(see).split('#')[0]}]({see})." if see else "")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default in (None, "") or isinstance(field.default, SecretStr):
        return "none"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
