"""`make audit`: known vulnerabilities of everything that is pinned, as pip-audit knows them.

    python -m genesys_assets_tests.audit [command that runs pip-audit]

Packages that it cannot look up, without a network or because the index lacks them, are named as not audited. Exit
codes: 0 all packages were looked up and none is vulnerable, 1 vulnerabilities are known, 3 some packages could not be
looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PINNED = (
    "constraints.txt",
    "genesys_assets/sandbox/swift-constraints.txt",
    "genesys_assets_tests/lake/duckdb-constraints.txt",
    "genesys_assets_tests/lake/moto-constraints.txt",
    "genesys_assets_tests/warehouse/dbt-constraints.txt",
    "deploy/constraints.txt",
)
"""Every file from which something is installed."""
PIP_AUDIT = (str(Path(sys.executable).with_name("uv")), "tool", "run", "--quiet", "pip-audit==2.10.1")
_OPTIONS = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
_TIMEOUT_SECONDS = 600
_NAMED = 10


@dataclass(slots=True)
class Audit:
    """The result for one file: vulnerabilities by package, packages that were not looked up, or why none were."""

    file: str
    packages: int = 0
    vulnerable: dict[str, list[str]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: str | None = None

    @property
    def lines(self) -> Iterator[str]:
        if self.failed is not None:
            yield f"{self.file}: NOT AUDITED: {self.failed}"
            return
        looked_up = self.packages - len(self.skipped)
        yield f"{self.file}: {looked_up} of {self.packages} packages looked up, {len(self.vulnerable)} vulnerable"
        for name, known in self.vulnerable.items():
            yield f"  {name}: {', '.join(known)}"
        if self.skipped:
            more = f" and {len(self.skipped) - _NAMED} more" if len(self.skipped) > _NAMED else ""
            yield f"  NOT AUDITED: {', '.join(self.skipped[:_NAMED])}{more}"


def audit(file: str, pip_audit: Sequence[str] = PIP_AUDIT) -> Audit:
    """Looks up the packages of one file."""
    found = Audit(file)
    command = [*pip_audit, *_OPTIONS, "--requirement", str(REPOSITORY / file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired) as error:
        found.failed = f"pip-audit cannot be run ({error})"
    except (ValueError, KeyError, TypeError):
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        found.failed = f"pip-audit gave no result (exit code {done.returncode}): {said[-1]}"
    else:
        found.packages = len(dependencies)
        for each in dependencies:
            name = f"{each['name']} {each.get('version', '')}".strip()
            if "skip_reason" in each:
                found.skipped.append(name)
            elif each.get("vulns"):
                found.vulnerable[name] = [str(known["id"]) for known in each["vulns"]]
    return found


def main(pip_audit: Sequence[str] = PIP_AUDIT) -> int:
    audits = [audit(file, pip_audit) for file in PINNED]
    print("\n".join(line for each in audits for line in each.lines))
    if any(each.vulnerable for each in audits):
        return 1
    return 3 if any(each.skipped or each.failed for each in audits) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or PIP_AUDIT))
