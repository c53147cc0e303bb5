"""The verdict of each check on a day's figures, stored with a number that identifies the checked rows.

A run of several days gives each day its own verdict. If the stored rows have changed since, the verdict no longer
counts, and the check must run again. `checks` knows what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from genesys_assets.days.completeness import DAILY_DETAILS, EXACT_COUNT, TOTAL_HITS, figures_to_compare
from genesys_assets.days.made_of import number, stored_inputs
from genesys_assets.lake.commit import ConcurrentCommit, TableContended
from genesys_assets.lake.lake import Lake
from genesys_assets.tables.spec import TableSpec, columns

VERDICTS = TableSpec(
    "verdicts",
    "One row per day and check of the day's stored rows.",
    ("day", "table", "check"),
    columns("""
day day the day
table string the table that the check is about
check string the check
passed boolean whether nothing was wrong; null if it could not be judged
is_error boolean whether a failure is an error; false if it is a warning
is_blocking boolean whether nothing may be computed from the day before the check passes
says string what is wrong, or why it could not be judged; null if it passed
looked_at integer identifies the rows that were checked
given_at instant when the check ran
"""),
    partition_column="day",
)
PLACE = f"ops/{VERDICTS.name}"
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check for a day. `passed` is None if it could not be judged. `says` is what is wrong, or why it
    could not be judged; None if it passed.
    """

    table: str
    check: str
    passed: bool | None
    is_error: bool = True
    is_blocking: bool = False
    says: str | None = None

    @property
    def failed(self) -> bool:
        return self.passed is False and self.is_error


def checked_rows(lake: Lake, day: str, places: Iterable[str]) -> int:
    """A number that identifies the stored rows of a day in the tables at these places. With complete days among them,
    also how many conversations the platform reported: that may change although no row does.
    """
    places = sorted(places)
    figures = figures_to_compare(lake, day) if DAILY_DETAILS in places else {}
    rows = (input_._replace(newness=0) for place in places for input_ in stored_inputs(lake, place, [day]))
    return number(rows, *(f"{name} {figures[name]}" for name in (TOTAL_HITS, EXACT_COUNT) if name in figures))


def store_verdicts(lake: Lake, day: str, new: Sequence[Verdict], checked_rows: int, origin: dict[str, Any]) -> None:
    """Stores verdicts on a day, and replaces earlier ones of the same checks. `checked_rows` is the number from
    `checked_rows` for the checked tables. Verdicts that are stored already are not written again.

    Raises TableContended if other processes keep replacing the partition.
    """
    stored = verdicts(lake.refreshed(), day)
    if all(stored.get((each.table, each.check)) == (each, checked_rows) for each in new):
        return
    common = {"day": date.fromisoformat(day), "looked_at": checked_rows, "given_at": datetime.now(UTC)}
    new_rows = [{**common, **asdict(each)} for each in new]
    replaced = {(each.table, each.check) for each in new}
    for _ in range(_TRIES):
        lake = lake.refreshed()
        try:
            with lake.table_writers({PLACE: VERDICTS}, day, origin, builds_on_stored=True) as writing:
                stored_rows = _rows(lake, day)
                others = [row for row in stored_rows if (row["table"], row["check"]) not in replaced]
                all_rows = sorted([*others, *new_rows], key=lambda row: (row["table"], row["check"]))
                writing[PLACE].write(pa.Table.from_pylist(all_rows, VERDICTS.schema))
        except ConcurrentCommit:
            continue
        return
    raise TableContended(f"Other processes replaced {PLACE} of {day} {_TRIES} times in a row. Run the checks again.")


def _rows(lake: Lake, day: str) -> list[dict[str, Any]]:
    """The stored verdicts on a day. Verdicts that can no longer be read count as not given: the checks run again."""
    rows = lake.read_to_build_on(PLACE, day, VERDICTS.schema)
    return [] if rows is None else rows.to_pylist()


def verdicts(lake: Lake, day: str) -> dict[tuple[str, str], tuple[Verdict, int]]:
    """The stored verdicts on a day, by table and check, each with the number of the rows that were checked."""

    def read() -> dict[tuple[str, str], tuple[Verdict, int]]:
        rows = _rows(lake, day)
        stored = [
            (Verdict(**{each.name: row[each.name] for each in fields(Verdict)}), row["looked_at"]) for row in rows
        ]
        return {(verdict.table, verdict.check): (verdict, of) for verdict, of in stored}

    return lake.once("verdicts", PLACE, day, read)


def failing(lake: Lake, day: str) -> list[Verdict]:
    """The failed checks of a day, in the order of table and check. A failure that is only a warning does not count."""
    return [verdict for verdict, _ in verdicts(lake, day).values() if verdict.failed]


def blocking_reason(lake: Lake, days: Iterable[str]) -> str | None:
    """Why nothing may be computed from these days: the first blocking check that fails on one of them. None if none
    does.
    """
    for day in days:
        for verdict in failing(lake, day):
            if verdict.is_blocking:
                return (
                    f"nothing is computed from {day}: the check {verdict.check} of genesys/tables/{verdict.table} "
                    f"fails ({verdict.says}). Read the day again, or accept the difference: set "
                    "GENESYS_ASSETS_RECONCILE_TOLERANCE or GENESYS_ASSETS_RECONCILE_BLOCKING=false, and run the checks "
                    "again."
                )
    return None
