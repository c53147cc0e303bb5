"""The names of assets, and that no asset gets a translated key by accident."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from genesys_assets.keys import asset_key, naming, our_key, untranslated_key

PACKAGE = Path(__file__).parents[1] / "genesys_assets"


def prefixed(key: dg.AssetKey) -> dg.AssetKey:
    return key.with_prefix("mine")


def test_a_key_is_translated_where_assets_are_built_and_nowhere_else() -> None:
    assert asset_key("tables", "sessions") == dg.AssetKey(["genesys", "tables", "sessions"])
    with naming(prefixed):
        translated = asset_key("tables", "sessions")
        assert translated == dg.AssetKey(["mine", "genesys", "tables", "sessions"])
        assert untranslated_key(translated) == our_key("tables", "sessions")
        assert our_key("tables", "sessions") == dg.AssetKey(["genesys", "tables", "sessions"])
    assert asset_key("tables", "sessions") == our_key("tables", "sessions")


def test_two_assets_cannot_have_one_key() -> None:
    with naming(lambda _: dg.AssetKey("one")):
        asset_key("tables", "sessions")
        with pytest.raises(dg.DagsterInvalidDefinitionError, match=r"genesys/tables/sessions and .*/legs"):
            asset_key("tables", "legs")


def _called_at_import(module: Path) -> Iterator[str]:
    pending: list[ast.AST] = [ast.parse(module.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        pending.extend(ast.iter_child_nodes(node))


def test_no_module_makes_a_translated_key_when_it_is_imported() -> None:
    """The first import may happen while translated assets are built. Then the module would keep this translation for
    all others."""
    wrong = {"asset_key", "translated_key"}
    assert [f"{module}" for module in PACKAGE.rglob("*.py") if not wrong.isdisjoint(_called_at_import(module))] == []
