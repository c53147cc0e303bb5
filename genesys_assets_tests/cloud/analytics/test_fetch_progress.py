"""How the client notices that pages moved, without a network."""

from __future__ import annotations

from genesys_assets.cloud.analytics.fetch_progress import Drift


def moved(*pages: tuple[str, int | None], in_order: bool = False) -> bool:
    drift = Drift()
    for ids, total in pages:
        drift.note(tuple(ids), total, in_order=in_order)
    return drift.happened


def test_pages_that_follow_on_each_other_have_not_moved() -> None:
    assert not moved(("abc", 6), ("def", 6))
    assert not moved(("abc", None), ("def", None))


def test_rows_that_come_again_have_moved() -> None:
    assert moved(("abc", 6), ("cde", 6))
    assert moved(("abc", 9), ("def", 9), ("bgh", 9))


def test_a_total_that_falls_shows_a_move() -> None:
    assert moved(("abc", 6), ("def", 5))
    assert moved(("abc", 6), ("def", 5), in_order=True)


def test_a_total_that_rises_shows_a_move_unless_pages_are_asked_for_in_order() -> None:
    assert moved(("abc", 6), ("def", 7))
    assert not moved(("abc", 6), ("def", 7), in_order=True)


def test_another_query_begins_anew() -> None:
    drift = Drift()
    drift.note(("a", "b"), 6, in_order=False)
    drift.begin()
    drift.note(("b", "c"), 4, in_order=False)
    assert not drift.happened
