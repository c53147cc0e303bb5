"""Forgetting reaches every table that has a column with personal data, and every kind of stored answer.

Tables come from the list for warehouses, answers from the rules that say where their personal data are, so a new one is
tested without being named here.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.cloud.analytics.families import CONVERSATIONS, FAMILIES, AggregateFamily
from genesys_assets.cloud.http.page import Page, request_text
from genesys_assets.forgetting import lakewide
from genesys_assets.forgetting.work import ForgettingResult
from genesys_assets.lake.lake import Lake
from genesys_assets.lake.reach import Reach
from genesys_assets.lake.store import LocalStore
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy import lake_files
from genesys_assets.privacy.answers import Members, Rule, rule_of
from genesys_assets.privacy.forgotten import Kind
from genesys_assets.tables.conversations.model import snake_case
from genesys_assets.tables.data_lake.schemas import SCHEMAS, Schema
from genesys_assets.tables.metrics.buckets import DAILY_METRICS, FAMILY_METRICS, INTERVAL_METRICS
from genesys_assets.tables.personal import CONVERSATION_IDS, class_of
from genesys_assets.tables.spec import TableSpec
from genesys_assets.warehouse.tables import LakeTable, lake_tables
from genesys_assets_tests.forgetting.traces import files_with

DAY, NOON = "2026-01-31", datetime(2026, 1, 31, 12, tzinfo=UTC)
NONE, PERSON, CONTACT, CONTENT = PersonalData
GONE, MET, OTHER = (f"5a0c0000-1111-4222-8333-00000000a00{number}" for number in range(1, 4))
"""A conversation that is forgotten, one with a forgotten contact, and one that a forgotten user took."""
AGENTS = {of: f"a9e40000-1111-4222-8333-00000000c00{number}" for number, of in enumerate((GONE, MET, OTHER))}
USER = AGENTS[OTHER]
KNOWN_CONTACT, OTHER_CONTACT = (f"c0417ac7-1111-4222-8333-00000000b00{number}" for number in range(1, 3))
USER_NAME, EMAIL = "Quirin Malachit", "malachit@agents.example"
CALLERS = {GONE: "tel:+41790001122", MET: "tel:+41790003344", OTHER: "tel:+41790005566"}
SAID = {GONE: "a note of gneiss", MET: "a note of mica", OTHER: f"a note that {USER_NAME} wrote"}
TRACES = (GONE, KNOWN_CONTACT, USER, USER_NAME, EMAIL, *(each[id_] for each in (CALLERS, SAID) for id_ in (GONE, MET)))
TABLES = [
    table
    for table in lake_tables((), FAMILIES.values())
    if any(table.spec.personal(column) is not NONE or column.name in CONVERSATION_IDS for column in table.spec.columns)
]
ASSETS = json.loads((Path(__file__).parents[1] / "asset_specs.json").read_text())
PAGES = [
    *(key.removeprefix("genesys/") for key in ASSETS if key.startswith("genesys/pages/")),
    *(f"pages/reference_{name}" for name in ("users", "queue_members", "user_skills")),
]
OF_NOBODY = {"tables/flowexecutions_metrics", "tables/actions_metrics"}
OF_NOBODY |= {"reference/external_organizations", "reference/external_organizations_history"}
"""Families whose groups name nobody, and organisations."""
FAMILY_OF = {spec.name: FAMILIES[name] for name, spec in FAMILY_METRICS.items()}
FAMILY_OF |= {spec.name: CONVERSATIONS for spec in (INTERVAL_METRICS, DAILY_METRICS)}
IS_ONE = ("group", "stats", "attributes", "flow", "division", "cursors", "queue")
"""Fields of answers that hold one object; all others hold a list of them."""


def text(name: str, class_: PersonalData, of: str, *, is_id: bool) -> str:
    """The value of a field of a class, in a row that belongs to a conversation."""
    if class_ is PERSON:
        if is_id or of != OTHER:
            return AGENTS[of]
        return EMAIL if name in ("email", "username") else USER_NAME
    if class_ is CONTENT:
        return SAID[of]
    if name in ("id", "name"):
        # An organisation is no person.
        return f"Company {of[-1]}"
    if name in ("externalContactId", "external_contact_id"):
        return KNOWN_CONTACT if of == MET else OTHER_CONTACT
    # The number of a customer; in the agent's row, the agent's name.
    return USER_NAME if of == OTHER and not name.lower().endswith("ani") else CALLERS[of]


# -- tables ------------------------------------------------------------------------------------------------------------


def rows(table: LakeTable) -> pa.Table:
    """One row of each of the conversations."""
    spec = table.spec
    return pa.Table.from_pylist([row(spec, of) for of in CALLERS], spec.schema)


def row(spec: TableSpec, of: str) -> dict[str, Any]:
    return {column.name: cell(spec, column.name, column.type, of) for column in spec.columns}


def cell(spec: TableSpec, name: str, type_: pa.DataType, of: str) -> Any:
    if name == "conversation_id" or name == "associated_conversation_id":
        # Another conversation may name the forgotten one.
        return of if name == "conversation_id" else GONE
    if name == "group_key":
        return json.dumps(group(FAMILY_OF.get(spec.name, CONVERSATIONS), of), sort_keys=True, separators=(",", ":"))
    return value(type_, name, class_of(spec.name, name), of)


def value(type_: pa.DataType, name: str, class_: PersonalData, of: str) -> Any:
    if pa.types.is_list(type_):
        return [value(type_.value_type, name, class_, of)]
    if pa.types.is_struct(type_):
        return {each.name: value(each.type, each.name, class_, of) for each in type_}
    if pa.types.is_string(type_):
        is_id = name.lower().removesuffix("s").endswith(("id", "agent"))
        return f"x{of[-1]}" if class_ is NONE else text(name, class_, of, is_id=is_id)
    if pa.types.is_timestamp(type_):
        return NOON + timedelta(minutes=[*CALLERS].index(of))
    if pa.types.is_date(type_):
        return date.fromisoformat(DAY)
    return True if pa.types.is_boolean(type_) else 1


def group(family: AggregateFamily, of: str) -> dict[str, str]:
    """The values of a group that identify a person; those of a contact only where the group names the contact."""
    classes = {name: class_of(family.table, snake_case(name)) for name in family.dimensions}
    found = {
        name: text(name, class_, of, is_id=class_ is PERSON)
        for name, class_ in classes.items()
        if class_ is not NONE and (class_ is PERSON or name == "ani" or of == OTHER or "externalContactId" in classes)
    }
    return found | {name: of for name in classes if name == "conversationId"} | {"queueId": f"x{of[-1]}"}


# -- answers -----------------------------------------------------------------------------------------------------------


def answer(rule: Rule) -> bytes:
    assert isinstance(rule, Members)
    filled = {name: each for name, each in rule.known.items() if isinstance(each, Members)}
    return json.dumps({name: [item(each, of) for of in CALLERS] for name, each in filled.items()}).encode()


def item(rule: Members, of: str) -> dict[str, Any]:
    held = {name: member(name, each, of) for name, each in rule.known.items()}
    # Unknown fields may contain anything about the conversation's customer; those of users are kept.
    unheard_of = {"unheardOf": SAID[of]} if "participants" in rule.known else {}
    return held | unheard_of


def member(name: str, rule: Rule, of: str) -> Any:
    if isinstance(rule, Members):
        held = {"colour": SAID[of]} if name == "attributes" else item(rule, of)
        return held if name in IS_ONE else [held]
    if name == "conversationId":
        return of
    return "x" if rule.class_ is NONE else text(name, rule.class_, of, is_id=rule.identifies_rows)


def lake_file(schema: Schema) -> bytes:
    """A file of the data lake with a value in every known column of personal data."""
    filled = {wire: (known.type, class_of(known.table, known.column)) for wire, known in schema.columns.items()}
    columns = {
        wire: pa.array([of if wire == "conversationId" else value(type_, wire, class_, of) for of in CALLERS], type_)
        for wire, (type_, class_) in filled.items()
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def pages(place: str) -> Iterator[Page]:
    if place != lake_files.PLACE:
        yield Page(1, request_text("POST", "/asked", body={"ids": [USER]}), NOON, None, answer(rule_of(place)))
        return
    for number, (name, schema) in enumerate(SCHEMAS.items(), 1):
        yield Page(number, request_text("GET", "/files", params={"dataSchema": name}), NOON, None, lake_file(schema))


# -- the lake ----------------------------------------------------------------------------------------------------------


def fill(lake: Lake) -> None:
    for table in TABLES:
        lake.write(table.place, table.spec, rows(table), DAY if table.is_partitioned else None, {"run_id": "r"})
    for place in PAGES:
        key = None if place.startswith("pages/reference_") else f"{DAY}-12:00" if "hourly" in place else DAY
        with lake.page_writers(place, [key], {"run_id": "r"}) as writers:
            writers[key].reach = Reach(NOON)
            for page in pages(place):
                writers[key].write(page)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake]:
    folder = tmp_path_factory.mktemp("every") / "lake"
    lake = Lake(LocalStore(folder))
    fill(lake)
    return folder, lake


def places_with(folder: Path, values: Iterable[str]) -> dict[str, set[str]]:
    """Which values appear in which table."""
    found: dict[str, set[str]] = {}
    for path, here in files_with(folder, values).items():
        found.setdefault("/".join(path.split("/")[:2]), set()).update(here)
    return found


def forget(lake: Lake) -> ForgettingResult:
    ids = {Kind.USER: [USER], Kind.CONVERSATION: [GONE], Kind.EXTERNAL_CONTACT: [KNOWN_CONTACT]}
    return lakewide.forget(lake, ids, datetime.now(UTC) + timedelta(hours=2))


def test_nobody_is_left_in_any_table_or_answer(full: tuple[Path, Lake]) -> None:
    folder, lake = full
    before = places_with(folder, TRACES)
    assert before.keys() == {table.place for table in TABLES} - OF_NOBODY | {*PAGES}
    assert set().union(*before.values()) == set(TRACES)
    report = forget(lake)
    assert report.problems == {}
    assert places_with(folder, TRACES) == {}
    # All others stay.
    assert places_with(folder, [AGENTS[MET], OTHER_CONTACT, OTHER]).keys() >= {"tables/sessions", "pages/daily_details"}
