"""One call, one answer with figures, and functions that change them as tools between the platform and a file do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from genesys_assets.tables.conversations.model import snake_case

HOUR = "2026-01-28T13:00:00.000Z/2026-01-28T14:00:00.000Z"
START = "2026-01-28T11:40:00.000Z"
END = "2026-01-28T11:49:30.000Z"


def call(id_: str = "A") -> dict[str, Any]:
    """A call that an agent answered: two sessions, two segments, four metrics."""
    return {
        "conversationId": id_,
        "conversationStart": START,
        "conversationEnd": END,
        "divisionIds": ["D"],
        "participants": [
            _participant(f"{id_}-c", "customer", [_metric("nConnected", 1, START)]),
            _participant(
                f"{id_}-a", "agent", [_metric(name, 500_000, END) for name in ("tTalk", "tTalkComplete", "tHandle")]
            ),
        ],
    }


def _participant(id_: str, purpose: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    segment = {"segmentStart": START, "segmentEnd": END, "segmentType": "interact", "conference": False}
    session = {"sessionId": f"{id_}-s", "mediaType": "voice", "segments": [segment], "metrics": metrics}
    return {"participantId": id_, "purpose": purpose, "attributes": {"some_key": "some_value"}, "sessions": [session]}


def _metric(name: str, value: int, at: str) -> dict[str, Any]:
    return {"name": name, "value": value, "emitDate": at}


def result(interval: str = HOUR, **stats: Any) -> dict[str, Any]:
    figure = {"metric": "tHandle", "stats": stats or {"count": 2, "sum": 312_000, "min": 100_000, "max": 212_000}}
    return {"group": {"queueId": "Q", "mediaType": "voice"}, "data": [{"interval": interval, "metrics": [figure]}]}


def page(*conversations: Any) -> dict[str, Any]:
    return {"conversations": list(conversations), "totalHits": len(conversations)}


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def with_values(value: Any, change: Callable[[str, Any], Any]) -> Any:
    """The same with each value of a field changed by `change`."""
    if isinstance(value, dict):
        return {name: change(name, with_values(item, change)) for name, item in value.items()}
    return [with_values(item, change) for item in value] if isinstance(value, list) else value


def with_names(value: Any, change: Callable[[str], str]) -> Any:
    """The same with other names of fields, except those of participants' attributes."""
    if isinstance(value, dict):
        return {
            change(name): item if name == "attributes" else with_names(item, change) for name, item in value.items()
        }
    return [with_names(item, change) for item in value] if isinstance(value, list) else value


def with_times(change: Callable[[datetime], Any], of: Any = None) -> bytes:
    """The call with its instants written in another way."""

    def changed(_: str, item: Any) -> Any:
        is_instant = isinstance(item, str) and re.fullmatch(r"\d{4}-.*Z", item)
        return change(datetime.fromisoformat(item)) if is_instant else item

    return dumped(page(with_values(of or call(), changed)))


def as_text(form: str) -> Callable[[datetime], str]:
    """An instant by a form of strftime; `{ms}` are its milliseconds."""
    return lambda instant: instant.strftime(form).replace("{ms}", f"{instant.microsecond // 1000:03d}")


def as_unix(per_second: int) -> Callable[[datetime], int]:
    return lambda instant: round((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * per_second)


def of_one_unwrapped(value: Any) -> Any:
    """As PowerShell writes it: a list of one becomes its only element."""
    return with_values(value, lambda _, item: item[0] if isinstance(item, list) and len(item) == 1 else item)


def in_snake_case(value: Any) -> Any:
    """As the Python SDK's `to_dict()` names it."""
    return with_names(value, snake_case)


def at(value: Any, path: str) -> Any:
    """The value at a path, such as `participants.0.purpose`."""
    for name in path.split("."):
        value = value[int(name) if name.isdigit() else name]
    return value


def with_one(path: str, value: Any) -> dict[str, Any]:
    """The call with one value replaced; `path` is as in `at`."""
    changed = call("B")
    *way, last = path.split(".")
    place: Any = at(changed, ".".join(way)) if way else changed
    place[int(last) if last.isdigit() else last] = value
    return changed


def in_new_york(instant: datetime) -> str:
    """The time that a clock in New York shows in winter."""
    return f"{instant - timedelta(hours=5):%Y-%m-%dT%H:%M:%S}"


CALL = dumped(page(call()))
PRETTY = json.dumps(page(call()), indent=2).encode()
FIGURES = dumped({"results": [result()]})


def measured(**fields: Any) -> bytes:
    return dumped({"results": [{"queueId": "Q", "metrics": {"handleTime": 60}, **fields}]})


def entity(**fields: Any) -> bytes:
    return dumped(
        {"entities": [{"id": "U", "type": "user", "interval": HOUR, "metrics": {"handleTime": 60}, **fields}]}
    )


def figure(**stats: Any) -> bytes:
    return dumped({"results": [result(**stats)]})
