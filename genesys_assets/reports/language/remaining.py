"""What remains of an entry without the parts that have mistakes, so that all other mistakes are reported with these.

`model` defines the fields. `problems.Unknown` says about which names nothing can be reported then.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import BaseModel

from genesys_assets.reports.language.problems import Unknown, closest

INTERVAL_COLUMNS = ("interval_start", "interval_end", "local_date", "first_date", "last_date", "weekday")
"""The columns that say what time a row is about. Which of them a report has depends on its period."""
_FIGURES = {"aggregates": "metrics", "details": "measures"}
"""The fields of sources, and the field of a source that has its figures."""
_PERIOD = ("granularity", "over", "by_weekday", "time_zone")
_MADE_BY = {
    "over": ("by_weekday", "granularity", "compare"),
    "granularity": ("compare",),
    "group_by": ("require", "top"),
}
"""Fields that cannot be checked without another field."""
_HARMLESS = ("metrics", "measures", "filter", "where", "flatten", "having", "lacking")
"""Fields of a source without which its other fields can be checked."""


class Remaining:
    """An entry of which parts are taken out. `fields` is its model."""

    def __init__(self, model: type[BaseModel], entry: dict[str, Any]) -> None:
        self._fields = model.model_fields
        self.value: dict[str, Any] = copy.deepcopy(entry)
        self.unknown = Unknown()

    def take_out(self, path: list[str | int], *, is_unknown_field: bool) -> None:
        """Take out the value at a path, which has a mistake, with all that depends on it."""
        name = str(path[0])
        if name in _FIGURES:
            self._from_source(name, path[1:], is_unknown_field)
        elif name == "columns" and len(path) > 1 and isinstance(self.value.get(name), dict):
            self.unknown.names.add(str(path[1]))
            self.value[name].pop(path[1], None)
            if not self.value[name]:
                del self.value[name]
        elif is_unknown_field and len(path) == 1:
            self.value.pop(name, None)
            for meant in closest(self._fields, name)[:1]:
                self._lose(meant)
        else:
            self._lose(name)
        self.value.setdefault("description", "…")

    def _lose(self, name: str) -> None:
        """Take out a field of the entry."""
        stated = self.value.pop(name, None)
        for dependent in _MADE_BY.get(name, ()):
            self.value.pop(dependent, None)
        if name == "group_by":
            given = stated if isinstance(stated, list) else [stated]
            self.value[name] = [each for each in given if isinstance(each, str)]
        self.unknown.any_name |= name in (*_FIGURES, "columns")
        self.unknown.keys |= name in ("group_by", "names")
        self.unknown.compared |= name in ("compare", *_PERIOD)
        if name in _PERIOD:
            self.unknown.names.update(INTERVAL_COLUMNS)

    def _from_source(self, name: str, path: list[str | int], is_unknown_field: bool) -> None:
        """Take out a figure or a field of a source, or, if that cannot be, all of its sources."""
        stated, within = self.value.get(name), path
        if isinstance(stated, list) and path:
            stated, within = stated[int(path[0])], path[1:]
        figures = stated.get(_FIGURES[name]) if isinstance(stated, dict) else None
        if len(within) > 1 and within[0] == _FIGURES[name] and isinstance(figures, dict):
            figures.pop(within[1], None)
            self.unknown.names.add(str(within[1]))
            if figures:
                return
        elif is_unknown_field and len(within) == 1 and isinstance(stated, dict) and figures:
            near = closest(
                (*_HARMLESS, "group_by", "views", "attributes", "table", "family", "time", "once_per"), str(within[0])
            )
            if set(near) <= set(_HARMLESS):
                del stated[within[0]]
                return
        self._lose_sources(name)

    def _lose_sources(self, name: str) -> None:
        """All of them, because the mistakes of others would be shown in the wrong place if one was missing."""
        stated = self.value.pop(name, None)
        for source in stated if isinstance(stated, list) else [stated]:
            figures = source.get(_FIGURES[name]) if isinstance(source, dict) else None
            if isinstance(figures, dict):
                self.unknown.names.update(map(str, figures))
            else:
                self.unknown.any_name = True
