from __future__ import annotations

import json
from typing import Any

import pytest

from genesys_assets.tables.conversations.decode import UnreadablePage
from genesys_assets.tables.entities import ENTITIES, ListingShrunk, entity_table, newly_deleted
from genesys_assets_tests import samples

QUEUES, USERS = ENTITIES["queues"], ENTITIES["users"]


def listing(*entities: dict[str, Any]) -> bytes:
    return json.dumps({"entities": list(entities)}).encode()


def test_entities_are_one_row_each_by_id() -> None:
    table = entity_table(
        QUEUES,
        [listing({"id": "b", "name": "B"}), listing({"id": "a", "name": "A", "division": {"id": "d"}})],
    )
    assert table.select(["id", "name", "division_id", "is_deleted"]).to_pylist() == [
        {"id": "a", "name": "A", "division_id": "d", "is_deleted": False},
        {"id": "b", "name": "B", "division_id": None, "is_deleted": False},
    ]
    assert table.schema == QUEUES.schema


def test_an_entity_that_is_no_longer_listed_keeps_its_name() -> None:
    before = entity_table(QUEUES, [listing({"id": "a", "name": "Old"}, {"id": "b", "name": "B"})])
    now = entity_table(QUEUES, [listing({"id": "b", "name": "New"})], before)
    assert now.select(["id", "name", "is_deleted"]).to_pylist() == [
        {"id": "a", "name": "Old", "is_deleted": True},
        {"id": "b", "name": "New", "is_deleted": False},
    ]


def test_an_entity_listed_without_a_name_keeps_the_one_known() -> None:
    before = entity_table(USERS, [listing({"id": "a", "name": "Ana"})])
    now = entity_table(USERS, [listing({"id": "a", "state": "deleted"})], before)
    assert now.select(["name", "is_deleted"]).to_pylist() == [{"name": "Ana", "is_deleted": True}]


def test_reading_the_same_listing_again_changes_nothing() -> None:
    body = listing({"id": "a", "name": "A"}, {"id": "b", "name": "B", "dateModified": "2026-01-31T12:00:00.123Z"})
    once = entity_table(QUEUES, [body])
    assert entity_table(QUEUES, [body], once).equals(once)


def queues_named(*ids: str) -> bytes:
    return listing(*({"id": id_, "name": id_.upper()} for id_ in ids))


@pytest.mark.parametrize("still_listed", ["", "a", "ax"])
def test_a_listing_that_lost_more_than_half_of_its_entities_is_not_believed(still_listed: str) -> None:
    before = entity_table(QUEUES, [queues_named("a", "b", "c")])
    with pytest.raises(ListingShrunk, match=r"queues lacks [23] of the 3 known before"):
        entity_table(QUEUES, [queues_named(*still_listed)], before)
    believed = entity_table(QUEUES, [queues_named(*still_listed)], before, accept_disappearances=True)
    assert set(newly_deleted(believed, before)) == {"A", "B", "C"} - {*still_listed.upper()}


def test_a_listing_that_lost_half_of_its_entities_is_believed() -> None:
    before = entity_table(QUEUES, [queues_named("a", "b", "c", "d")])
    assert newly_deleted(entity_table(QUEUES, [queues_named("a", "b")], before), before) == ["C", "D"]


def test_the_last_entity_does_not_disappear_unnoticed() -> None:
    with pytest.raises(ListingShrunk, match="lacks 1 of the 1"):
        entity_table(QUEUES, [listing()], entity_table(QUEUES, [queues_named("a")]))


def test_an_empty_listing_is_believed_where_nothing_was_known_or_all_is_deleted() -> None:
    assert len(entity_table(QUEUES, [listing()])) == 0
    deleted = entity_table(USERS, [listing({"id": "a", "name": "Ana", "state": "deleted"})])
    assert entity_table(USERS, [listing()], deleted).equals(deleted)


def test_only_what_is_deleted_since_is_newly_deleted() -> None:
    before = entity_table(USERS, [listing({"id": "a", "state": "deleted"}, {"id": "b"}, {"id": "c"})])
    now = entity_table(USERS, [listing({"id": "b", "state": "deleted"}, {"id": "c"})], before)
    assert newly_deleted(now, before) == ["b"]
    assert newly_deleted(now, None) == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"entities": {}}'])
def test_what_is_no_listing_is_refused_and_never_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(UnreadablePage, match="queues"):
        entity_table(QUEUES, [body])


@pytest.mark.parametrize(("name", "sample"), [("queues", "queues_page"), ("users", "users_page")])
def test_the_samples_become_rows(name: str, sample: str) -> None:
    body = samples.body(sample)
    sent = json.loads(body)["entities"]
    rows = entity_table(ENTITIES[name], [body]).to_pylist()
    assert {row["id"]: row["name"] for row in rows} == {entity["id"]: entity["name"] for entity in sent}
    assert all(row["division_id"] for row in rows)


def test_a_presence_has_the_name_of_its_american_label_or_else_of_the_first() -> None:
    spec = ENTITIES["presence_definitions"]
    labels = [{"en_US": "Coffee", "de": "Kaffee"}, {"fr": "Cafe", "de": "Kaffee"}, None]
    body = json.dumps({"entities": [{"id": f"{n}", "languageLabels": each} for n, each in enumerate(labels)]}).encode()
    assert entity_table(spec, [body])["name"].to_pylist() == ["Coffee", "Kaffee", None]


def test_a_campaign_has_the_queue_that_its_calls_go_to_and_a_deleted_flow_says_so() -> None:
    campaign = {"id": "c", "name": "Renewals", "queue": {"id": "q", "name": "Sales"}, "dialingMode": "power"}
    (row,) = entity_table(ENTITIES["campaigns"], [json.dumps({"entities": [campaign]}).encode()]).to_pylist()
    assert (row["queue_id"], row["dialing_mode"], row["is_deleted"]) == ("q", "power", False)
    flow = json.dumps({"entities": [{"id": "f", "name": "Menu", "deleted": True}]}).encode()
    assert entity_table(ENTITIES["flows"], [flow])["is_deleted"].to_pylist() == [True]
