"""Files of the data lake extraction contain no data of protected or forgotten people."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genesys_assets.forgetting import lakewide
from genesys_assets.lake.opening import open_lake
from genesys_assets.personal_data import PersonalData
from genesys_assets.privacy.answers import CannotDrop
from genesys_assets.privacy.forgotten import ForgottenIds, Kind
from genesys_assets.privacy.lake_files import protected, schema_of, scrubbed
from genesys_assets.privacy.protection import KEEP, Protection
from genesys_assets.sandbox.extraction_rows import UNKNOWN_COLUMN
from genesys_assets.sandbox.server import Sandbox, running
from genesys_assets_tests.assets.world import World, definitions, environment
from genesys_assets_tests.conftest import DAYS, NOW
from genesys_assets_tests.forgetting.scene import (
    BYSTANDER,
    CONTACT,
    OF_BYSTANDER,
    OF_CONTACT,
    OTHER_CONTACT,
    VICTIM,
    call,
)

pytestmark = pytest.mark.long

FILES, DAY = "pages/lake_files", f"{DAYS[-2]}"
KEY = "a key of thirty-two characters, or more"
CALLED = {
    "customer": "KD-998877",
    "mail": "ottilie@quarz.example",
    "note": "quarz rang twice",
    "colour": "mauve",
    "home": "+41790005566",
    "at_home": "Quarz at home",
}
OTHER = {
    "customer": "KD-112233",
    "mail": "benno@basalt.example",
    "note": "basalt rang once",
    "colour": "green",
    "home": "+41790007788",
    "at_home": "Basalt at home",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(conversations_per_day=15, now=NOW, requests_per_minute=None) as sandbox:
        user = sandbox.organisation.directory.users[0]
        for who, told in ((VICTIM, CALLED), (BYSTANDER, OTHER)):
            contact, number, name = (
                (CONTACT, OF_CONTACT[0], OF_CONTACT[1])
                if who == VICTIM
                else (OTHER_CONTACT, OF_BYSTANDER[0], OF_BYSTANDER[1])
            )
            sandbox.organisation.plant(call(who, contact, number, name, user, told))
        yield sandbox


@pytest.fixture(scope="module")
def code_location() -> dg.Definitions:
    return definitions(f"{DAYS[0]}")


@pytest.fixture
def world(sandbox: Sandbox, tmp_path: Path, code_location: dg.Definitions) -> World:
    return World(sandbox, tmp_path / "lake", code_location, {"GENESYS_ASSETS_DATA_LAKE": "on"})


def fetch(world: World) -> None:
    assert world.run("data_lake", FILES, partition=DAY).success


def texts(world: World) -> set[str]:
    """Every text in any file that is stored."""
    pages = world.lake.pages(FILES, DAY)
    assert pages is not None
    found = set()
    for page in pages:
        found |= texts_of(page.body)
    return found


def texts_of(body: bytes) -> set[str]:
    def within(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        for each in value if isinstance(value, list) else ():
            yield from within(each)

    rows = pq.read_table(io.BytesIO(body)).to_pylist()
    return {text for row in rows for value in row.values() for text in within(value)}


def holds(found: set[str], *values: str) -> set[str]:
    return {value for value in values if any(value in text for text in found)}


def file(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_all_of_it_stands_in_files_that_are_kept(world: World) -> None:
    fetch(world)
    assert holds(texts(world), *OF_CONTACT, VICTIM) == {*OF_CONTACT, VICTIM}


def test_nothing_personal_is_stored_where_all_is_hashed_and_figures_stay(world: World) -> None:
    hashed = replace(
        world,
        settings={
            **world.settings,
            "GENESYS_ASSETS_PERSONAL_DATA": "hash",
            "GENESYS_ASSETS_PERSONAL_DATA_KEY": KEY,
        },
    )
    hashed.sandbox.behaviour.unknown_fields = True
    try:
        fetch(hashed)
    finally:
        hashed.sandbox.behaviour.reset()
    found = texts(hashed)
    users = [user["id"] for user in world.sandbox.organisation.directory.users]
    assert not holds(found, *OF_CONTACT, *users, "Grüezi 🌻")
    assert VICTIM in found
    pages = hashed.lake.pages(FILES, DAY)
    assert pages is not None
    assert all(UNKNOWN_COLUMN not in pq.read_schema(io.BytesIO(page.body)).names for page in pages)
    assert f"segments.{UNKNOWN_COLUMN}" in hashed.lake.provenance(FILES, DAY)["unknown_fields_dropped"]
    metrics = next(page for page in pages if schema_of(page.request) == "conversation-metrics")
    assert "metricValue" in pq.read_schema(io.BytesIO(metrics.body)).names


def test_an_id_of_a_user_is_hashed_where_persons_are_dropped_and_refused_without_a_key() -> None:
    body = file(userId=["u"], startTimestamp=[1], systemPresence=["AVAILABLE"])
    dropping = Protection({PersonalData.PERSON: "drop"}, KEY.encode())
    assert texts_of(protected("user-presence", body, dropping)) == {"AVAILABLE", dropping.hashed("u")}
    with pytest.raises(CannotDrop, match="userId"):
        protected("user-presence", body, Protection({PersonalData.PERSON: "drop"}))


def test_a_name_that_may_be_anybodys_is_held_as_the_stricter_class() -> None:
    body = file(conversationId=["c"], participantName=["Ottilie"], ani=["+41"], wrapUpNote=["note"])
    persons = Protection({PersonalData.PERSON: "hash"}, KEY.encode())
    found = texts_of(protected("segments", body, persons))
    assert found == {"c", persons.hashed("Ottilie"), "+41", "note"}


def test_columns_of_unknown_schemas_are_dropped_but_for_known_names() -> None:
    body = file(conversationId=["c"], mood=["angry"])
    dropped = Counter[str]()
    left = protected("moods", body, Protection({PersonalData.CONTENT: "hash"}, KEY.encode()), dropped)
    assert texts_of(left) == {"c"}
    assert dropped == {"moods.mood": 1}


def forget(world: World, kind: Kind, id_: str) -> None:
    with environment(world.environment):
        report = lakewide.forget(open_lake(), {kind: [id_]}, datetime.now(UTC) + timedelta(hours=2))
    assert not report.problems


def test_a_forgotten_conversation_leaves_every_file(world: World) -> None:
    fetch(world)
    forget(world, Kind.CONVERSATION, VICTIM)
    found = texts(world)
    assert not holds(found, VICTIM, *OF_CONTACT)
    assert BYSTANDER in found


def test_a_forgotten_contact_leaves_its_conversation_with_all_of_its_data(world: World) -> None:
    fetch(world)
    forget(world, Kind.EXTERNAL_CONTACT, CONTACT)
    found = texts(world)
    assert not holds(found, *OF_CONTACT)
    assert VICTIM in found
    assert holds(found, *OF_BYSTANDER) == set(OF_BYSTANDER)


def test_a_forgotten_user_is_a_pseudonym(world: World) -> None:
    fetch(world)
    user = world.sandbox.organisation.directory.users[0]
    forget(world, Kind.USER, user["id"])
    found = texts(world)
    assert user["id"] not in found
    assert any(text.startswith("forgotten:") for text in found)


def test_nobody_comes_back_with_what_is_fetched_later(world: World) -> None:
    forget(world, Kind.EXTERNAL_CONTACT, CONTACT)
    fetch(world)
    assert not holds(texts(world), *OF_CONTACT)
    fetch(world)
    assert not holds(texts(world), *OF_CONTACT)


def test_a_file_in_which_nobody_stands_stays_as_it_is() -> None:
    body = file(conversationId=["c"], ani=["+41"])
    who = ForgottenIds().joined_by(Kind.CONVERSATION, [VICTIM], KEEP)
    assert scrubbed("segments", body, who) is None


def test_unknown_columns_go_with_a_forgotten_contact() -> None:
    body = file(conversationId=[VICTIM, BYSTANDER], externalContactId=[CONTACT, OTHER_CONTACT], mood=["sad", "glad"])
    who = ForgottenIds().joined_by(Kind.EXTERNAL_CONTACT, [CONTACT], KEEP)
    left = scrubbed("segments", body, who)
    assert left is not None
    rows = pq.read_table(io.BytesIO(left.body)).to_pylist()
    assert [row["mood"] for row in rows] == [None, "glad"]
    assert [row["conversationId"] for row in rows] == [VICTIM, BYSTANDER]
