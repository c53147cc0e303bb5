"""/api/v2/analytics/dataextraction/downloads: the platform's own Parquet export, and the files behind signed URLs.

This module has the listing, lifetime, bytes and URLs of files. `extraction_rows` makes their rows. There is one file
for each schema and full hour; its id encodes both. After its first download a file stays unchanged, even if its
conversations are changed. A signed URL works for everybody who has it, but not with a token.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from genesys_assets.sandbox import extraction_rows, refusals, validation
from genesys_assets.sandbox.behaviour import Behaviour
from genesys_assets.sandbox.extraction_rows import (
    COLUMNS,
    PRESENCE,
    ROUTING_STATUS,
    UNKNOWN_COLUMN,
    UNKNOWN_SCHEMA,
    Rows,
)
from genesys_assets.sandbox.organisation import Organisation
from genesys_assets.sandbox.timelines import Timelines
from genesys_assets.sandbox.times import DAY, HOUR, SECOND, iso, millis

Item = dict[str, Any]

FILES_PATH = "/datawarehouse-files"
MOST_PER_PAGE = 200
_KEPT_FILES = 2_000
_KEPT_HOURS = 48


class UrlRefused(Exception):
    """A signed URL that does not work; `status` and `code` are those of an object store."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.body = f"<Error><Code>{code}</Code><Message>Request has expired or is not valid</Message></Error>".encode()


@dataclass(frozen=True, slots=True)
class File:
    """A file of one schema, and the start of its hour in ms."""

    schema: str
    hour: int

    @property
    def id(self) -> str:
        return f"{self.hour // HOUR:08x}-{_SCHEMAS.index(self.schema):04x}-4000-8000-{_digits(self):012x}"


_SCHEMAS = (*COLUMNS, UNKNOWN_SCHEMA)


def _digits(file: File) -> int:
    return Random(f"file {file.schema} {file.hour}").getrandbits(48)


