"""The generated pages: none is stale, and each has everything that it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesys_assets import settings
from genesys_assets.settings.group import Group
from genesys_assets_tests.generated import __main__ as command
from genesys_assets_tests.generated import errors_page, pages, settings_page
from genesys_assets_tests.generated.advice import ADVICE
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


def test_every_named_error_has_a_docstring_and_advice() -> None:
    errors = errors_page.named_errors()

    assert len(errors) > 50
    assert [error.key for error in errors if not error.docstring] == []
    assert {error.key for error in errors} == set(ADVICE)


def test_the_tree_shows_each_error_below_the_one_it_extends(tmp_path: Path) -> None:
    (tmp_path / "lake.py").write_text(
        'class Gone(FileNotFoundError):\n    """A file is gone."""\n\nclass Lost(Gone):\n    """For good."""\n'
        "\nclass _Inner(Exception): ...\n\nclass NoError: ...\n"
    )

    errors = errors_page.named_errors(tmp_path)
    assert [error.key for error in errors] == ["lake.Gone", "lake.Lost"]
    assert [line.split() for line in errors_page.tree(errors)] == [
        ["FileNotFoundError"],
        ["└──", "Gone", "lake.py"],
        ["└──", "Lost"],
    ]
