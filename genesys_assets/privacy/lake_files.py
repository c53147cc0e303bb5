"""Protects personal data in files of the data lake extraction, and removes forgotten people from them.

A known column of a file has the class of a column of our tables: see `KnownColumn`. An unknown column may hold personal
data of any class, so it is dropped unless all classes are kept, like unknown fields of answers. A name or an address
may belong to an agent or a customer, so the stricter of both actions counts. If every class is kept and nobody in a
file must be forgotten, its bytes stay unchanged.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import DETAILS_PAGES, CannotDrop, Members, Rule, Value, rule_of
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.privacy.scrubbed_answers import ScrubbedAnswer
from genesys_assets.privacy.scrubbed_rows import Traces
from genesys_assets.privacy.scrubbed_rows import scrubbed as scrubbed_rows
from genesys_assets.settings import DataLakeSettings
from genesys_assets.tables.data_lake.decode import open_parquet, read_rows
from genesys_assets.tables.data_lake.schemas import ATTRIBUTES, SCHEMAS, KnownColumn, Names
from genesys_assets.tables.personal import class_of

PLACE = "pages/lake_files"
_ALL: Mapping[str, KnownColumn] = {name: known for schema in SCHEMAS.values() for name, known in schema.columns.items()}
_UNKNOWN = "unknown column "


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a file: its name in our tables, and its possible classes of personal data."""

    name: str
    classes: tuple[PersonalData, ...]
    identifies_rows: bool = False
    is_known: bool = True


def schema_of(request: str) -> str:
    """The schema of a stored file, from the request of its page."""
    return str(json.loads(request)["params"]["dataSchema"])


def protected(schema: str, body: bytes, protection: Protection, dropped: Counter[str] | None = None) -> bytes:
    """A file with its personal data kept, hashed or dropped. `dropped` counts the rows of each unknown column.

    Raises UnreadableFile, CannotDrop.
    """
    rows, columns = _read(schema, body)
    for name, column in columns.items():
        action, index = protection.strictest(column.classes), rows.schema.get_field_index(name)
        if not column.is_known:
            action = "drop"
            if dropped is not None:
                dropped[f"{schema}.{name}"] += len(rows)
        if action == "drop" and column.identifies_rows:
            if not protection.key:
                raise CannotDrop(
                    f"{name} of {schema} identifies rows and holds {column.classes[0]} data, which "
                    "GENESYS_ASSETS_PERSONAL_DATA drops. Set GENESYS_ASSETS_PERSONAL_DATA_KEY, so that it is hashed."
                )
            action = "hash"
        if action == "drop":
            rows = rows.remove_column(index)
        elif action == "hash":
            rows = rows.set_column(index, name, _hashed(rows[name], protection))
    return _written(rows)


def scrubbed(
    schema: str, body: bytes, who: ForgottenIds, names: Mapping[str, str] | None = None
) -> ScrubbedAnswer | None:
    """A file without those who must be forgotten; None if nobody in it must be. `names` are names of users with their
    pseudonyms. Raises UnreadableFile.
    """
    rows, columns = _read(schema, body)
    ours = rows.rename_columns([column.name for column in columns.values()])
    of_contacts = conversations_of_contacts(schema, body, who)
    of_file = who.joined_by(Kind.CONTACT_CONVERSATION, of_contacts, KEEP) if of_contacts else who
    place = "tables/participant_attributes" if schema == ATTRIBUTES else "tables/segments"
    scrubbed_ = scrubbed_rows(place, ours, of_file, Traces(names or {}))
    after = _without_unknown(ours if scrubbed_ is None else scrubbed_, of_file)
    if after is None and scrubbed_ is None:
        return None
    result = scrubbed_ if after is None else after
    assert result is not None
    return ScrubbedAnswer(_written(result.rename_columns(rows.column_names)), _taken_out(ours, who))


