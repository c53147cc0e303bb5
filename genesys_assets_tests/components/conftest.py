"""An empty project for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets_tests.components.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.made(tmp_path)
