"""The result of a benchmark: as a table on the screen and as JSON in `benchmarks/results/`."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tabulate import tabulate

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("genesys_assets", "dagster", "pandas", "pyarrow", "requests", "numpy")


@dataclass(frozen=True, slots=True)
class Target:
    """A figure to aim at, and the one measured. A missed target is no failure, but the README should mention it."""

    measure: str
    reached: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        above = self.at_least is None or self.reached >= self.at_least
        return above and (self.at_most is None or self.reached <= self.at_most)

    def row(self) -> dict[str, Any]:
        wanted = f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"
        return {
            "target": self.measure,
            "wanted": wanted,
            "reached": f"{self.reached:g}",
            "": "" if self.is_met else "missed",
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one benchmark: `sizes` it ran with, `rows` of a table, single `figures` worth keeping, `targets`,
    and the `versions` of what ran beside the package.

    `as_it_should` is False where a figure breaks a promise of the package, or sides disagree about the data. `remark`
    then says which.
    """

    name: str
    sizes: dict[str, Any]
    rows: list[dict[str, Any]]
    figures: dict[str, Any]
    targets: list[Target] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    as_it_should: bool = True
    remark: str = ""


def show(result: Result) -> str:
    """The result as text."""
    sizes = ", ".join(f"{name} {value:,}" for name, value in result.sizes.items())
    parts = [
        f"\n{result.name}: {sizes}",
        tabulate(result.rows, headers="keys", tablefmt="github", floatfmt=",.2f", intfmt=",", missingval=""),
        "\n".join(f"{name}: {value}" for name, value in result.figures.items()),
        tabulate([target.row() for target in result.targets], headers="keys", tablefmt="github", disable_numparse=True),
        result.remark,
    ]
    return "\n\n".join(part for part in parts if part)


def store(result: Result) -> Path:
    """Writes the result with the versions and the number of CPUs; nothing that names the machine."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{result.name}.json"
    content = {
        "benchmark": result.name,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "versions": {package: version(package) for package in _PACKAGES} | result.versions,
        "sizes": result.sizes,
        "rows": result.rows,
        "figures": result.figures,
        "targets": [asdict(target) | {"is_met": target.is_met} for target in result.targets],
        "as_it_should": result.as_it_should,
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
