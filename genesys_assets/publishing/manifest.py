"""The manifest of a day: which files are published, what is missing and why, and how far the day is known.

Files are uploaded under new names first, then the manifest is replaced. So a reader sees either the whole old day or
the whole new one. `publisher` writes the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

Headline = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One published file; `rows` is None for a page. `url` is the URL for a person. On S3 it is presigned: anybody who
    has it can read the file until `expires_at`. In a folder it is a file:// URL, in the manifest there a relative one,
    and does not expire.
    """

    report: str
    format: str
    key: str
    rows: int | None
    bytes: int
    sha256: str
    url: str = field(repr=False)
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailingCheck:
    """A check of the day that failed: its name, the table it is about, and what it says."""

    table: str
    check: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is published of a day. `missing` gives the reason for each report that is not published. `made_of` names the
    stored partitions that the day was made of, each with the identity of its content, and the failing checks, each with
    its message. If the lake has other content or other failing checks, the published day is stale.
    """

    date: date
    generated_at: datetime
    run_id: str
    data_available_through: datetime | None = None
    is_complete: bool = False
    failing_checks: tuple[FailingCheck, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    headline: Headline | None = None
    bucket: str | None = None
    files: tuple[PublishedFile, ...] = ()
    made_of: Mapping[str, str] = field(default_factory=dict)

    def file(self, report: str) -> PublishedFile | None:
        """The first file of a report; None if there is none."""
        return next((file for file in self.files if file.report == report), None)

    def says_the_same_as(self, other: Manifest) -> bool:
        """Whether both state the same about the day. Pages and URLs may differ, but no figure."""
        return self._content() == other._content()

    def _content(self) -> tuple[Any, ...]:
        reports = {(file.report, file.format, file.sha256) for file in self.files if file.rows is not None}
        known = (self.data_available_through, self.is_complete, self.failing_checks, dict(self.missing))
        return (self.date, reports, self.headline, *known)

    def as_json(self) -> bytes:
        """The manifest as a file."""
        stated = {
            "date": self.date.isoformat(),
            "generated_at": _moment(self.generated_at),
            "data_available_through": self.data_available_through and _moment(self.data_available_through),
            "is_complete": self.is_complete,
            "failing_checks": [asdict(check) for check in self.failing_checks],
            "missing": [{"report": name, "reason": reason} for name, reason in self.missing.items()],
            "run_id": self.run_id,
            "headline": self.headline,
            "bucket": self.bucket,
            "files": [_entry(file) for file in self.files],
            "made_of": dict(self.made_of),
        }
        return json.dumps(stated, ensure_ascii=False, indent=2).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Parse a manifest, also one of an older version without `missing`. Others may have written to the place, so
        every field is checked. Raises ValueError.
        """
        try:
            stated = _as(dict, json.loads(body, parse_constant=_no_number))
            # A JSON escape may be a lone surrogate (half of a character), which cannot be encoded. This raises a
            # ValueError.
            json.dumps(stated, ensure_ascii=False).encode()
            through, bucket = stated["data_available_through"], stated.get("bucket")
            missing = [_as(dict, each) for each in _as(list, stated.get("missing", []))]
            return cls(
                date=date.fromisoformat(stated["date"]),
                generated_at=_read_moment(stated["generated_at"]),
                run_id=_as(str, stated["run_id"]),
                data_available_through=None if through is None else _read_moment(through),
                is_complete=_as(bool, stated["is_complete"]),
                failing_checks=tuple(FailingCheck(**_texts(each)) for each in stated.get("failing_checks", ())),
                missing={_as(str, each["report"]): _as(str, each["reason"]) for each in missing},
                headline=_headline(stated.get("headline")),
                bucket=None if bucket is None else _as(str, bucket),
                files=tuple(_file(_as(dict, each)) for each in _as(list, stated["files"])),
                made_of=_texts(stated.get("made_of", {})),
            )
        except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as wrong:
            raise ValueError(f"{type(wrong).__name__}: {wrong}") from wrong


_FIELDS = ("report", "format", "key", "rows", "bytes", "sha256", "url")


def _entry(file: PublishedFile) -> dict[str, Any]:
    until = file.expires_at and _moment(file.expires_at)
    return {name: getattr(file, name) for name in _FIELDS} | {"expires_at": until}


def _file(entry: Mapping[str, Any]) -> PublishedFile:
    until, rows, key, url = (entry[name] for name in ("expires_at", "rows", "key", "url"))
    if _as(str, key).startswith("/") or ".." in key.split("/"):
        raise ValueError("the key of a file leads outside of the place")
    if urlsplit(_as(str, url)).scheme not in _SCHEMES:
        raise ValueError("the URL of a file must be relative, or begin with https:, http: or file:")
    return PublishedFile(
        report=_as(str, entry["report"]),
        format=_as(str, entry["format"]),
        key=key,
        rows=None if rows is None else _as(int, rows),
        bytes=_as(int, entry["bytes"]),
        sha256=_as(str, entry["sha256"]),
        url=url,
        expires_at=None if until is None else _read_moment(until),
    )


_SCHEMES = ("https", "http", "file", "")
"""Allowed schemes of URLs. The list of days links to these URLs, and a javascript: URL would run code in the
browser.
"""
_T = TypeVar("_T")


def _as(kind: type[_T], value: Any) -> _T:
    """The value, if JSON has it as that kind. Raises TypeError."""
    if type(value) is not kind:
        raise TypeError(f"a {kind.__name__} was expected, not a {type(value).__name__}")
    return value


def _texts(value: Any) -> dict[str, str]:
    return {name: _as(str, text) for name, text in _as(dict, value).items()}


def _headline(value: Any) -> Headline | None:
    """Figures by name, and under `media` figures of each medium."""
    if value is None:
        return None
    media = _as(dict, value).get("media") or {}
    for figures in ({name: value[name] for name in value if name != "media"}, *_as(dict, media).values()):
        for figure in _as(dict, figures).values():
            if type(figure) not in (int, float, type(None)) or not 0 <= (figure or 0) <= _LARGEST:
                raise TypeError("a figure of the headline is not a number")
    return dict(value)


_LARGEST = 2**63


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _read_moment(text: Any) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return moment.astimezone(UTC)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
