"""The virtual environment of other readers of the lake, which need other versions (`make readers`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("read_with_duckdb.py")


@pytest.fixture(scope="module")
def duckdb_python() -> Path:
    """The Python of the environment with DuckDB's own Delta reader."""
    checkout = Path(__file__).parents[2]
    folder = Path(os.environ.get("GENESYS_ASSETS_READERS_VENV") or checkout / ".venv-readers")
    python = folder / "bin" / "python"
    if not python.exists():
        pytest.skip(f"DuckDB's Delta reader is not installed in {folder}: run `make readers`")
    return python
