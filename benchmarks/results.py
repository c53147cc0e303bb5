"""What a benchmark found: as a table on the screen and as JSON in `benchmarks/results/`."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("genesys_assets", "dagster", "pandas", "pyarrow", "requests", "numpy")


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one benchmark: `sizes` it ran with, `rows` of a table, and single `figures` worth keeping.

    `as_it_should` is False where a figure breaks a promise of the package; `remark` then says which.
    """

    name: str
    sizes: dict[str, Any]
    rows: list[dict[str, Any]]
    figures: dict[str, Any]
    as_it_should: bool = True
    remark: str = ""


def show(result: Result) -> str:
    """The result as text."""
    sizes = ", ".join(f"{name} {value:,}" for name, value in result.sizes.items())
    parts = [
        f"\n{result.name}: {sizes}",
        tabulate(result.rows, headers="keys", floatfmt=",.2f", intfmt=",", missingval=""),
        "\n".join(f"{name}: {value}" for name, value in result.figures.items()),
        result.remark,
    ]
    return "\n\n".join(part for part in parts if part)


def store(result: Result) -> Path:
    """Writes the result, and with which versions and how many CPUs it came about; nothing that names the machine."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{result.name}.json"
    content = {
        "benchmark": result.name,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "versions": {package: version(package) for package in _PACKAGES},
        "sizes": result.sizes,
        "rows": result.rows,
        "figures": result.figures,
        "as_it_should": result.as_it_should,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path
