"""Whether the legs have every abandoned interaction of the sessions, and which ones no leg has.

A leg is a wait in a queue or an offer to an agent. So tAbandon of a flow, a dialer or a customer's session is in no
leg, and a wait that emitted tAbandon twice is one leg. The aggregates of the platform count all of these. So there may
be fewer abandoned legs than tAbandon, and this check says by how many and why.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from genesys_assets.checks.reconciled_day import DayComparison
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.conversations.flat_tables import SESSION_METRICS
from genesys_assets.tables.conversations.legs import INTERACTION_LEGS

ABANDONS = "abandons_are_in_legs"
_ABANDON = "tAbandon"
_OF_LEGS = ("acd", "agent", "user")
_COLUMNS = ["conversation_id", "media_type", "purpose", "value"]


def reconcile_abandons(lake: Lake, day: str) -> DayComparison | str:
    """A comparison of tAbandon in the sessions and in the legs of a day, or the reason why they cannot be compared."""
    legs, emitted = f"tables/{INTERACTION_LEGS.name}", f"tables/{SESSION_METRICS.name}"
    for place in (legs, emitted):
        if not lake.has(place, day):
            return f"{place.removeprefix('tables/')} of {day} is not stored"
    rows = lake.read(
        emitted, day, schema=SESSION_METRICS.schema, columns=_COLUMNS, where=pc.field("metric") == _ABANDON
    )
    return compare_abandons(
        rows, lake.read(legs, day, schema=INTERACTION_LEGS.schema, columns=["conversation_id", "t_abandon_ms"])
    )


def compare_abandons(emitted: pa.Table, legs: pa.Table) -> DayComparison:
    """`emitted` has a row for each tAbandon of a session, with its `purpose`; `legs` has a row for each leg, with its
    `t_abandon_ms`.
    """
    emitted = emitted.filter(pc.is_valid(emitted["value"]))
    of_legs = pc.fill_null(pc.is_in(emitted["purpose"], pa.array(_OF_LEGS)), False)
    expected, others = emitted.filter(of_legs), emitted.filter(pc.invert(of_legs))
    abandoned = legs.filter(legs["t_abandon_ms"].is_valid())
    left_out = {
        f"tAbandon of {row['purpose'] or 'no'} sessions ({row['media_type']})": f"{row['value_count']} in no leg"
        for row in others.group_by(["purpose", "media_type"]).aggregate([("value", "count")]).to_pylist()
    }
    surplus = len(expected) - len(abandoned)
    if surplus > 0:
        left_out[f"{surplus} further tAbandon"] = "of waits that emitted more than one; their leg has the sum"
    return DayComparison(len(legs), _differing(expected, abandoned), left_out=left_out)


def _differing(emitted: pa.Table, legs: pa.Table) -> pa.Table:
    """The conversations whose sum of milliseconds in legs differs from that in sessions."""
    found, expected = (
        rows.group_by("conversation_id").aggregate([(name, "sum")]).rename_columns(["conversation_id", side])
        for rows, name, side in ((legs, "t_abandon_ms", "found_sum"), (emitted, "value", "expected_sum"))
    )
    both = expected.join(found, "conversation_id", join_type="full outer")
    return both.filter(pc.not_equal(pc.fill_null(both["expected_sum"], -1), pc.fill_null(both["found_sum"], -1)))
