"""The three formats, read back with other libraries."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genesys_assets.publishing import report_files
from genesys_assets.publishing.csv_text import CsvStyle
from genesys_assets.publishing.report_files import LocalFile, write_report_files
from genesys_assets.tables.spec import INSTANT

SCHEMA = pa.schema(
    [
        ("interval_start", INSTANT),
        ("day", pa.date32()),
        ("queue_name", pa.string()),
        ("answered", pa.int64()),
        ("service_level", pa.float64()),
        ("complete", pa.bool_()),
        ("wrapup_codes", pa.list_(pa.string())),
    ]
)
NOON = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {
        "interval_start": NOON,
        "day": date(2026, 1, 31),
        "queue_name": 'Billing, "gold"\r\nand 🌊',
        "answered": 2**60,
        "service_level": 0.1,
        "complete": True,
        "wrapup_codes": ["sold, twice", 'said "no"', "ß"],
    },
    {
        "interval_start": None,
        "day": None,
        "queue_name": None,
        "answered": None,
        "service_level": None,
        "complete": None,
        "wrapup_codes": None,
    },
    {
        "interval_start": NOON + timedelta(days=1),
        "day": date(1970, 1, 1),
        "queue_name": "",
        "answered": 0,
        "service_level": 3.0,
        "complete": False,
        "wrapup_codes": [],
    },
]


def written(
    rows: list[dict[str, Any]], folder: Path, schema: pa.Schema = SCHEMA, style: CsvStyle | None = None
) -> dict[str, LocalFile]:
    files = write_report_files([pa.Table.from_pylist(rows, schema=schema)], schema, folder, "interval", style)
    return {file.format: file for file in files}


def csv_records(file: LocalFile) -> list[dict[str, str]]:
    with file.path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text, strict=True))


def test_each_report_becomes_three_files_named_after_it(tmp_path: Path) -> None:
    files = written(ROWS, tmp_path)

    names = [file.path.name for file in files.values()]
    assert names == ["interval.parquet", "interval.csv", "interval.json"]
    assert {file.rows for file in files.values()} == {3}


def test_size_and_digest_are_those_of_the_file_on_disk(tmp_path: Path) -> None:
    files = written(ROWS, tmp_path)
    assert set(files) == {"parquet", "csv", "json"}
    for file in files.values():
        body = file.path.read_bytes()
        assert (file.bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())


def test_parquet_keeps_types_and_values(tmp_path: Path) -> None:
    table = pq.read_table(written(ROWS, tmp_path)["parquet"].path)

    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == ROWS


def test_csv_reads_back_with_the_csv_module(tmp_path: Path) -> None:
    first, nulls, last = csv_records(written(ROWS, tmp_path)["csv"])

    assert first == {
        "interval_start": "2026-01-31T12:00:00.250Z",
        "day": "2026-01-31",
        "queue_name": 'Billing, "gold"\r\nand 🌊',
        "answered": str(2**60),
        "service_level": "0.1",
        "complete": "true",
        "wrapup_codes": '["sold, twice","said \\"no\\"","ß"]',
    }
    assert set(nulls.values()) == {""}
    assert last["wrapup_codes"] == "[]"


def test_csv_lines_end_as_rfc_4180_says(tmp_path: Path) -> None:
    body = written(ROWS[2:], tmp_path)["csv"].path.read_bytes()

    assert body == (
        b"interval_start,day,queue_name,answered,service_level,complete,wrapup_codes\r\n"
        b'2026-02-01T12:00:00.250Z,1970-01-01,"",0,3,false,[]\r\n'
    )


def test_csv_distinguishes_null_and_empty_text(tmp_path: Path) -> None:
    schema = pa.schema([("name", pa.string()), ("id", pa.int64())])
    rows: list[dict[str, Any]] = [{"name": None, "id": 1}, {"name": "", "id": 2}]
    options = pacsv.ConvertOptions(
        column_types={"name": pa.string()}, strings_can_be_null=True, quoted_strings_can_be_null=False
    )

    table = pacsv.read_csv(written(rows, tmp_path, schema)["csv"].path, convert_options=options)

    assert table.to_pylist() == rows


def test_json_holds_records(tmp_path: Path) -> None:
    first, nulls, last = json.loads(written(ROWS, tmp_path)["json"].path.read_bytes())

    assert first == ROWS[0] | {"interval_start": "2026-01-31T12:00:00.250Z", "day": "2026-01-31"}
    assert nulls == ROWS[1]
    assert last["wrapup_codes"] == []


def test_moments_always_carry_milliseconds(tmp_path: Path) -> None:
    rows = [{"interval_start": datetime(2026, 1, 31, tzinfo=UTC)}]

    records = json.loads(written(rows, tmp_path)["json"].path.read_bytes())

    assert records[0]["interval_start"] == "2026-01-31T00:00:00.000Z"


def test_a_report_without_rows_is_written_too(tmp_path: Path) -> None:
    files = written([], tmp_path)

    assert csv_records(files["csv"]) == []
    assert files["csv"].path.read_bytes().endswith(b"wrapup_codes\r\n")
    assert json.loads(files["json"].path.read_bytes()) == []
    assert pq.read_table(files["parquet"].path).schema.equals(SCHEMA)


def test_parts_make_the_same_files_as_the_whole(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS * 3, schema=SCHEMA)
    contents = []
    for name, parts in {"whole": [table], "parts": [table.slice(0, 4), table.slice(4, 1), table.slice(5)]}.items():
        (tmp_path / name).mkdir()
        files = write_report_files(parts, SCHEMA, tmp_path / name, "interval")
        assert {file.rows for file in files} == {len(table)}
        contents.append([file.path.read_bytes() for file in files if file.format != "parquet"])
        assert pq.read_table(files[0].path).equals(table)
    assert contents[0] == contents[1]


def test_nothing_is_lost_between_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_files, "_ROWS_AT_ONCE", 2)
    numbers = [{"answered": number} for number in range(7)]

    files = written(numbers, tmp_path)

    assert [record["answered"] for record in json.loads(files["json"].path.read_bytes())] == list(range(7))
    assert [record["answered"] for record in csv_records(files["csv"])] == [str(n) for n in range(7)]


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), float("-inf")])
def test_a_figure_that_is_no_number_is_refused_by_column(figure: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="report interval: column service_level holds NaN or infinity"):
        written([*ROWS, {"service_level": figure}], tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_the_same_rows_give_the_same_bytes_whichever_run_made_them(tmp_path: Path) -> None:
    def digests(run: str) -> list[str]:
        folder = tmp_path / run
        folder.mkdir()
        table = pa.Table.from_pylist(ROWS, schema=SCHEMA.with_metadata({"run_id": run}))
        return [file.sha256 for file in write_report_files([table], table.schema, folder, "interval")]

    assert digests("first") == digests("second")


@settings(max_examples=60)
@example(texts=["whole"], number=None, figure=1_000_000_000_000_001.0, codes=None, moment=None)
@given(
    texts=st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1, max_size=8),
    number=st.none() | st.integers(-(2**63), 2**63 - 1),
    figure=st.none() | st.floats(-1e300, 1e300),
    codes=st.none() | st.lists(st.none() | st.text(alphabet='a,"\r\n\\🌊[]'), max_size=4),
    moment=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_whatever_a_report_holds_comes_back_from_csv_and_json(
    texts: list[str | None],
    number: int | None,
    figure: float | None,
    codes: list[str | None] | None,
    moment: datetime | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    moment = moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    rest = {"answered": number, "service_level": figure, "wrapup_codes": codes, "interval_start": moment}
    rows = [{"queue_name": text, **rest} for text in texts]

    files = written(rows, tmp_path_factory.mktemp("written"), style=CsvStyle(formulas=True))

    from_json = json.loads(files["json"].path.read_bytes())
    assert [record["queue_name"] for record in from_json] == texts
    assert all(_same(record, rest) for record in from_json)
    with io.StringIO(files["csv"].path.read_bytes().decode(), newline="") as text:
        from_csv = list(csv.DictReader(text, strict=True))
    assert [record["queue_name"] for record in from_csv] == [text or "" for text in texts]
    of_spreadsheet = rest | {"service_level": figure and _in_csv(figure)}
    assert all(_same(_from_csv(record), of_spreadsheet) for record in from_csv)


def _in_csv(figure: float) -> float:
    """A figure as CSV keeps it: an exact whole number, otherwise the 15 digits of a spreadsheet."""
    return figure if figure.is_integer() and abs(figure) < 2**53 else float(f"{figure:.15g}")


def _from_csv(record: dict[str, str]) -> dict[str, Any]:
    names = ("answered", "service_level", "wrapup_codes")
    return {name: json.loads(record[name] or "null") for name in names} | {
        "interval_start": record["interval_start"] or None
    }


def _same(record: dict[str, Any], wanted: dict[str, Any]) -> bool:
    start = record["interval_start"]
    got = {**record, "interval_start": start and datetime.fromisoformat(start)}
    return all(got[name] == value for name, value in wanted.items())
