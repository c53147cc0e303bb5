"""All installed packages are pinned by hash, and audited where possible. The package never executes data that it
reads."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genesys_assets_tests import audit
from genesys_assets_tests.audit import PINNED, REPOSITORY

PACKAGE = REPOSITORY / "genesys_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
_PIN = re.compile(r"^[A-Za-z0-9_.-]+(\[[\w,]+\])?==[^\s\\]+( ; [^\\]+)? \\$")


@pytest.mark.parametrize("file", PINNED)
def test_everything_that_is_installed_is_pinned_by_its_hash(file: str) -> None:
    pins = re.split(r"(?<!\\)\n", (REPOSITORY / file).read_text().strip())
    assert len(pins) > 1
    for pin in pins:
        first, *hashes = pin.split("\n")
        assert _PIN.match(first), first
        assert hashes
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), first


@pytest.mark.parametrize("file", PINNED)
def test_no_pin_names_where_it_comes_from(file: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links| @ ", (REPOSITORY / file).read_text())


def test_every_file_of_pins_is_audited_and_installed_with_its_hashes() -> None:
    patterns = ("constraints.txt", "deploy/**/*constraints*.txt", "genesys_assets*/**/*constraints*.txt")
    kept = {str(path.relative_to(REPOSITORY)) for pattern in patterns for path in REPOSITORY.glob(pattern)}
    assert kept == {*PINNED}
    installs = [line for line in (REPOSITORY / "Makefile").read_text().splitlines() if "pip install" in line]
    from_files = [line for line in installs if " -r " in line]
    assert {line.split(" -r ")[1] for line in from_files} == {*PINNED}
    assert all("--require-hashes" in line for line in from_files)


# -- make audit --------------------------------------------------------------------------------------------------------


def run(tmp_path: Path, said: str, *, code: int = 0) -> list[str]:
    """Run the audit with a replacement of pip-audit that prints this."""
    script = tmp_path / "pip_audit.py"
    script.write_text(f"import sys\nprint({said!r})\nsys.exit({code})\n")
    return [sys.executable, str(script)]


def audit_output(**packages: list[str] | str) -> str:
    dependencies = [
        {"name": name, "version": "1.0", "vulns": [{"id": id_} for id_ in known]}
        if isinstance(known, list)
        else {"name": name, "skip_reason": known}
        for name, known in packages.items()
    ]
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("said", "code", "exit_code", "line"),
    [
        (audit_output(a=[], b=[]), 0, 0, "constraints.txt: 2 of 2 packages looked up, 0 vulnerable"),
        (audit_output(a=["CVE-1", "CVE-2"], b=[]), 1, 1, "  a 1.0: CVE-1, CVE-2"),
        (audit_output(a=[], b="not found"), 0, 3, "  NOT AUDITED: b"),
        ("", 1, 3, "constraints.txt: NOT AUDITED: pip-audit gave no result (exit code 1): it said nothing"),
        ("no network", 2, 3, "constraints.txt: NOT AUDITED: pip-audit gave no result (exit code 2): no network"),
        ("{}", 0, 3, "constraints.txt: NOT AUDITED: pip-audit gave no result (exit code 0): {}"),
    ],
)
def test_an_audit_says_what_it_knows_and_what_it_could_not_look_up(
    said: str, code: int, exit_code: int, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(run(tmp_path, said, code=code)) == exit_code
    assert line in capsys.readouterr().out.splitlines()


def test_an_audit_that_cannot_be_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main(["/no/such/command"]) == 3
    assert capsys.readouterr().out.count("NOT AUDITED: pip-audit cannot be run") == len(PINNED)


# -- the package runs nothing that it reads ----------------------------------------------------------------------------

FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "code", "codeop"}
FORBIDDEN_CALLS = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), "runs text as code"),
    **dict.fromkeys(("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"), "uses a shell"),
    **dict.fromkeys(("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"), "builds objects from YAML"),
    **dict.fromkeys(("pandas.read_pickle", "pd.read_pickle", "np.load", "numpy.load"), "reads pickles"),
    **dict.fromkeys(("pandas.eval", "pd.eval"), "runs text as code"),
}
SAFE_LOADERS = {"CSafeLoader", "SafeLoader"}
ALLOWED = {"genesys_assets/sandbox/organisation.py": ["imports marshal"]}
"""Of conversations that the sandbox made up and keeps in memory: nothing that came from elsewhere is read by it."""


def findings(source: str) -> list[str]:
    """The places in a module that execute data."""
    return [found for node in ast.walk(ast.parse(source)) for found in _findings(node)]


def _findings(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (f"imports {each.name}" for each in node.names if each.name.split(".")[0] in FORBIDDEN_MODULES)
    elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
        yield f"imports {node.module}"
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name in FORBIDDEN_CALLS:
            yield f"{name} {FORBIDDEN_CALLS[name]}"
        for keyword in node.keywords:
            if keyword.arg == "shell" and ast.unparse(keyword.value) != "False":
                yield f"{name} uses a shell"
            if keyword.arg == "Loader" and ast.unparse(keyword.value).rpartition(".")[2] not in SAFE_LOADERS:
                yield f"{name} builds objects from YAML"
            if keyword.arg == "allow_pickle":
                yield f"{name} reads pickles"
    elif isinstance(node, ast.ClassDef):
        loaders = {ast.unparse(base).rpartition(".")[2] for base in node.bases if "Loader" in ast.unparse(base)}
        if loaders - SAFE_LOADERS and any("yaml" in ast.unparse(base) for base in node.bases):
            yield f"{node.name} is a loader of YAML that is not safe"


def test_no_module_runs_what_it_reads() -> None:
    found = {
        str(path.relative_to(REPOSITORY)): problems for path in MODULES if (problems := findings(path.read_text()))
    }
    assert len(MODULES) > 100
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from cloudpickle import loads",
        "eval(text)",
        "exec(text)",
        "compile(text, 'x', 'eval')",
        "import os\nos.system(text)",
        "subprocess.run(text, shell=True)",
        "subprocess.Popen(text, shell=is_shell)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "yaml.compose(text, Loader=yaml.FullLoader)",
        "np.load(file, allow_pickle=True)",
        "class Mine(yaml.FullLoader): ...",
    ],
)
def test_what_would_run_what_it_reads_is_found(source: str) -> None:
    assert findings(source)


@pytest.mark.parametrize(
    "source",
    ["yaml.safe_load(text)", "subprocess.run([command])", "class Mine(yaml.CSafeLoader): ...", "re.compile(text)"],
)
def test_what_runs_nothing_is_not_found(source: str) -> None:
    assert findings(source) == []
