"""Values that people compare columns and dimensions with: as the platform writes them, or refused with what to do."""

from __future__ import annotations

from genesys_assets.cloud.analytics.values import BOOLEANS, ENUMERATIONS, IDS, value_of
from genesys_assets.cloud.errors import InvalidQuery
from genesys_assets.reports.meaning.figures import history_of
from genesys_assets.tables.conversations.legs import OUTCOMES
from genesys_assets.tables.conversations.model import snake_case

_FIXED = {snake_case(name): name for name in (*ENUMERATIONS, *BOOLEANS, *IDS)}
_USERS = ("evaluator_id", "assignee_id", "coached_user_id", "monitored_user_id", "screen_monitored_user_id")
_OTHERWISE_CALLED = {"session_queue_id": "queueId", **dict.fromkeys(_USERS, "userId")}


def allowed_value(column: str, value: str) -> str:
    """A value of a column, or of the dimension that is called like it. Raises InvalidQuery."""
    if not value.strip():
        raise InvalidQuery(f"{column} is compared with an empty text. To ask for no value write {{exists: false}}.")
    name = column.rpartition(".")[2]
    if name == "outcome":
        return _outcome(value)
    fixed = _OTHERWISE_CALLED.get(name) or _FIXED.get(name)
    if fixed is None:
        return value
    try:
        return value_of(fixed, value)
    except InvalidQuery as refused:
        hint = f" Find the id of a name with: genesys-assets reports ids {_in_shell(value)}" if history_of(name) else ""
        raise InvalidQuery(f"{refused}{hint if fixed in IDS else ''}") from None


def is_fixed(column: str) -> bool:
    """Whether a column has values of a list, or ids: such values lie in no range."""
    name = column.rpartition(".")[2]
    return name in _FIXED or name in _OTHERWISE_CALLED


def _outcome(value: str) -> str:
    """What becomes of a leg. Raises InvalidQuery."""
    outcome = value.strip().lower()
    if outcome not in OUTCOMES:
        raise InvalidQuery(f"outcome has no value {value!r}. Known are {', '.join(OUTCOMES)}.")
    return outcome


def _in_shell(value: str) -> str:
    import shlex

    return shlex.quote(value if len(value) <= 80 else f"{value[:80]}…")
