"""Which pages are stored, and as of which moment: read from the lake itself.

`history` has the organisation's state at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from genesys_assets.lake.files import StoredPages
from genesys_assets.lake.lake import Lake

DETAILS, OVERLAP, HOURS = "pages/daily_details", "pages/daily_overlap", "pages/hourly_details"
AGGREGATES, AGGREGATES_OF_HOURS = "pages/daily_aggregates", "pages/hourly_aggregates"
USERS = "pages/daily_user_details"


@dataclass(frozen=True)
class Moment:
    """As of when an answer is true, and when it was requested. Conversations deleted in between are missing."""

    as_of: datetime
    asked_at: datetime


@dataclass(frozen=True)
class Reading:
    """A stored partition. `checked` is the as-of moment of its last reading, whether or not it had changed.

    `questions` are the questions about conversations, by grouping, with the time of each answer; `families` has the
    time of the last question of each family.
    """

    moment: Moment
    checked: datetime
    is_complete: bool
    through: datetime | None
    by_job: Moment | None
    by_query: Moment | None
    questions: Mapping[tuple[str, ...], Moment] = field(default_factory=dict)
    families: Mapping[str, Moment] = field(default_factory=dict)


def readings(lake: Lake, asset: str, partitions: Sequence[str]) -> dict[str, Reading]:
    """The readings of those of these partitions that are stored."""
    log = lake.log(asset)
    return {
        key: _reading(pages, datetime.fromtimestamp((log.newness(key) or 0) / 1000, UTC))
        for key, pages in lake.pages_of(asset, list(partitions)).items()
    }


def _reading(pages: StoredPages, checked: datetime) -> Reading:
    moments: dict[bool, list[Moment]] = {True: [], False: []}
    questions = {}
    families: dict[str, list[Moment]] = {}
    for index in range(len(pages)):
        about = pages.about(index)
        moment, asked = Moment(about.as_of, about.fetched_at), json.loads(about.request)
        moments["/jobs/" in asked["path"]].append(moment)
        body = asked.get("body") or {}
        *_, family, _, _ = asked["path"].split("/") if "groupBy" in body else ("", "", "")
        if family:
            families.setdefault(family, []).append(moment)
        if family == "conversations":
            questions[tuple(sorted(body["groupBy"]))] = moment
    every = [*moments[True], *moments[False]]
    reach = pages.reach
    return Reading(
        moment=_last(every) or Moment(checked, checked),
        checked=checked,
        is_complete=bool(reach and reach.is_complete),
        through=reach.through if reach else None,
        by_job=_last(moments[True]),
        by_query=_last(moments[False]),
        questions=questions,
        families={family: max(of_family, key=lambda one: one.as_of) for family, of_family in families.items()},
    )


def _last(moments: Iterable[Moment]) -> Moment | None:
    return max(moments, key=lambda moment: (moment.as_of, moment.asked_at), default=None)


def hours_of(days: Iterable[str]) -> list[str]:
    return [f"{day}-{hour:02d}:00" for day in days for hour in range(24)]
