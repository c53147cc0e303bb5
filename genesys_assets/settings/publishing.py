"""Reports of your own, and where and how reports are published."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from genesys_assets.settings.group import Group, checked_place, setting


class ReportSettings(Group):
    """The file of reports of your own."""

    reports: Path | None = setting(
        "GENESYS_ASSETS_REPORTS",
        "File of reports of your own. Not set: reports.yaml beside dagster.yaml, if there is one.",
        "/etc/genesys/reports.yaml",
        see="reports.md",
        default=None,
    )
    dagster_home: Path | None = setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def file(self) -> Path | None:
        """The file of the setting, whether it exists or not; else reports.yaml beside dagster.yaml, if it exists."""
        beside = (self.dagster_home or Path.cwd()) / "reports.yaml"
        return self.reports or (beside if beside.is_file() else None)


class PublishSettings(Group):
    """Where reports are published and for how long presigned URLs work."""

    publish_url: str = setting(
        "GENESYS_ASSETS_PUBLISH_URL",
        "Where reports are published: s3://bucket/prefix, a folder, or file:///folder. Not set: the folder published "
        "beside dagster.yaml.",
        "s3://my-bucket/published",
        default="",
    )
    url_expiry_seconds: int = setting(
        "GENESYS_ASSETS_URL_EXPIRY_SECONDS",
        "Lifetime of presigned URLs in seconds, 1 to 604800 (7 days).",
        "86400",
        default=86_400,
        ge=1,
        le=604_800,
    )
    dagster_home: Path | None = setting("DAGSTER_HOME", "The folder of dagster.yaml.", "$PWD", default=None)

    @property
    def location(self) -> str:
        """The folder or URL of the setting, else the folder `published` beside dagster.yaml."""
        return self.publish_url or str((self.dagster_home or Path.cwd()) / "published")

    @field_validator("publish_url")
    @classmethod
    def _is_place(cls, value: str) -> str:
        is_s3 = value.startswith("s3://") and value.removeprefix("s3://").split("/")[0]
        if "://" in value and not is_s3 and not value.startswith("file:///"):
            raise ValueError("it must be s3://bucket/prefix or a folder")
        return checked_place(value)


class CsvSettings(Group):
    """How CSV is written. Most people open it in a spreadsheet."""

    formulas: bool = setting(
        "GENESYS_ASSETS_CSV_FORMULAS",
        "Whether a text in CSV may be a formula to a spreadsheet. If not, a text that would be one gets a ' in front.",
        "true",
        see="security.md#published-files",
        default=False,
    )
    bom: bool = setting(
        "GENESYS_ASSETS_CSV_BOM",
        "Whether CSV begins with a byte order mark. Excel needs it to recognise UTF-8.",
        "true",
        default=False,
    )
