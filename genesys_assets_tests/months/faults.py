"""Which faults happen, and when: planned from the seed.

`Plan` is pure; `month` applies a fault to the sandbox, the lake or a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from genesys_assets_tests.months import storage

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

KINDS = ("off", "killed", "answers", "token", "storage", "lag", "reports")
"""Daemon off; runs killed; answers of the API that fail or never come; a token that is refused for days; reads and
writes of the lake that fail; details jobs that lag behind for a day; reports added, changed and removed.
"""


@dataclass(frozen=True)
class Trouble:
    """A fault of one of the KINDS, from `start` to `end`. `detail` describes it."""

    kind: str
    start: datetime
    end: datetime
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} {self.detail}".rstrip()


@dataclass(frozen=True)
class Plan:
    troubles: Sequence[Trouble]

    def now(self, kind: str, moment: datetime) -> list[Trouble]:
        return [each for each in self.troubles if each.kind == kind and each.start <= moment < each.end]

    def between(self, kind: str, after: datetime, until: datetime) -> list[Trouble]:
        return [each for each in self.troubles if each.kind == kind and each.start <= until and after < each.end]

    def able_since(self, moment: datetime, recovery: timedelta) -> datetime | None:
        """Since when no fault has kept the system from its work; None while one does.

        The system notices a killed run after `recovery`.
        """
        since = datetime.min.replace(tzinfo=UTC)
        for each in self.troubles:
            if each.start > moment or each.kind == "reports":
                continue
            end = each.end + (recovery if each.kind == "killed" else timedelta())
            if end > moment:
                return None
            since = max(since, end)
        return since


def planned(seed: int, first: date, days: int, kinds: Iterable[str] = KINDS) -> Plan:
    """About one fault a day. The last two days are quiet, so that everything can recover."""
    draw = Random(f"faults {seed}")
    troubles: list[Trouble] = []
    last = days - 2
    wanted = [kind for kind in KINDS if kind in set(kinds)]
    for number in range(last):
        day = datetime.combine(first + DAY * number, datetime.min.time(), UTC)
        for kind in wanted:
            if draw.random() < _CHANCE[kind]:
                start = day + timedelta(minutes=draw.randrange(24 * 60))
                trouble = _trouble(draw, kind, start, day + DAY * (last - number))
                troubles += [trouble] * (2 if trouble.detail.startswith(BEFORE_REPORTING) else 1)
    return Plan(tuple(troubles))


_CHANCE = {"off": 0.15, "killed": 0.4, "answers": 0.3, "token": 0.08, "storage": 0.25, "lag": 0.15, "reports": 0.25}


def _trouble(draw: Random, kind: str, start: datetime, latest: datetime) -> Trouble:
    detail = ""
    length = HOUR
    if kind == "off":
        length = HOUR * draw.choice((1, 2, 4, 8, 24, 48, 72))
    elif kind == "killed":
        place = draw.choice(PLACES)
        call = f"{place.function} {draw.randrange(1, place.last_call + 1)}"
        length, detail = MINUTE * 90, f"{call} {place.about}".rstrip()
    elif kind == "answers":
        length = MINUTE * draw.choice((1, 10, 60, 200))
        detail = draw.choice(("503", "502", "500", "429", "truncated", "dropped"))
    elif kind == "token":
        length = HOUR * draw.choice((6, 24, 60))
    elif kind == "storage":
        length = MINUTE * draw.choice((31, 90, 180))
        detail = f"{draw.choice(('full', *storage.WAYS))} {draw.randrange(1, 5)}"
    elif kind == "lag":
        length, detail = DAY, f"{draw.choice((8, 12, 26, 40))}"
    return Trouble(kind, start, min(start + length, max(latest, start + MINUTE)), detail)


@dataclass(frozen=True)
class Place:
    """A place where a run may die: before a call of a function. It names the assets of such a run by the beginning of
    their names, and the last possible call. If `about` is set, only calls about this asset count.
    """

    function: str
    makes: str
    last_call: int
    about: str = ""


BEFORE_REPORTING = "genesys_assets.assets.common:content_metadata"
"""Between the commit of a partition and its report to Dagster. There the run that tries again dies too."""
STORED_ONCE = "pages/hourly_details"
"""What is made once. Other things that a run did not report are reported when they are made again the next night."""

PLACES = (
    Place(BEFORE_REPORTING, STORED_ONCE, 1, STORED_ONCE),
    Place(BEFORE_REPORTING, "", 2),
    Place("genesys_assets.lake.delta:DeltaLog.commit", "", 3),
    Place("deltalake:DeltaTable.create_write_transaction", "", 3),
    Place("genesys_assets.lake.store:_LocalDraft.publish", "", 6),
    Place("genesys_assets.lake.writers:PageWriter.write", "pages/", 2),
    Place("genesys_assets.lake.writers:TableWriter.write", "tables/", 12),
    Place("genesys_assets.cloud.http.transport:GenesysCloud._send", "pages/", 6),
    Place("genesys_assets.cloud.jobs.run:submit", "pages/daily_details", 2),
    Place("genesys_assets.publishing.publisher:Publisher.publish", "published/", 8),
    Place("genesys_assets.publishing.publisher:Publisher.publish_manifest", "published/", 1),
)


def may_die(detail: str, assets: Iterable[str]) -> bool:
    """Whether a run that makes these assets reaches the place of a fault."""
    function, _, *of_one = detail.split()
    about = "".join(of_one)
    makes = about or next(place.makes for place in PLACES if place.function == function and not place.about)
    return any(asset.startswith(makes) for asset in assets)
