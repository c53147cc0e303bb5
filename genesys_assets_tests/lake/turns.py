"""Threads that take turns: at each step that other threads could see or disturb, a seed decides whose turn is next.

The same seed gives the same interleaving. `hooked` declares the steps.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from genesys_assets.lake import commit, lake, ledger, log_mirror, s3_store, store
from genesys_assets.lake.delta import DeltaLog
from genesys_assets.lake.files import StoredFile

_PATIENCE_SECONDS = 60.0


class Turns:
    """Actors that run one at a time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._condition = threading.Condition()
        self._running: list[int] = []
        self._turn: int | None = None
        self.errors: list[BaseException] = []
        self.steps = 0

    def run(self, actors: list[Callable[[], object]]) -> None:
        """Run all actors to their end. Raises what any of them raised."""
        threads = [threading.Thread(target=self._act, args=(number, actor)) for number, actor in enumerate(actors)]
        self._running = list(range(len(actors)))
        self._turn = self._random.choice(self._running)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _act(self, number: int, actor: Callable[[], object]) -> None:
        _actor.turns, _actor.number = self, number
        try:
            self._wait(number)
            actor()
        except BaseException as error:
            self.errors.append(error)
        finally:
            with self._condition:
                self._running.remove(number)
                self._next()

    def step(self, number: int) -> None:
        """Give the turn to an actor, perhaps to this one again."""
        with self._condition:
            self.steps += 1
            self._next()
        self._wait(number)

    def _next(self) -> None:
        self._turn = self._random.choice(self._running) if self._running else None
        self._condition.notify_all()

    def _wait(self, number: int) -> None:
        with self._condition:
            if not self._condition.wait_for(lambda: self._turn == number, _PATIENCE_SECONDS):
                raise TimeoutError(f"actor {number} waited for its turn for {_PATIENCE_SECONDS:.0f} s")


_actor = threading.local()


def step() -> None:
    """A step of this thread's actor; does nothing in other threads."""
    turns = getattr(_actor, "turns", None)
    if turns is not None:
        turns.step(_actor.number)


@pytest.fixture(params=["processes", "threads"])
def hooked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add a step before everything that others can see or disturb, and remove pauses. `processes` share nothing,
    `threads` share their logs.

    Everything that a thread does under the lock of a log is one step.
    """
    outside = [*_of(DeltaLog, "files", "newness", "notes", "commit"), *_of(StoredFile, "__init__")]
    under_lock = [
        *_of(DeltaLog, "refresh", "_write", "_create", "_widen", "_must_be_at"),
        *_of(log_mirror.LogMirror, "push", "push_checkpoint"),
        *_of(s3_store.S3Store, "get", "tags_after"),
    ]
    publishing = [*_of(store._LocalDraft, "publish"), *_of(s3_store._S3Draft, "publish")]
    for owner, name in [*outside, *publishing, *(under_lock if request.param == "processes" else [])]:
        monkeypatch.setattr(owner, name, _stepping(getattr(owner, name)))
    for module in (lake, commit):
        monkeypatch.setattr(module, "at_once", _in_own_thread)
    for each in (commit, ledger):
        monkeypatch.setattr(each, "_LONGEST_PAUSE_SECONDS", 0)
    return str(request.param)


def _of(owner: type, *names: str) -> list[tuple[type, str]]:
    return [(owner, name) for name in names]


def _stepping(method: Callable[..., Any]) -> Callable[..., Any]:
    def stepping(*args: Any, **named: Any) -> Any:
        step()
        return method(*args, **named)

    return stepping


@contextlib.contextmanager
def _in_own_thread(*_: object) -> Iterator[Callable[..., Iterator[Any]]]:
    """As `at_once`, but the work is done in the actor's own thread."""
    yield map
