"""Another team's project, as `dg` expects it, and `dg` commands as a person types them there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from genesys_assets_tests.patience import PATIENCE_SECONDS

REPOSITORY = Path(__file__).parents[2]
_OURS = ("GENESYS_", "DAGSTER_")


@dataclass(frozen=True)
class Project:
    """The folder of a project, and the folder of its DAGSTER_HOME."""

    folder: Path
    home: Path

    @classmethod
    def made(cls, within: Path) -> Project:
        folder, home = within / "elsewhere", within / "home"
        (folder / "elsewhere" / "defs").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            '[project]\nname = "elsewhere"\nversion = "0.1.0"\n\n[tool.dg]\ndirectory_type = "project"\n\n'
            '[tool.dg.project]\nroot_module = "elsewhere"\n'
        )
        (folder / "elsewhere" / "__init__.py").touch()
        (folder / "elsewhere" / "definitions.py").write_text(
            textwrap.dedent("""\
                from pathlib import Path

                import dagster as dg


                @dg.definitions
                def defs() -> dg.Definitions:
                    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
            """)
        )
        home.mkdir()
        shutil.copy(REPOSITORY / "dagster.yaml", home)
        return cls(folder, home)

    def defs(self, name: str) -> Path:
        return self.folder / "elsewhere" / "defs" / name

    def write(self, name: str, kind: str, *attributes: Mapping[str, Any]) -> Path:
        """Write a folder of defs with these components in one file."""
        self.defs(name).mkdir()
        documents = [{"type": kind, "attributes": dict(each)} for each in attributes]
        file = self.defs(name) / "defs.yaml"
        file.write_text(yaml.safe_dump_all(documents, sort_keys=False))
        return file

    def dg(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        clean |= {"DAGSTER_HOME": str(self.home), "VIRTUAL_ENV": sys.prefix, "NO_COLOR": "1", "COLUMNS": "400"}
        return subprocess.run(
            [sys.executable, "-m", "dagster_dg_cli.cli", *arguments],
            cwd=self.folder,
            env=clean | settings,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
