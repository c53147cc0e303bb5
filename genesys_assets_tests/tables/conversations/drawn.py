"""Conversations that hypothesis draws: everything that the platform may answer."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from genesys_assets_tests.tables.builders import conversation, metric, participant, segment, session

QUEUES = st.sampled_from(["Q1", "Q2", None])


KINDS = st.sampled_from(["alert", "interact", "hold", "wrapup", "dialing"])


NAMES = st.sampled_from(
    ["tHandle", "tAnswered", "tNotResponding", "tAbandon", "tFlowOut", "tAcd", "nConsult", "nTransferred"]
)


@st.composite
def any_session(draw: st.DrawFn, number: int) -> dict[str, Any]:
    segments = [
        segment(draw(KINDS), begin, draw(st.one_of(st.none(), st.integers(begin, 60))), **({"queueId": q} if q else {}))
        for begin, q in draw(st.lists(st.tuples(st.integers(0, 60), QUEUES), max_size=3))
    ]
    metrics = [
        metric(name, value, 30) for name, value in draw(st.lists(st.tuples(NAMES, st.integers(0, 99)), max_size=3))
    ]
    return session(f"s{number}", segments=segments, metrics=metrics)


@st.composite
def any_conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    purposes = st.sampled_from(["customer", "acd", "agent", "user"])
    made = []
    for number in range(draw(st.integers(0, 3))):
        people = [
            participant(
                f"p{place}", draw(purposes), *[draw(any_session(one)) for one in range(draw(st.integers(0, 3)))]
            )
            for place in range(draw(st.integers(0, 5)))
        ]
        made.append(conversation(f"c{number}", *people))
    return made