def conversations_of_contacts(schema: str, body: bytes, who: ForgottenIds) -> list[str]:
    """The conversations in a file in which a forgotten external contact took part. Raises UnreadableFile."""
    if not who.has(Kind.EXTERNAL_CONTACT):
        return []
    rows, columns = _read(schema, body)
    ours = rows.rename_columns([column.name for column in columns.values()])
    if not {"external_contact_id", "conversation_id"} <= set(ours.column_names):
        return []
    contacts = [id_ for id_ in _texts(ours, "external_contact_id") if who.entry(id_, Kind.EXTERNAL_CONTACT)]
    of_contacts = ours.filter(pc.is_in(ours["external_contact_id"], value_set=pa.array(contacts, pa.string())))
    return _texts(of_contacts, "conversation_id")


def _without_unknown(rows: pa.Table, who: ForgottenIds) -> pa.Table | None:
    """The rows with null in unknown columns of conversations of forgotten contacts, because unknown columns count as
    content. None if nothing changes.
    """
    unknown = [name for name in rows.column_names if name.startswith(_UNKNOWN)]
    if not unknown or "conversation_id" not in rows.column_names:
        return None
    marked = [id_ for id_ in _texts(rows, "conversation_id") if who.entry(id_, Kind.CONTACT_CONVERSATION)]
    if not marked:
        return None
    where = pc.is_in(rows["conversation_id"], value_set=pa.array(marked, pa.string()))
    after = rows
    for name in unknown:
        index, field = rows.schema.get_field_index(name), rows.schema.field(name)
        after = after.set_column(index, field, pc.if_else(where, pa.scalar(None, field.type), rows[name]))
    return None if after.equals(rows) else after


def _taken_out(rows: pa.Table, who: ForgottenIds) -> frozenset[str]:
    if "conversation_id" not in rows.column_names:
        return frozenset()
    entries = (who.entry(id_, Kind.CONVERSATION) for id_ in _texts(rows, "conversation_id"))
    return frozenset(entry.pseudonym for entry in entries if entry)


def _texts(rows: pa.Table, name: str) -> list[str]:
    return [text for text in pc.unique(rows[name]).to_pylist() if isinstance(text, str)]


def _read(schema: str, body: bytes) -> tuple[pa.Table, dict[str, _Column]]:
    """The rows of a file, with texts as plain strings, and each column by its name in the file."""
    rows = read_rows(schema, open_parquet(schema, body))
    for index, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type) or pa.types.is_large_string(field.type):
            rows = rows.set_column(index, field.name, rows.column(index).cast(pa.string()))
    names = Names.parse(DataLakeSettings.load().columns)
    return rows.replace_schema_metadata(None), {name: _column(schema, name, names) for name in rows.column_names}


def _column(schema: str, name: str, names: Names) -> _Column:
    of = SCHEMAS.get(schema)
    wire = names.of(of, name) if of else name
    known = (of.columns if of else _ALL).get(wire)
    if known is None:
        return _Column(f"{_UNKNOWN}{name}", (PersonalData.CONTENT,), is_known=False)
    class_ = class_of(known.table, known.column)
    if class_ is PersonalData.CONTACT and wire in _either():
        return _Column(known.column, (PersonalData.PERSON, PersonalData.CONTACT))
    return _Column(known.column, (class_,), class_ is PersonalData.PERSON and wire.endswith(("Id", "Ids")))


@cache
def _either() -> frozenset[str]:
    """The fields of conversations that hold names and addresses of customers or of agents."""
    return frozenset(_whose(rule_of(DETAILS_PAGES[0])))


def _whose(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Members):
        for name, of_field in rule.known.items():
            if isinstance(of_field, Value) and of_field.whose is not None:
                yield name
            yield from _whose(of_field)


def _hashed(values: pa.ChunkedArray, protection: Protection) -> pa.Array:
    """The hash of every text; of a value that is neither a text nor a list of texts, the hash of its JSON."""
    column = values.combine_chunks()
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        hashed = _hashed(pa.chunked_array([column.values]), protection)
        return pa.ListArray.from_arrays(column.offsets, hashed, mask=column.is_null())
    if not pa.types.is_string(column.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
        column = pa.array(texts, pa.string())
    encoded = column.dictionary_encode()
    hashes = [None if text is None else protection.hashed(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(hashes, pa.string()).take(encoded.indices)


def _written(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="snappy")
    return sink.getvalue()
