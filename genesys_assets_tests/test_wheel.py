"""The wheel: built, installed in a virtual environment elsewhere, and used outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from genesys_assets_tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.long
REPOSITORY = Path(__file__).parents[1]
_NOT_BUILT = {"__pycache__"}
_LOAD = """
import warnings
warnings.simplefilter("error")
import dagster as dg
import genesys_assets
from genesys_assets.definitions import build_definitions
from genesys_assets.reports.language.schema import FILE
definitions = build_definitions()
dg.Definitions.validate_loadable(definitions)
assert FILE.is_file()
assert list(definitions.resolve_all_asset_specs())
print(genesys_assets.__file__)
"""


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GENESYS_", "PYTHON"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the build backend of pyproject.toml; skips the test if that is not available."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).with_name("uv")
    if not uv.is_file():
        pytest.skip("uv is not installed beside Python: make test installs it")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "builder", folder=folder)
    python = folder / "builder/bin/python"
    had = run(uv, "pip", "install", "--quiet", "--python", python, "hatchling>=1.27", folder=folder)
    if had.returncode:
        pytest.skip(f"hatchling, which builds the wheel, cannot be installed here: {had.stderr.strip()[-300:]}")
    built = run(
        *(uv, "build", "--wheel", "--quiet", "--no-build-isolation", "--python", python),
        *("--out-dir", folder / "dist", REPOSITORY),
        folder=folder,
    )
    assert built.returncode == 0, built.stderr
    (file,) = (folder / "dist").glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a virtual environment with the wheel, and with the dependencies of the tests."""
    folder = tmp_path_factory.mktemp("elsewhere")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder / "venv", folder=folder)
    python = folder / "venv/bin/python"
    done = run(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel, folder=folder)
    assert done.returncode == 0, done.stderr
    packages = next((folder / "venv/lib").glob("python3*/site-packages"))
    # Files *.pth in there are not read again, so no import path leads back to the checkout.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "venv/bin"


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    package = REPOSITORY / "genesys_assets"
    files = (path for path in package.rglob("*") if path.is_file() and _NOT_BUILT.isdisjoint(path.parts))
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("genesys_assets/")}
    assert held == {f"{path.relative_to(REPOSITORY)}" for path in files}


def test_its_command_and_its_definitions_work_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    told = run(installed / "genesys-assets", "--help", folder=tmp_path)
    assert (told.returncode, "preflight" in told.stdout) == (0, True), told.stdout + told.stderr
    loaded = run(installed / "python", "-c", _LOAD, folder=tmp_path)
    assert loaded.returncode == 0, loaded.stderr
    assert Path(loaded.stdout.strip()).is_relative_to(installed.parent)
