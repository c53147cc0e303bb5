"""The circuit breaker, driven by a clock."""

from __future__ import annotations

import pytest

from genesys_assets.cloud.errors import CircuitOpen, ServerTrouble
from genesys_assets.cloud.http.circuit import Circuit
from genesys_assets_tests.cloud.platform import Clock


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(clock=clock, patience=300, cooling=120)


def fail_until_open(circuit: Circuit, clock: Clock) -> None:
    for _ in range(30):
        circuit.admit()
        circuit.note(503)
        clock.pass_by(10)
    circuit.admit()
    with pytest.raises(CircuitOpen):
        circuit.note(503)


def test_it_opens_after_five_minutes_of_503_in_a_row(circuit: Circuit, clock: Clock) -> None:
    fail_until_open(circuit, clock)
    clock.pass_by(20)
    with pytest.raises(CircuitOpen, match="No request is sent for 100 s") as refused:
        circuit.admit()
    assert refused.value.retry_in == 100
    assert isinstance(refused.value, ServerTrouble)


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500, 502])
def test_any_other_answer_begins_the_row_anew(circuit: Circuit, clock: Clock, status: int) -> None:
    circuit.note(503)
    clock.pass_by(299)
    circuit.note(status)
    clock.pass_by(1)
    circuit.note(503)
    assert circuit.patience_left() == 300


def test_no_answer_at_all_neither_ends_nor_lengthens_the_row(circuit: Circuit, clock: Clock) -> None:
    circuit.note(503)
    clock.pass_by(299)
    circuit.note(None)
    assert circuit.patience_left() == 1


def test_after_cooling_one_probe_goes_through(circuit: Circuit, clock: Clock) -> None:
    fail_until_open(circuit, clock)
    clock.pass_by(120)
    circuit.admit()
    with pytest.raises(CircuitOpen):
        circuit.admit()
    circuit.note(200)
    circuit.admit()
    circuit.admit()


def test_a_probe_that_says_nothing_leaves_it_to_the_next_request(circuit: Circuit, clock: Clock) -> None:
    fail_until_open(circuit, clock)
    clock.pass_by(120)
    circuit.admit()
    circuit.release()
    circuit.admit()
    with pytest.raises(CircuitOpen):
        circuit.admit()


@pytest.mark.parametrize("status", [503, None])
def test_a_probe_that_fails_opens_it_again(circuit: Circuit, clock: Clock, status: int | None) -> None:
    fail_until_open(circuit, clock)
    clock.pass_by(120)
    circuit.admit()
    with pytest.raises(CircuitOpen):
        circuit.note(status)
    clock.pass_by(119)
    with pytest.raises(CircuitOpen):
        circuit.admit()
    clock.pass_by(1)
    circuit.admit()
