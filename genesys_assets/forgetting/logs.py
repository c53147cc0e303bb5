"""Traces of people outside data files: statistics in the logs of tables, and notes about imported files.

This project writes no least and greatest values into a log. Whoever else writes or compacts a table of the lake with
Delta Lake does, and checkpoints repeat them. Texts among them are taken out of every entry of a log in whose table
somebody stands; numbers and the count of rows stay, and so does the meaning of the log.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from genesys_assets.lake.housekeeping import places
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.log_files import LAST_CHECKPOINT, LOG
from genesys_assets.privacy.forgotten import Forgotten, Kind
from genesys_assets.privacy.scrubbed_answers import stands_in

if TYPE_CHECKING:
    from genesys_assets.forgetting.traces import KnownTraces
    from genesys_assets.forgetting.work import ForgettingResult

_OURS = ("pages", "tables", "reference", "live", "reports")
"""Folders of tables whose partitions are days and hours, and whose commits contain no names."""
_IMPORTS = "imports"
_BOUNDS = ("minValues", "maxValues")
_OF_CHECKPOINTS = ("sizeInBytes", "checksum")
"""Fields of the note about the last checkpoint that describe its bytes, which have changed."""
_IN_PLACE = "forgotten"
_LONGEST_KNOWN = 32
"""The fewest letters of a text that a writer of statistics keeps."""


def scrub_logs(
    lake: Lake,
    who: Forgotten,
    found: KnownTraces,
    report: ForgettingResult,
    affected: Collection[str],
    *,
    dry_run: bool,
) -> None:
    """Take texts out of the statistics of tables in which somebody stands, `affected` and others, and ids, names and
    values out of what is noted of imported files.
    """
    told = _Mentions(who, found)
    every = lake.store.listed("")
    for place in sorted(places(every)):
        keys = [file.key for file in every if file.key.startswith(f"{place}/{LOG}/")]
        bodies = {key: lake.store.get(key) for key in keys if key.endswith((".json", ".parquet"))}
        rewritten = {key: _rewritten(key, body) for key, body in bodies.items() if body is not None}
        is_ours = place.split("/")[0] in _OURS
        if place in affected or any(after.touches(told, also_left=not is_ours) for after in rewritten.values()):
            _put(lake, place, rewritten, told, report, dry_run=dry_run)
    for name in lake.store.names(_IMPORTS):
        _note(lake, f"{_IMPORTS}/{name}", told, report, dry_run=dry_run)


class _Mentions:
    """Whether a text mentions somebody who must be forgotten."""

    def __init__(self, who: Forgotten, found: KnownTraces) -> None:
        self.who = who
        self.words = {**found.names, **dict.fromkeys(found.values, _IN_PLACE)}

    def __call__(self, text: str) -> bool:
        lower = text.lower()
        # A statistic may be the beginning of a text.
        begins = len(lower) >= _LONGEST_KNOWN and any(word.startswith(lower) for word in self.words)
        return begins or self._ids(text) or any(stands_in(word, lower) for word in self.words)

    def _ids(self, text: str) -> bool:
        entries = (entry for entries in self.who.ids_in(text).values() for entry in entries)
        return any(entry.kind is not Kind.CONTACT_CONVERSATION for entry in entries)

    def without(self, text: str) -> str:
        """A text with pseudonyms in place of ids, names and values of somebody who must be forgotten."""
        text = self.who.without_ids(text, self.who.ids_in(text))
        for word, instead in self.words.items():
            at = text.lower().find(word)
            while at >= 0 and stands_in(word, text.lower()):
                text = f"{text[:at]}{instead}{text[at + len(word) :]}"
                at = text.lower().find(word, at + len(instead))
        return text


class _RewrittenFile:
    """A file of a log without texts in its statistics: what was taken out, what is left, and how it is written."""

    def __init__(self, taken_out: Iterable[str], left: Iterable[str], written: Callable[[], bytes]) -> None:
        self.taken_out, self.left, self.written = list(taken_out), list(left), written

    def touches(self, told: _Mentions, *, also_left: bool) -> bool:
        return any(told(text) for text in [*self.taken_out, *(self.left if also_left else ())])


def _rewritten(key: str, body: bytes) -> _RewrittenFile:
    if key.endswith(".parquet"):
        return _checkpoint(body)
    actions = [json.loads(line) for line in body.decode("utf-8", "replace").splitlines() if line.strip()]
    gone = [text for action in actions for text in _strip(action)]
    left = [json.dumps(action, ensure_ascii=False) for action in actions]
    return _RewrittenFile(gone, left, lambda: "".join(f"{line}\n" for line in left).encode())


def _checkpoint(body: bytes) -> _RewrittenFile:
    rows = pq.read_table(pa.BufferReader(body))
    listed = rows.to_pylist()
    gone = [text for row in listed for text in _strip(row)]

    def written() -> bytes:
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(listed, rows.schema), out)
        return out.getvalue()

    return _RewrittenFile(gone, (json.dumps(row, ensure_ascii=False, default=str) for row in listed), written)


def _strip(action: dict[str, Any]) -> list[str]:
    """Take the texts out of an action's statistics; gives them."""
    gone: list[str] = []
    for name in ("add", "remove"):
        of_file = action.get(name)
        if not isinstance(of_file, dict):
            continue
        if of_file.get("stats_parsed") is not None:
            gone += _texts(of_file["stats_parsed"])
            of_file["stats_parsed"] = None
        stats = _parsed(of_file.get("stats"))
        for bound in _BOUNDS:
            if isinstance(stats, dict) and isinstance(stats.get(bound), dict):
                gone += _texts(stats[bound])
                stats[bound] = _without_texts(stats[bound])
        if stats is not None:
            of_file["stats"] = json.dumps(stats, separators=(",", ":"))
    return gone


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
    kept = {name: _without_texts(each) if isinstance(each, dict) else each for name, each in value.items()}
    return {name: each for name, each in kept.items() if not isinstance(each, str)}


def _put(
    lake: Lake,
    place: str,
    rewritten: dict[str, _RewrittenFile],
    told: _Mentions,
    report: ForgettingResult,
    *,
    dry_run: bool,
) -> None:
    changed = {key: after for key, after in rewritten.items() if after.taken_out}
    for key, after in changed.items():
        report.statistics[place] += 1
        if not dry_run:
            lake.store.put(key, after.written())
    if any(key.endswith(".parquet") for key in changed) and not dry_run:
        _forget_size(lake, f"{place}/{LOG}/{LAST_CHECKPOINT}")
    for key, after in rewritten.items():
        if any(told(text) for text in after.left):
            report.problems[key] = (
                "The log of this table names somebody who must be forgotten outside of statistics: in the folder of "
                "a partition, or in what its writer noted. Write the table again without that, and remove the "
                "old one."
            )


def _forget_size(lake: Lake, key: str) -> None:
    body = lake.store.get(key)
    if body is not None:
        said = json.loads(body)
        lake.store.put(key, json.dumps({name: said[name] for name in said if name not in _OF_CHECKPOINTS}).encode())


def _note(lake: Lake, key: str, told: _Mentions, report: ForgettingResult, *, dry_run: bool) -> None:
    """A note says what a file is called, and why something of it was left out."""
    body = lake.store.get(key)
    if body is None:
        return
    note = json.loads(body)
    after = _mapped(note, told.without)
    if after != note:
        report.statistics[_IMPORTS] += 1
        if not dry_run:
            lake.store.put(key, json.dumps(after).encode())


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return {name: _mapped(each, change) for name, each in value.items()} if isinstance(value, dict) else value
