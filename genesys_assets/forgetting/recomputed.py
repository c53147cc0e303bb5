"""Computes again, or withdraws, each partition of a report that was computed from a partition with somebody in it.

A search cannot find every trace of a person in a report: the value of an attribute is often a common word, and a sum
names nobody. So every report that read a partition with somebody in it is computed again from what remains.

    <lake>/forgotten/affected/<table>@<key>      one file for each such partition, until its reports are made again

These files are written before any partition is rewritten. If the process is killed in between, the next one finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from genesys_assets.lake.audit import AuditFailed
from genesys_assets.lake.column_types import UnstorableColumn
from genesys_assets.lake.delta import UnreadableLog
from genesys_assets.lake.files import Unreadable
from genesys_assets.lake.lake import Lake
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.forgotten import FOLDER
from genesys_assets.reports.engine.compute import compute
from genesys_assets.reports.engine.made_of import made_of, partitions_read
from genesys_assets.reports.engine.stored import NotStored, StoredDay
from genesys_assets.reports.language.formulas import NumberTooLarge
from genesys_assets.reports.language.longer import MOST_DAYS
from genesys_assets.reports.meaning.report import Report
from genesys_assets.reports.stored_definitions import StoredDefinition
from genesys_assets.spans import LONGEST_OPEN_DAYS, days_around
from genesys_assets.tables.conversations.contacts import HORIZONS

Partition = tuple[str, str]
REPORTS = "reports/"
_OF_CUSTOMERS = (PersonalData.CONTACT, PersonalData.CONTENT)
_AFFECTED = f"{FOLDER}/affected"
_CONTENT = b"Reports that read this partition must be made again: somebody was forgotten in it.\n"
_FIRST_DATE = "first_date"
_UNKNOWN = (
    "its definition is unknown: it is neither built in nor in reports.yaml, and the lake has no definition of it that "
    "this version can read. If a component or another code location defines it, materialise it again there: "
    "dg launch --assets 'key:\"genesys/{place}\"' --partition {key}"
)
_LONGEST_MONTH = 31
_CANNOT = (NotStored, NumberTooLarge, AuditFailed, UnstorableColumn, Unreadable, FileNotFoundError)


def affected(lake: Lake) -> set[Partition]:
    """The partitions from which somebody was removed, and whose reports must still be computed again."""
    named = (name.rsplit("/", 1)[-1] for name in lake.store.names(_AFFECTED))
    parts = (name.rpartition("@") for name in named)
    return {(place.replace(".", "/"), key) for place, at, key in parts if at}


def remember_affected(lake: Lake, partitions: Iterable[Partition]) -> None:
    """Store that the reports of these partitions must be computed again."""
    for partition in partitions:
        lake.store.put(_file(partition), _CONTENT)


def settle(lake: Lake, partitions: Iterable[Partition]) -> None:
    """Delete the files of these partitions, because their reports were computed again."""
    for partition in partitions:
        lake.store.delete(_file(partition))


def _file(partition: Partition) -> str:
    place, key = partition
    return f"{_AFFECTED}/{place.replace('/', '.')}@{key}"


@dataclass(frozen=True, slots=True)
class Recomputation:
    """How reports are computed: `reports` are those that the command knows, and `stored` has the definitions of others,
    such as components. Each report is computed in the calendar in which it was computed last: that in `stored`, or
    else that of the command. Of any other stored report the definition is unknown.
    """

    reports: Mapping[str, Report] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    start_date: date = date.min
    stored: Mapping[str, StoredDefinition] = field(default_factory=dict)

    def concerned(self, lake: Lake, places: Iterable[str], partitions: set[Partition]) -> list[Partition]:
        """The stored partitions of reports that were computed from these partitions, or may have been."""
        return [
            (place, key)
            for place in places
            if place.startswith(REPORTS) and partitions
            for key in lake.page_partitions(place)
            if self._reads(lake, place, key) & partitions
            or (_may_read(_first_day(lake, place, key), key, partitions) and self._is_unknown(lake, place, key))
        ]

    def _is_unknown(self, lake: Lake, place: str, key: str) -> bool:
        """Whether it is unknown who is in a partition: its definition is unknown, or not the one that it was computed
        by, or it shows personal data of customers and a partition that it was computed from is no longer stored.
        """
        defined = self._definition(place)
        if defined is None or _is_stale(lake, defined, key):
            return True
        report = defined.report
        shows = any(report.spec.personal(column) in _OF_CUSTOMERS for column in report.spec.columns)
        return shows and any(of == key and not lake.has(read, of) for read, of in self._reads(lake, place, key))

    def recompute(self, lake: Lake, place: str, key: str) -> str | None:
        """Compute a partition again, and return None. If that is impossible, withdraw it, and return the reason.

        Raises TableContended.
        """
        defined = self._definition(place)
        why = _UNKNOWN.format(place=place, key=key)
        if defined is not None:
            try:
                _compute(lake, defined, key)
                return None
            except _CANNOT as error:
                why = str(error)
        lake.remove(place, [key])
        return why

    def _reads(self, lake: Lake, place: str, key: str) -> set[Partition]:
        defined = self._definition(place)
        return partitions_read(lake, defined.report, key, defined.zone) if defined else set()

    def _definition(self, place: str) -> StoredDefinition | None:
        name = place.removeprefix(REPORTS)
        stored, report = self.stored.get(name), self.reports.get(name)
        if report is None or stored is None:
            return stored if report is None else StoredDefinition(report, self.zone, self.start_date)
        return replace(stored, report=report)


def _is_stale(lake: Lake, defined: StoredDefinition, day: str) -> bool:
    """Whether a stored partition was computed by another definition or from other inputs. A changed definition is
    stored before the rows of the first day, and other days keep the rows of the old one, which may have read more.
    """
    noted = lake.made_of(f"{REPORTS}{defined.report.name}", day)
    try:
        return noted is not None and noted != made_of(lake, defined.report, day, defined.zone)
    except (Unreadable, UnreadableLog, FileNotFoundError):
        return True


def _compute(lake: Lake, defined: StoredDefinition, day: str) -> None:
    report, zone = defined.report, defined.zone
    place, stored = f"{REPORTS}{report.name}", StoredDay(lake, day, zone, defined.start_date)
    origin = {"run_id": "forget", "source": f"genesys/tables for {day}", "partition": day}
    with lake.table_writers({place: report.spec}, day, origin) as writing:
        writing[place].write(compute(report, stored))
        writing.reach, writing.newness = stored.reach(report), stored.newness
        writing.made_of = {place: made_of(lake, report, day, zone)}


def _first_day(lake: Lake, place: str, key: str) -> str:
    """The first day that a partition of a report is about. A report over several days has it in a column; of one that
    cannot be read, the longest period is assumed.
    """
    try:
        if _FIRST_DATE in lake.schema(place, key).names:
            days = lake.read(place, key, columns=[_FIRST_DATE])[_FIRST_DATE].drop_null().to_pylist()
            return min([key, *map(str, days)])
    except (Unreadable, FileNotFoundError):
        return days_around(key, before=MOST_DAYS - 1, after=0)[0]
    return key


def _may_read(first: str, last: str, partitions: Iterable[Partition]) -> bool:
    """Whether a report about these business days may have read one of the partitions, whatever its definition: for the
    period that it is compared with, for conversations that began long before, for contacts before and after, and
    because business days overlap two UTC days.
    """
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    back, ahead = max(days, _LONGEST_MONTH) + max(LONGEST_OPEN_DAYS, *HORIZONS) + 1, max(HORIZONS) + 1
    begin, end = days_around(first, before=back, after=0)[0], days_around(last, before=0, after=ahead)[-1]
    return any(begin <= key[:10] <= end for _, key in partitions)


def delete_old_files(
    lake: Lake, partitions: Iterable[Partition], now: datetime, in_flight: timedelta, named: Callable[[str], set[str]]
) -> tuple[dict[str, int], dict[str, datetime]]:
    """Delete all files of partitions except the current ones.

    Returns the number of deleted files by table, and the files that stay, because they are younger than `in_flight` and
    a run may be about to commit them: when each was stored, by key. `named` gives the keys that commits of a table have
    named.
    """
    deleted: dict[str, int] = {}
    kept: dict[str, datetime] = {}
    by_place: dict[str, list[str]] = {}
    for place, key in partitions:
        by_place.setdefault(place, []).append(key)
    for place, keys in by_place.items():
        current = {f"{place}/{file.path}" for _, file in lake.log(place).every_file()}
        committed_keys = named(place)
        for file in lake.store.listed(f"{place}/"):
            is_of = any(file.key.startswith(f"{place}/date={key}/") for key in keys)
            if not is_of or not file.key.endswith(".parquet") or file.key in current:
                continue
            if file.key not in committed_keys and now - file.modified < in_flight:
                kept[file.key] = file.modified
                continue
            lake.store.delete(file.key)
            deleted[place] = deleted.get(place, 0) + 1
    return deleted, kept
