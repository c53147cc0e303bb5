"""The manifest of a day: which files are published, what is missing and why, and how far the day is known.

Files are uploaded under new names, the manifest is replaced last. So a reader sees either the whole old day or the
whole new one. `publisher` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

Headline = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One published file; `rows` is None for a page. `url` is the URL for a person: on S3 a presigned one, which
    anybody who has it can read until `expires_at`; in a folder a file:// URL that does not expire.
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
    stored partitions that the day was made of, each with the identity of its content. If the lake's content
    differs, the day is stale.
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
        """Whether a reader of both learns the same of the day: its pages and URLs may differ, no figure does."""
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
        """The manifest in a file, also in one that was written before days had `missing`. Raises ValueError."""
        try:
            stated = json.loads(body)
            through = stated["data_available_through"]
            return cls(
                date=date.fromisoformat(stated["date"]),
                generated_at=datetime.fromisoformat(stated["generated_at"]),
                run_id=stated["run_id"],
                data_available_through=through and datetime.fromisoformat(through),
                is_complete=stated["is_complete"],
                failing_checks=tuple(FailingCheck(**each) for each in stated.get("failing_checks", ())),
                missing={each["report"]: each["reason"] for each in stated.get("missing", ())},
                headline=stated.get("headline"),
                bucket=stated.get("bucket"),
                files=tuple(_file(each) for each in stated["files"]),
                made_of=stated.get("made_of", {}),
            )
        except (KeyError, TypeError, AttributeError) as wrong:
            raise ValueError(f"{type(wrong).__name__}: {wrong}") from wrong


_FIELDS = ("report", "format", "key", "rows", "bytes", "sha256", "url")


def _entry(file: PublishedFile) -> dict[str, Any]:
    until = file.expires_at and _moment(file.expires_at)
    return {name: getattr(file, name) for name in _FIELDS} | {"expires_at": until}


def _file(entry: Mapping[str, Any]) -> PublishedFile:
    until = entry["expires_at"]
    return PublishedFile(**{name: entry[name] for name in _FIELDS}, expires_at=until and datetime.fromisoformat(until))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
