"""Made-up reports and manifests, and functions that read published files as people do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import requests

from genesys_assets.publishing.manifest import Manifest
from genesys_assets_tests.patience import PATIENCE_SECONDS

DAY = date(2026, 1, 31)
TABLE = pa.table({"user_name": ["Ana, née B.", None, "🌊"], "conversation_count": [1, 2, 3]})


def body_of(url: str) -> bytes:
    """The content behind a URL: presigned, or of a file."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path)).read_bytes()
    answer = requests.get(url, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.status_code
    return answer.content


def status_of(url: str) -> int:
    return requests.get(url, timeout=PATIENCE_SECONDS).status_code


def a_manifest(**more: Any) -> Manifest:
    return Manifest(**{"date": DAY, "generated_at": datetime(2026, 2, 1, 2, 30, tzinfo=UTC), "run_id": "a-run", **more})
