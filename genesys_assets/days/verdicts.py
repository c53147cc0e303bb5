"""The verdict of each check on a day's figures, stored with what was checked.

A run of several days gives each day its own verdict. A verdict on other rows than the stored ones no longer counts: the
check must run again. `checks` knows what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.days.made_of import number, parts
from genesys_assets.lake.commit import Overtaken, TableContended
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.spec import TableSpec, columns

VERDICTS = TableSpec(
    "verdicts",
    "One row per day and check that compares what is stored of the day.",
    ("day", "table", "check"),
    columns("""
day day the day
table string the table that the check is about
check string the check
passed boolean whether nothing was wrong; null where it could not be judged
is_error boolean whether what is wrong is an error, and not a warning
is_blocking boolean whether nothing may be made of the day before it passes
says string what is wrong, or why it could not be judged; null where it passed
looked_at integer identifies the rows that it was given on
given_at instant when
"""),
    partition_column="day",
)
PLACE = f"ops/{VERDICTS.name}"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of a day. `passed` is None where it could not judge, and `says` why."""

    table: str
    check: str
    passed: bool | None
    is_error: bool = True
    is_blocking: bool = False
    says: str | None = None

    @property
    def failed(self) -> bool:
        return self.passed is False and self.is_error


def looked_at(lake: Lake, day: str, places: Iterable[str]) -> int:
    """Identifies the rows of a day in some tables."""
    return number(part._replace(newness=0) for place in sorted(places) for part in parts(lake, place, [day]))


def give(lake: Lake, day: str, given: Sequence[Verdict], rows: int, origin: dict[str, Any]) -> None:
    """Keep verdicts on a day in the place of earlier ones of the same checks. `rows` is what they `looked_at`. Verdicts
    that are known already are not written again.

    Raises TableContended.
    """
    known_now = verdicts(lake.refreshed(), day)
    if all(known_now.get((each.table, each.check)) == (each, rows) for each in given):
        return
    said = {"day": date.fromisoformat(day), "looked_at": rows, "given_at": datetime.now(UTC)}
    new = [{**said, **asdict(each)} for each in given]
    replaced = {(each.table, each.check) for each in given}
    for _ in range(_TRIES):
        lake = lake.refreshed()
        try:
            with lake.table_writers({PLACE: VERDICTS}, day, origin, builds_on_stored=True) as writing:
                known = lake.read(PLACE, day, schema=VERDICTS.schema).to_pylist()
                kept = [row for row in known if (row["table"], row["check"]) not in replaced]
                every = sorted([*kept, *new], key=lambda row: (row["table"], row["check"]))
                writing[PLACE].write(pa.Table.from_pylist(every, VERDICTS.schema))
        except Overtaken:
            continue
        return
    raise TableContended(f"{PLACE} of {day} was replaced by others {_TRIES} times in a row: run the checks again.")


def verdicts(lake: Lake, day: str) -> dict[tuple[str, str], tuple[Verdict, int]]:
    """The kept verdicts on a day by table and check, each with what it looked at."""

    def read() -> dict[tuple[str, str], tuple[Verdict, int]]:
        rows = lake.read(PLACE, day, schema=VERDICTS.schema).to_pylist()
        known = [(Verdict(**{each.name: row[each.name] for each in fields(Verdict)}), row["looked_at"]) for row in rows]
        return {(verdict.table, verdict.check): (verdict, of) for verdict, of in known}

    return lake.once("verdicts", PLACE, day, read)


def failing(lake: Lake, day: str) -> list[Verdict]:
    """The checks that fail on a day, by table and name."""
    return [verdict for verdict, _ in verdicts(lake, day).values() if verdict.failed]


def why_closed(lake: Lake, days: Iterable[str]) -> str | None:
    """Why nothing may be made of some days: a blocking check fails on one of them."""
    for day in days:
        for verdict in failing(lake, day):
            if verdict.is_blocking:
                return (
                    f"nothing is made of {day}, for {verdict.check} of genesys/tables/{verdict.table} fails on it "
                    f"({verdict.says}). Read the day again, or accept the difference: set "
                    "GENESYS_ASSETS_RECONCILE_TOLERANCE or GENESYS_ASSETS_RECONCILE_BLOCKING=false, and run the checks."
                )
    return None
