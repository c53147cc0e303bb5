"""Genesys Cloud analytics in your own lake. Exports only the components that a `defs.yaml` can name. Each is
imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genesys_assets.components.pipeline import GenesysCloud
    from genesys_assets.components.report import GenesysReport

__all__ = ["GenesysCloud", "GenesysReport"]


def __getattr__(name: str) -> Any:
    if name == "GenesysCloud":
        from genesys_assets.components.pipeline import GenesysCloud

        return GenesysCloud
    if name == "GenesysReport":
        from genesys_assets.components.report import GenesysReport

        return GenesysReport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
