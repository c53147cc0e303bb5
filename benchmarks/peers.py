"""Sides and rounds: the programs that are measured. Each runs in a process of its own, and they work in turn.

A peer gets a venv of its own, made by uv on first use under `.bench/venvs` and kept. What the programs do: `sides`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
"""Where programs are started, so that Python finds this project's packages."""
SIDES = Path(__file__).parent / "sides"
VENVS = ROOT / ".bench" / "venvs"

REQUIREMENTS = {
    "pandas": ("pandas>=3.0", "pyarrow>=22.0"),
    "official_sdk": ("PureCloudPlatformClientV2>=269", "pyarrow>=22.0"),
    "orjson": ("orjson>=3.11", "pyarrow>=22.0"),
    "duckdb": ("duckdb>=1.4",),
    "polars": ("polars>=1.30",),
    "dlt": ("dlt[parquet]>=1.15",),
}
"""What is in each venv: the newest that the package index has, but nothing older."""


@dataclass(frozen=True, slots=True)
class Side:
    """One program that is measured: its name in the table, its module in `sides`, and its venv; ours uses the
    project's."""

    name: str
    program: str
    venv: str | None = None

    def command(self, *arguments: str | Path) -> list[str]:
        given = [str(argument) for argument in arguments]
        if self.venv is None:
            return [sys.executable, "-m", f"benchmarks.sides.{self.program}", *given]
        return [str(python_of(self.venv)), str(SIDES / f"{self.program}.py"), *given]


def python_of(venv: str) -> Path:
    """The interpreter of a peer's venv. The venv is made if it does not exist or was made for other packages."""
    folder, wanted = VENVS / venv, "\n".join(REQUIREMENTS[venv])
    made, python = folder / "requirements", folder / "bin" / "python"
    if not made.exists() or made.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([_uv(), "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [_uv(), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*install, *REQUIREMENTS[venv]], check=True)
        made.write_text(wanted)
    return python


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise SystemExit("uv is needed to make the venvs of peers: pip install uv.")
    return found


@dataclass(slots=True)
class Running:
    """A running side, which waits for commands on stdin; see `sides.rounds`."""

    side: Side
    process: subprocess.Popen[str]
    versions: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    reported: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def round(self, word: str) -> None:
        """Lets it do one piece of work, and keeps how long that took."""
        answer = self.ask(word)
        self.seconds.setdefault(word, []).append(answer["seconds"])
        self.cpu.setdefault(word, []).append(answer["cpu"])
        if answer["reported"] is not None:
            self.reported.setdefault(word, []).append(answer["reported"])

    def median(self, word: str) -> float:
        return median(self.seconds[word])

    def median_cpu(self, word: str) -> float:
        return median(self.cpu[word])

    def ask(self, word: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.side.name} ended with {self.process.wait()} instead of an answer.")
        answered: dict[str, Any] = json.loads(line)
        return answered


@contextmanager
def running(sides: Mapping[Side, Sequence[str | Path]]) -> Iterator[list[Running]]:
    """All sides, started with their arguments and ready; they end with the block."""
    commands = {side: side.command(*arguments) for side, arguments in sides.items()}
    with ExitStack() as stack:
        started = []
        for side, command in commands.items():
            process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.enter_context(process)  # closes its stdin, which ends it, and waits for it
            started.append(Running(side, process))
        for one in started:
            one.versions = one.answer()["versions"]
        yield started


def interleaved(sides: Sequence[Running], word: str, repeats: int) -> None:
    """Every side does that piece of work `repeats` times, in turn."""
    for _ in range(repeats):
        for side in sides:
            side.round(word)


def agreed(sides: Sequence[Running]) -> tuple[Any, list[str]]:
    """The facts of the first side, and one line for each fact in which another differs."""
    expected, *others = (side.ask("facts")["facts"] for side in sides)
    wrong = [
        f"{side.side.name} has {name} {facts.get(name)!r}, {sides[0].side.name} {expected[name]!r}."
        for side, facts in zip(sides[1:], others, strict=True)
        for name in expected
        if facts.get(name) != expected[name]
    ]
    return expected, wrong


def versions(sides: Sequence[Running]) -> dict[str, str]:
    return {name: version for side in sides for name, version in side.versions.items()}
