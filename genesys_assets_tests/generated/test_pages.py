"""The pages made from the code: none is stale, and each holds all that it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets import settings
from genesys_assets.settings.group import Group
from genesys_assets_tests.generated import __main__ as command
from genesys_assets_tests.generated import pages, settings_page
from genesys_assets_tests.generated.pages import DOCS, PAGES, stale


def test_no_page_is_stale() -> None:
    assert stale() == [], "run `make docs`, and commit what it wrote"


def test_a_stale_page_is_named_by_the_check_and_written_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "tables.md"
    page.write_text("what it was\n")
    monkeypatch.setattr(pages, "PAGES", {page: lambda: "what it is\n"})
    monkeypatch.setattr(command, "PAGES", pages.PAGES)

    assert command.main(["--check"]) == 1
    assert f"{page} is stale: run `make docs`" in capsys.readouterr().err
    assert page.read_text() == "what it was\n"

    assert command.main([]) == 0
    assert page.read_text() == "what it is\n"
    assert command.main(["--check"]) == 0


def test_the_page_of_settings_has_every_setting_once() -> None:
    exported = [each for each in vars(settings).values() if isinstance(each, type) and issubclass(each, Group)]
    variables = {f"| `{field.validation_alias}` |" for group in exported for field in group.model_fields.values()}

    page = PAGES[DOCS / "settings.md"]()
    assert {variable: page.count(variable) for variable in variables} == dict.fromkeys(variables, 1)
    assert {group for module in settings_page.MODULES for group in settings_page.groups(module)} == set(exported)
