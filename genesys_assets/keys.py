"""The keys of assets: `genesys/<layer>/<name>`, or what another project's translation makes of that.

The metadata of each asset names its place in the lake, such as `tables/conversations`. Code that searches a code
location finds the asset by its place, whatever its key is. `lake` knows what is stored at a place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Literal, get_args

import dagster as dg

LayerName = Literal["ops", "reference", "pages", "tables", "reports", "published", "live"]
LAYERS: tuple[LayerName, ...] = get_args(LayerName)
LAYER = "genesys/layer"
"""The tag of an asset that says in which layer it is."""
PLACE = "genesys/place"
"""The metadata of an asset that says where in the lake it lies."""
_LOCATIONS_REMEMBERED = 2


class Naming:
    """Translates our keys into those of the code location that is being built, and back."""

    def __init__(self, translate: Callable[[dg.AssetKey], dg.AssetKey]) -> None:
        self._translate = translate
        self._translated: dict[dg.AssetKey, dg.AssetKey] = {}
        self._untranslated: dict[dg.AssetKey, dg.AssetKey] = {}

    def translated_key(self, untranslated: dg.AssetKey) -> dg.AssetKey:
        """The translated key of an asset of ours. Raises DagsterInvalidDefinitionError if two assets would get the same
        key.
        """
        if untranslated not in self._translated:
            key = self._translate(untranslated)
            other = self._untranslated.setdefault(key, untranslated)
            if other != untranslated:
                raise dg.DagsterInvalidDefinitionError(
                    f"translation gives {other.to_user_string()} and {untranslated.to_user_string()} the same key, "
                    f'{key.to_user_string()}. Keep what tells them apart, as in key: "mine/{{{{ spec.key.path[1] }}}}/'
                    '{{ spec.key.path[2] }}", or write key_prefix.'
                )
            self._translated[untranslated] = key
        return self._translated[untranslated]

    def untranslated_key(self, key: dg.AssetKey) -> dg.AssetKey:
        """The untranslated key of a translated one; any other key is returned unchanged."""
        return self._untranslated.get(key, key)


_NAMING: ContextVar[Naming | None] = ContextVar("naming", default=None)


def our_key(layer: str, name: str) -> dg.AssetKey:
    """The untranslated key of an asset of ours. Constants of modules use it, because no `naming` context is open when
    they are made.
    """
    return dg.AssetKey(["genesys", layer, name])


def asset_key(layer: str, name: str) -> dg.AssetKey:
    """The key of an asset of ours; within `naming`, the translated one."""
    return translated_key(our_key(layer, name))


def translated_key(key: dg.AssetKey) -> dg.AssetKey:
    """The translated key of an asset of ours; outside `naming` the key itself."""
    naming = _NAMING.get()
    return key if naming is None else naming.translated_key(key)


def untranslated_key(key: dg.AssetKey) -> dg.AssetKey:
    """The untranslated key of an asset of ours; outside `naming` the key itself."""
    naming = _NAMING.get()
    return key if naming is None else naming.untranslated_key(key)


@contextmanager
def naming(translate: Callable[[dg.AssetKey], dg.AssetKey] | None) -> Iterator[None]:
    """While this context is open, assets, checks and jobs are built with the keys that `translate` gives."""
    token = _NAMING.set(None if translate is None else Naming(translate))
    try:
        yield
    finally:
        _NAMING.reset(token)


def place(key: dg.AssetKey) -> str:
    """The place of an untranslated key: `pages/hourly_details` for `genesys/pages/hourly_details`."""
    return "/".join(key.path[1:])


def is_ours(key: dg.AssetKey) -> bool:
    """Whether a key is an untranslated one of ours."""
    return len(key.path) == 3 and key.path[0] == "genesys"


def place_of(key: dg.AssetKey, metadata: Mapping[str, Any]) -> str | None:
    """The place of an asset in the lake; None if it is not ours. Without metadata, as for assets of other code
    locations, the key decides.
    """
    in_metadata = metadata.get(PLACE)
    if in_metadata is None:
        return place(key) if is_ours(key) else None
    return str(getattr(in_metadata, "value", in_metadata))


@lru_cache(maxsize=_LOCATIONS_REMEMBERED)
def places(location: dg.RepositoryDefinition) -> Mapping[dg.AssetKey, str]:
    """Our assets in a code location, with the place of each. Cached, because sensors call this once for each run. A
    location that is loaded again is another object, so it is not found in the cache.
    """
    graph = location.asset_graph
    places_by_key = ((key, place_of(key, graph.get(key).metadata)) for key in graph.get_all_asset_keys())
    return {key: where for key, where in places_by_key if where is not None}


@lru_cache(maxsize=_LOCATIONS_REMEMBERED)
def keys(location: dg.RepositoryDefinition) -> Mapping[str, dg.AssetKey]:
    """The keys of our assets in a code location, by place."""
    return {where: key for key, where in places(location).items()}
