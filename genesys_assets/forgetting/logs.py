"""Removes traces of people outside data files: from statistics in the logs of tables, from records of imported files,
and from stored definitions of reports.

This project writes no minimum and maximum values to a log, but others who write or compact a table with Delta Lake do,
and checkpoints repeat them. If a table contains somebody who must be forgotten, all texts are removed from the
statistics in its log. Numbers and row counts stay, and readers see the same table as before.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.importing.records import with_texts as with_texts_of_record
from genesys_assets.lake.housekeeping import list_tables
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_files import LAST_CHECKPOINT, LOG
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.scrubbed_answers import stands_in, without_name
from genesys_assets.reports.stored_definitions import FOLDER as DEFINITIONS
from genesys_assets.reports.stored_definitions import with_texts

if TYPE_CHECKING:
    from genesys_assets.forgetting.traces import KnownTraces
    from genesys_assets.forgetting.work import ForgettingResult

_OURS = ("pages", "tables", "reference", "live", "reports")
"""Folders of tables whose partitions are days and hours, and whose commits contain no names."""
_IMPORTS = "imports"
_ONLY_RECORDS = {
    _IMPORTS: "it is only the record of an import",
    DEFINITIONS: "it is written again when the report is computed",
}
"""The folders of small files that may name somebody, each with the reason why a damaged file may be deleted."""
_BOUNDS = ("minValues", "maxValues")
_OF_CHECKPOINTS = ("sizeInBytes", "checksum")
"""Fields of the file `_last_checkpoint` that describe the bytes of the checkpoint, which have changed."""
_MALFORMED = (ValueError, TypeError, AttributeError, pa.ArrowException, OSError, RecursionError)
"""What reading a damaged JSON or Parquet file raises, also if it is JSON of another shape."""
_LOOKS = 20
"""How often to change a file that others write meanwhile."""
_IN_PLACE = "forgotten"
_SHORTEST_CUT = 32
"""Writers of statistics shorten texts, but to no fewer letters than this."""


def scrub_logs(
    lake: Lake,
    who: ForgottenIds,
    found: KnownTraces,
    report: ForgettingResult,
    affected: Collection[str],
    *,
    dry_run: bool,
) -> None:
    """Remove texts from the statistics of tables that contain somebody. Remove ids, names and values of everybody who
    must be forgotten from the records of imported files, and from the stored definitions of reports.

    `affected` are the places of tables that are known to contain somebody. Others are recognised by their logs.
    """
    mentions = _Mentions(who, found)
    every = lake.store.listed("")
    for place in sorted(list_tables(every)):
        keys = [file.key for file in every if file.key.startswith(f"{place}/{LOG}/")]
        bodies = {key: lake.store.get(key) for key in keys if key.endswith((".json", ".parquet"))}
        rewritten: dict[str, _RewrittenFile] = {}
        for key, body in bodies.items():
            try:
                if body is not None:
                    rewritten[key] = _rewritten(key, body)
            except _MALFORMED as error:
                report.problems[key] = (
                    f"It cannot be read, so it is unknown whether it names somebody ({error}). Write the table again, "
                    "remove the old one, then run this again."
                )
        is_ours = place.split("/")[0] in _OURS
        if place in affected or any(
            after.touches(mentions, also_remaining=not is_ours) for after in rewritten.values()
        ):
            _put(lake, place, rewritten, mentions, report, dry_run=dry_run)
    # The other files in these folders (`importing.start_index`) hold only digests of ids.
    for folder, why_deleted in _ONLY_RECORDS.items():
        for name in (name for name in lake.store.names(folder) if name.endswith(".json")):
            try:
                _scrub_record(lake, folder, name, mentions, report, dry_run=dry_run)
            except _MALFORMED as error:
                report.problems[f"{folder}/{name}"] = (
                    f"It cannot be read, so it is unknown whether it names somebody ({error}). Delete it: "
                    f"{why_deleted}. Then run this again."
                )


class _Mentions:
    """Whether a text mentions somebody who must be forgotten."""

    def __init__(self, who: ForgottenIds, found: KnownTraces) -> None:
        self.who = who
        self.words = {**found.names, **dict.fromkeys(found.values, _IN_PLACE)}

    def __call__(self, text: str) -> bool:
        lower = text.lower()
        # A statistic may be the beginning of a text.
        begins = len(lower) >= _SHORTEST_CUT and any(word.startswith(lower) for word in self.words)
        return begins or self._ids(text) or any(stands_in(word, lower) for word in self.words)

    def _ids(self, text: str) -> bool:
        entries = (entry for entries in self.who.ids_in(text).values() for entry in entries)
        return any(entry.kind is not Kind.CONTACT_CONVERSATION for entry in entries)

    def without(self, text: str) -> str:
        """A text with pseudonyms in place of ids, names and values of somebody who must be forgotten."""
        text = self.who.without_ids(text, self.who.ids_in(text))
        for word, instead in self.words.items():
            text = without_name(word, text, instead)
        return text


class _RewrittenFile:
    """A file of a log without texts in its statistics: the removed texts, the remaining lines or rows as JSON, and a
    function that gives the new content of the file.
    """

    def __init__(self, removed: Iterable[str], remaining: Iterable[str], content: Callable[[], bytes]) -> None:
        self.removed, self.remaining, self.content = list(removed), list(remaining), content

    def touches(self, mentions: _Mentions, *, also_remaining: bool) -> bool:
        """Whether a removed text mentions somebody or, with `also_remaining`, a remaining text."""
        return any(mentions(text) for text in [*self.removed, *(self.remaining if also_remaining else ())])


def _rewritten(key: str, body: bytes) -> _RewrittenFile:
    if key.endswith(".parquet"):
        return _checkpoint(body)
    actions = [json.loads(line) for line in body.decode("utf-8", "replace").splitlines() if line.strip()]
    removed = [text for action in actions for text in _strip(action)]
    remaining = [json.dumps(action, ensure_ascii=False) for action in actions]
    return _RewrittenFile(removed, remaining, lambda: "".join(f"{line}\n" for line in remaining).encode())


def _checkpoint(body: bytes) -> _RewrittenFile:
    rows = pq.read_table(pa.BufferReader(body))
    listed = rows.to_pylist()
    removed = [text for row in listed for text in _strip(row)]

    def content() -> bytes:
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(listed, rows.schema), out)
        return out.getvalue()

    return _RewrittenFile(removed, (json.dumps(row, ensure_ascii=False, default=str) for row in listed), content)


def _strip(action: dict[str, Any]) -> list[str]:
    """Remove the texts from the statistics of an action, in place, and return them."""
    removed: list[str] = []
    for name in ("add", "remove"):
        of_file = action.get(name)
        if not isinstance(of_file, dict):
            continue
        if of_file.get("stats_parsed") is not None:
            removed += _texts(of_file["stats_parsed"])
            of_file["stats_parsed"] = None
        stats = _parsed(of_file.get("stats"))
        for bound in _BOUNDS:
            if isinstance(stats, dict) and isinstance(stats.get(bound), dict):
                removed += _texts(stats[bound])
                stats[bound] = _without_texts(stats[bound])
        if stats is not None:
            of_file["stats"] = json.dumps(stats, separators=(",", ":"))
    return removed


def _parsed(stats: object) -> Any:
    try:
        return json.loads(stats) if isinstance(stats, str) else None
    except ValueError:
        return {}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


def _without_texts(value: dict[str, Any]) -> dict[str, Any]:
    bounds = {name: _without_texts(each) if isinstance(each, dict) else each for name, each in value.items()}
    return {name: each for name, each in bounds.items() if not isinstance(each, str)}


def _put(
    lake: Lake,
    place: str,
    rewritten: dict[str, _RewrittenFile],
    mentions: _Mentions,
    report: ForgettingResult,
    *,
    dry_run: bool,
) -> None:
    changed = {key: after for key, after in rewritten.items() if after.removed}
    # This comes first. If the process were killed after it changed a checkpoint, the next run would find no texts
    # there, and would not correct the size.
    if any(key.endswith(".parquet") for key in changed) and not dry_run:
        _forget_size(lake, f"{place}/{LOG}/{LAST_CHECKPOINT}", report)
    for key, after in changed.items():
        report.statistics[place] += 1
        if not dry_run:
            lake.store.put(key, after.content())
    for key, after in rewritten.items():
        if any(mentions(text) for text in after.remaining):
            report.problems[key] = (
                "The log of this table names somebody who must be forgotten outside of statistics: in the folder of "
                "a partition, or in metadata of its writer. Write the table again without that, and remove the "
                "old one."
            )


def _forget_size(lake: Lake, key: str, report: ForgettingResult) -> None:
    body = lake.store.get(key)
    if body is None:
        return
    try:
        fields = dict(json.loads(body))
    except _MALFORMED as error:
        report.problems[key] = (
            f"It cannot be read, so it may state a wrong size of the checkpoint ({error}). Delete it: readers then "
            "list the folder instead."
        )
        return
    lake.store.put(key, json.dumps({name: fields[name] for name in fields if name not in _OF_CHECKPOINTS}).encode())


def _scrub_record(
    lake: Lake, folder: str, name: str, mentions: _Mentions, report: ForgettingResult, *, dry_run: bool
) -> None:
    """Remove everybody from a file: the record of an imported file, which has the file's name and says why something
    of it was left out, or the definition of a report, whose filters have values.
    """
    key = f"{folder}/{name}"
    for _ in range(_LOOKS):
        body = lake.store.get(key)
        record = None if body is None else json.loads(body)
        after = (with_texts if folder == DEFINITIONS else with_texts_of_record)(record, mentions.without)
        if body is None or after == record:
            return
        # Another process may have written the file meanwhile: then its content is changed instead.
        if dry_run or lake.store.replace(key, body, json.dumps(after).encode()):
            report.statistics[folder] += 1
            return
    report.problems[key] = "Others wrote it again and again, so it may still name somebody. Run this again."
