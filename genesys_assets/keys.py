"""How assets are named: `genesys/<layer>/<name>`, or as another project translates that.

Each asset says in its metadata at which place of the lake it lies, `tables/conversations`, so that everybody who looks
at a code location finds it by that, whatever its key is. What lies at a place is in `lake`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import dagster as dg

LAYERS = ("ops", "reference", "pages", "tables", "reports", "published", "live")
LAYER = "genesys/layer"
"""The tag of an asset that says in which layer it is."""
PLACE = "genesys/place"
"""The metadata of an asset that says where in the lake it lies."""


class Naming:
    """The keys of a code location that is being built: what `translate` makes of ours, and back."""

    def __init__(self, translate: Callable[[dg.AssetKey], dg.AssetKey]) -> None:
        self._translate = translate
        self._by_ours: dict[dg.AssetKey, dg.AssetKey] = {}
        self._ours: dict[dg.AssetKey, dg.AssetKey] = {}

    def key(self, ours: dg.AssetKey) -> dg.AssetKey:
        """Raises DagsterInvalidDefinitionError where two assets would have one key."""
        if ours not in self._by_ours:
            key = self._translate(ours)
            other = self._ours.setdefault(key, ours)
            if other != ours:
                raise dg.DagsterInvalidDefinitionError(
                    f"translation gives {other.to_user_string()} and {ours.to_user_string()} the same key, "
                    f'{key.to_user_string()}. Keep what tells them apart, as in key: "mine/{{{{ spec.key.path[1] }}}}/'
                    '{{ spec.key.path[2] }}", or write key_prefix.'
                )
            self._by_ours[ours] = key
        return self._by_ours[ours]

    def ours(self, key: dg.AssetKey) -> dg.AssetKey:
        """The untranslated key of one that was translated here; any other key as it is."""
        return self._ours.get(key, key)


_NAMING: ContextVar[Naming | None] = ContextVar("naming", default=None)


def our_key(layer: str, name: str) -> dg.AssetKey:
    """The untranslated key of an asset of ours: for constants of modules."""
    return dg.AssetKey(["genesys", layer, name])


def asset_key(layer: str, name: str) -> dg.AssetKey:
    """The key of an asset of ours. While assets are built within `naming`, the translated one."""
    return named(our_key(layer, name))


def named(key: dg.AssetKey) -> dg.AssetKey:
    """The translated key of an asset of ours."""
    naming = _NAMING.get()
    return key if naming is None else naming.key(key)


def ours(key: dg.AssetKey) -> dg.AssetKey:
    """The untranslated key of an asset that is built within `naming`."""
    naming = _NAMING.get()
    return key if naming is None else naming.ours(key)


@contextmanager
def naming(translate: Callable[[dg.AssetKey], dg.AssetKey] | None) -> Iterator[None]:
    """Around everything that builds assets, checks and jobs: their keys are those that `translate` gives."""
    token = _NAMING.set(None if translate is None else Naming(translate))
    try:
        yield
    finally:
        _NAMING.reset(token)


def place(key: dg.AssetKey) -> str:
    """`pages/hourly_details` of the untranslated key `genesys/pages/hourly_details`."""
    return "/".join(key.path[1:])


def is_ours(key: dg.AssetKey) -> bool:
    """Whether a key is an untranslated one of ours."""
    return len(key.path) == 3 and key.path[0] == "genesys"


def place_of(key: dg.AssetKey, metadata: Mapping[str, Any]) -> str | None:
    """Where an asset lies, None where it is not ours. One of another code location is known by its key alone."""
    stated = metadata.get(PLACE)
    if stated is None:
        return place(key) if is_ours(key) else None
    return str(getattr(stated, "value", stated))


def places(location: dg.RepositoryDefinition) -> dict[dg.AssetKey, str]:
    """Our assets in a code location, with the place of each."""
    graph = location.asset_graph
    found = ((key, place_of(key, graph.get(key).metadata)) for key in graph.get_all_asset_keys())
    return {key: where for key, where in found if where is not None}


def keys(location: dg.RepositoryDefinition) -> dict[str, dg.AssetKey]:
    """The keys of our assets in a code location, by place."""
    return {where: key for key, where in places(location).items()}
