"""Texts that a spreadsheet would compute as formulas are written as text; all others are unchanged."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesys_assets.publishing.csv_text import CsvStyle, is_formula
from genesys_assets.publishing.folder import Folder
from genesys_assets.publishing.place import disposition, key_of_content
from genesys_assets.publishing.report_files import write_report_files

OWASP = (
    *("=1+1", "+1", "-1", "@SUM(1+1)", "\t=1", "\r=1", "\n=1", "=", "+", "-", "@", "\t", "\r", "\n"),
    *('=1+2";=1+2', "=1+2'\" ;,=1+2", '=HYPERLINK("http://127.0.0.1/x","click")', "=cmd|' /C calc'!A0"),
    *("+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", '=DDE("cmd";"/C calc")'),
    *('=IMPORTXML(CONCAT("http://127.0.0.1/?v=",A1),"//a")', "+15550100", "-", "--1", "=-1", "@@", "+=1"),
)
"""https://owasp.org/www-community/attacks/CSV_Injection"""
HIDDEN = (
    *(
        " =1",
        "  +1",
        "\x00=1",
        "\x0b=1",
        "\x0c-1",
        "\xa0=1",
        "\u3000@x",
        "\u200b=1",
        "\u202e=1",
        "\u2066=1",
        "\u180e=1",
        "\u034f=1",
        "\u3164=1",
        "\u2800=1",
        "\U000e0001=1",
        "\u22121",
        "\ufeff=1",
        "\u2003+1",
        " \t\r\n =1",
    ),
    *("\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", " \uff1d1", "\ufe661", "\ufe621", "\ufe631", "\ufe6bSUM(1)"),
)
"""Behind white space and what is not seen, and the full-width and small forms."""
TEXTS = (
    "Müller",
    "Łucja",
    "00123",
    "a=1",
    "1-2",
    "Sales +1",
    "x@example.org",
    "'quoted",
    "",
    " ",
    "(=1)",
    '"=1"',
    "_-1",
)


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), strict=True))


@pytest.mark.parametrize("text", [*OWASP, *HIDDEN])
def test_a_text_that_would_be_a_formula_is_a_text_behind_an_apostrophe(text: str) -> None:
    (cells,) = read_back(CsvStyle().line([text, text]))
    assert [cell[:1] for cell in cells] == ["'", "'"]
    assert [cell.replace("'", "") for cell in cells] == [text.replace("'", "")] * 2
    assert read_back(CsvStyle(formulas=True).line([text, text])) == [[text, text]]


@pytest.mark.parametrize("text", TEXTS)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert read_back(CsvStyle().line([text, "x"])) == [[text, "x"]]


@pytest.mark.parametrize("between", [*";\t\r\n", "; ", ";;", '"; "'])
@pytest.mark.parametrize("formula", ["=cmd|' /C calc'!A0", "+1", " @SUM(1)", "\uff1d1", '"=1"'])
def test_a_formula_behind_what_may_begin_a_cell_is_a_text_too(between: str, formula: str) -> None:
    (cell,) = read_back(CsvStyle().line([f"Sales{between}{formula}"]))[0]
    assert cell.replace("'", "") == f"Sales{between}{formula}".replace("'", "")
    of_semicolons = re.split("[;\t\r\n]", CsvStyle().line([1, f"Sales{between}{formula}"]).removesuffix("\r\n"))
    assert not any(is_formula(each.replace('"', "")) for each in of_semicolons)
    assert read_back(CsvStyle(formulas=True).line(["", f"a{between}{formula}"])) == [["", f"a{between}{formula}"]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_no_field_begins_as_a_formula_and_every_text_can_be_read_back(texts: list[str]) -> None:
    (fields,) = read_back(CsvStyle().line([*texts, "end"]))
    for field, text in zip(fields, [*texts, "end"], strict=True):
        assert field[:1] not in (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
        assert unicodedata.normalize("NFKC", field.strip()[:1]) not in (*"=+-@",)
        pieces = re.split("([;\t\r\n])", field.removeprefix("'" * is_formula(text)))
        written = re.split("([;\t\r\n])", text)
        assert [piece.removeprefix("'") for piece in pieces] == [piece.removeprefix("'") for piece in written]
        assert not any(is_formula(piece.replace('"', "")) for piece in pieces[2::2])


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (-5, "-5"),
        (-0.5, "-0.5"),
        (4.0, "4"),
        (-0.0, "0"),
        (1 / 3, "0.333333333333333"),
        (0.1 + 0.2, "0.3"),
        (1e22, "1e+22"),
        (2**60, "1152921504606846976"),
        (True, "true"),
        (["=1", "a"], '"[""=1"",""a""]"'),
        (None, ""),
        ("", '""'),
        ("a;b", '"a;b"'),
    ],
)
def test_numbers_and_lists_are_no_texts(value: Any, field: str) -> None:
    assert CsvStyle().field(value) == field


@given(st.floats(-1e300, 1e300))
def test_a_number_keeps_the_digits_that_a_spreadsheet_keeps(value: float) -> None:
    assert float(CsvStyle().field(value)) == pytest.approx(value, rel=1e-14, abs=5e-324)


def test_parquet_and_json_are_exact(tmp_path: Path) -> None:
    table = pa.table({"user_name": [*OWASP, *HIDDEN, *TEXTS], "share": [1 / 3] * len([*OWASP, *HIDDEN, *TEXTS])})
    files = {file.format: file.path for file in write_report_files([table], table.schema, tmp_path, "r")}
    assert pq.read_table(files["parquet"]) == table
    assert json.loads(files["json"].read_text()) == table.to_pylist()


def test_a_byte_order_mark_comes_by_setting(tmp_path: Path) -> None:
    table = pa.table({"user_name": ["Łucja"]})

    def first_bytes(style: CsvStyle | None) -> bytes:
        files = write_report_files([table], table.schema, tmp_path, "r", style)
        return next(file.path for file in files if file.format == "csv").read_bytes()

    assert first_bytes(CsvStyle(bom=True)) == "\ufeffuser_name\r\nŁucja\r\n".encode()
    assert first_bytes(None) == "user_name\r\nŁucja\r\n".encode()


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (key_of_content(Folder("x"), "queue", date(2026, 1, 31), "queue.csv", "0" * 64), "queue-2026-01-31.csv"),
        (key_of_content(Folder("x"), "queue", date(2026, 1, 31), "queue.json", "0" * 64), "queue-2026-01-31.json"),
        ("p/reports/day_page/date=2026-01-31/day_page-00.html", None),
        ("reports/manifest/date=2026-01-31/manifest.json", None),
        ("reports/index/index.html", None),
        ("reports/index/date=2026-01-31/index.json", None),
    ],
)
def test_reports_are_saved_under_their_name_and_day_and_pages_are_shown(key: str, what: str | None) -> None:
    assert disposition(key) == (f'attachment; filename="{what}"' if what else "inline")
