"""The JSON Schema in the package matches the models, and accepts the files that the package accepts."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from genesys_assets.reports.built_in import FILE as BUILT_IN
from genesys_assets.reports.language.schema import FILE, schema_text
from genesys_assets_tests.reports.language.mistakes import MISTAKES

EXAMPLE = Path(__file__).parents[3] / "reports.example.yaml"


def test_the_schema_is_up_to_date() -> None:
    assert FILE.read_text() == schema_text(), "python -m genesys_assets.reports.language.schema"


@pytest.mark.parametrize("path", [BUILT_IN, EXAMPLE], ids=lambda path: path.name)
def test_the_schema_takes_the_files_that_ship(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(FILE.read_text()))


@pytest.mark.parametrize(
    "what", ["the platform's word for a field", "an unknown granularity", "a name with a capital", "an unknown unit"]
)
def test_an_editor_sees_mistakes_of_form(what: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(MISTAKES[what]), json.loads(FILE.read_text()))
