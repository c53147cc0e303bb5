"""The attributes of a component: fills in templates, reports mistakes with file and line, and translates assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genesys_assets.reports.language.problems import Mistake

TRANSLATION = "translation"
Kind = TypeVar("Kind", bound=dg.Component)


def components_of(context: dg.ComponentLoadContext, kind: type[Kind]) -> list[Kind]:
    """The components of a kind in the project; none if the component is loaded outside a project."""
    from dagster.components.core.component_tree import TestComponentTree

    tree = context.component_tree
    return [] if isinstance(tree, TestComponentTree) else tree.get_all_components(kind)


def attributes_model(*models: type[BaseModel]) -> type[BaseModel]:
    """A model that accepts any mapping, and whose JSON schema has the fields of all `models`, for editors and `dg check
    yaml`. A component's `load` reports mistakes.
    """
    from pydantic import GetJsonSchemaHandler, RootModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

    class Attributes(RootModel[dict[str, Any]]):
        @classmethod
        def __get_pydantic_json_schema__(cls, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            first, *others = (handler.resolve_ref_schema(handler(each.__pydantic_core_schema__)) for each in models)
            properties = {name: schema for each in (first, *others) for name, schema in each["properties"].items()}
            return {**first, "properties": properties}

    return Attributes


def resolve_templates(value: Any, context: dg.ResolutionContext) -> Any:
    """The value with templates resolved. Texts without a template stay texts: Dagster would read "1.10" as a number.
    `translation` is resolved for each asset later.
    """
    if isinstance(value, dict):
        return {
            name: each if name == TRANSLATION else resolve_templates(each, context.at_path(name))
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [resolve_templates(each, context.at_path(index)) for index, each in enumerate(value)]
    return context.resolve_value(value) if isinstance(value, str) and "{{" in value else value


def mistakes_in_words(headline: str, mistakes: Iterable[Mistake], context: dg.ResolutionContext) -> str:
    """A message with each mistake as `dg check yaml` reports it: file, line, field, and the lines around it."""
    from genesys_assets.reports.language.problems import format_value

    lines = [headline]
    for mistake in mistakes:
        path = ["attributes", *mistake.path]
        value = format_value(mistake.value, mistake.message)
        message = mistake.message + (f" (value: {value})" if value else "")
        if context.source_position_tree is None:
            lines.append(f"{'.'.join(map(str, path))}: {message}")
            continue
        position = context.source_position_tree.source_error(path, mistake.message, value_error=False)
        lines.append(
            f"{position.file_name}:{position.start_line_no} - {position.location}: {message}\n{position.snippet}"
        )
    return "\n".join(lines)


def translation(stated: Any, context: dg.ResolutionContext) -> Callable[[dg.AssetSpec], dg.AssetSpec] | None:
    """A function that applies the attribute `translation` to the spec of an asset, which templates know as `spec`; None
    if the attribute is not stated. Raises pydantic.ValidationError.
    """
    if stated is None:
        return None
    from dagster.components.resolved.core_models import AssetAttributesModel
    from dagster.components.utils.translation import TranslatorResolvingInfo

    attributes = stated if isinstance(stated, str) else AssetAttributesModel.model_validate(stated)
    resolving = TranslatorResolvingInfo(attributes, context.at_path("attributes"), TRANSLATION)
    return lambda spec: resolving.get_asset_spec(spec, {"spec": spec})