@dataclass(slots=True)
class Extraction:
    """All files of an organisation."""

    organisation: Organisation
    behaviour: Behaviour
    timelines: Timelines
    key: bytes = field(default=b"key of the sandbox's signatures", repr=False)
    _hours: OrderedDict[int, Rows] = field(default_factory=OrderedDict, repr=False)
    _files: OrderedDict[tuple[File, bool], bytes] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def schemas(self) -> tuple[str, ...]:
        """The schemas that are switched on for the organisation."""
        enabled = self.behaviour.extraction_schemas
        schemas_ = tuple(COLUMNS) if enabled is None else tuple(enabled)
        return (*schemas_, UNKNOWN_SCHEMA) if self.behaviour.unknown_fields else schemas_

    def listing(self, parameters: dict[str, str], now: int) -> Item:
        size = min(validation.number_parameter(parameters, "pageSize", MOST_PER_PAGE), MOST_PER_PAGE)
        schema = parameters.get("dataSchema")
        if schema is not None and schema not in _SCHEMAS:
            raise refusals.invalid_parameter(schema, "dataSchema", ", ".join(self.schemas))
        start, end = (_instant(parameters, name) for name in ("dateStart", "dateEnd"))
        oldest = now - int(self.behaviour.extraction_retention_days * DAY)
        start = oldest if start is None else max(start, oldest)
        files = self._between(start, now if end is None else min(end, now), schema, now)
        first = _offset(parameters.get("after"))
        listed: Item = {
            "entities": [self._entity(file) for file in files[first : first + size]],
            "enabledDataSchemas": list(self.schemas),
            "selfUri": "/api/v2/analytics/dataextraction/downloads/metadata",
        }
        if first + size < len(files):
            listed["nextUri"] = f"{listed['selfUri']}?after={_cursor(first + size)}&pageSize={size}"
        return listed

    def urls(self, body: Any, base: str, now: int) -> Item:
        """Signed URLs of the requested files; files that do not exist are left out."""
        validation.known_properties(body, ("files",), "DownloadServiceRequest")
        ids = body.get("files")
        if not isinstance(ids, list) or not ids or len(ids) > MOST_PER_PAGE or not all(isinstance(i, str) for i in ids):
            raise refusals.invalid_value(ids, "files", [f"1 to {MOST_PER_PAGE} ids of files"])
        expires = now + int(self.behaviour.extraction_url_seconds * SECOND)
        existing = [file_id for file_id in ids if self._existing(file_id, now) is not None]
        signed = [
            {"id": file_id, "signedUrl": f"{base}{FILES_PATH}/{file_id}?{self._signed(file_id, expires)}"}
            for file_id in existing
        ]
        return {"entities": signed}

    def download(self, file_id: str, parameters: dict[str, str], now: int, *, has_token: bool) -> bytes:
        """The bytes of a file. Raises UrlRefused."""
        if has_token:
            raise UrlRefused(400, "InvalidArgument")
        expires = parameters.get("X-Sandbox-Expires", "")
        if not expires.isdigit() or not hmac.compare_digest(
            parameters.get("X-Sandbox-Signature", ""), self._signature(file_id, int(expires))
        ):
            raise UrlRefused(403, "SignatureDoesNotMatch")
        if int(expires) <= now:
            raise UrlRefused(403, "AccessDenied")
        file = self._existing(file_id, now)
        if file is None:
            raise UrlRefused(404, "NoSuchKey")
        return self.content(file)

    def content(self, file: File) -> bytes:
        """The bytes of a file, the same ones every time."""
        odd = self.behaviour.unknown_fields
        with self._lock:
            if (file, odd) not in self._files:
                self._files[file, odd] = _parquet(file, self._rows(file), odd=odd)
                while len(self._files) > _KEPT_FILES:
                    self._files.popitem(last=False)
            return self._files[file, odd]

    def forget(self) -> None:
        """Forgets files that were downloaded, so that they are made again."""
        with self._lock:
            self._hours.clear()
            self._files.clear()

    def _rows(self, file: File) -> Rows:
        hour, schema = file.hour, file.schema
        if schema in (PRESENCE, ROUTING_STATUS):
            of_organisation = self.organisation.directory.organisation_id
            return {schema: extraction_rows.of_spans(self.timelines, of_organisation, schema, hour)}
        if hour not in self._hours:
            self._hours[hour] = extraction_rows.of_hour(self.organisation, hour)
            while len(self._hours) > _KEPT_HOURS:
                self._hours.popitem(last=False)
        return self._hours[hour]

    def _created(self, file: File) -> int:
        return file.hour + HOUR + int(self.behaviour.extraction_lag_seconds * SECOND)

    def _between(self, start: int, end: int, schema: str | None, now: int) -> list[File]:
        """The files created in [start, end), in that order."""
        lag = int(self.behaviour.extraction_lag_seconds * SECOND)
        first = -((lag + HOUR - start) // HOUR)
        schemas = [each for each in self.schemas if schema in (None, each)]
        files = [File(each, hour * HOUR) for hour in range(first, (end - lag - 1) // HOUR) for each in schemas]
        return [file for file in files if start <= self._created(file) < end and self._created(file) <= now]

    def _existing(self, file_id: str, now: int) -> File | None:
        try:
            hour, index = (int(part, 16) for part in file_id.split("-")[:2])
            file = File(_SCHEMAS[index], hour * HOUR)
        except (ValueError, IndexError):
            return None
        created = self._created(file)
        is_there = created <= now < created + int(self.behaviour.extraction_retention_days * DAY)
        return file if is_there and file.id == file_id and file.schema in self.schemas else None

    def _entity(self, file: File) -> Item:
        created = self._created(file)
        return {
            "id": file.id,
            "dataSchema": file.schema,
            "dateCreated": iso(created),
            "dateExpires": iso(created + int(self.behaviour.extraction_retention_days * DAY)),
        }

    def _signed(self, file_id: str, expires: int) -> str:
        return f"X-Sandbox-Expires={expires}&X-Sandbox-Signature={self._signature(file_id, expires)}"

    def _signature(self, file_id: str, expires: int) -> str:
        return hmac.digest(self.key, f"{file_id} {expires}".encode(), hashlib.sha256).hex()


def _parquet(file: File, rows: Rows, *, odd: bool) -> bytes:
    # Imported here, because only this endpoint needs Arrow, which is slow to load.
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "instant": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "texts": pa.list_(pa.string()),
    }
    columns = COLUMNS.get(file.schema, {"conversationId": "text", "updateTimestamp": "instant"})
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    of_file = rows.get(file.schema, [])
    if file.schema not in COLUMNS:
        of_file = [{name: row[name] for name in columns} for row in rows["conversations"]]
    table = pa.Table.from_pylist(of_file, schema)
    if odd:
        table = table.append_column(UNKNOWN_COLUMN, pa.array(["Grüezi 🌻"] * len(table), pa.string()))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy")
    return sink.getvalue()


def _instant(parameters: dict[str, str], name: str) -> int | None:
    text = parameters.get(name)
    try:
        return None if text is None else millis(text)
    except ValueError:
        raise refusals.invalid_date() from None


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"files {offset}".encode()).decode().rstrip("=")


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        what, _, offset = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        if what == "files":
            return int(offset)
    except (binascii.Error, ValueError):
        pass
    raise refusals.invalid_parameter(cursor, "after", "the cursor of the page before")
