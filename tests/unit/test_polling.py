"""One way to wait: how often it looks, and when it ends."""

import time
from collections.abc import Callable, Iterator

import pytest

from components.shared.gcp.retry import poll


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, on a clock that they alone move."""
    waits: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: sum(waits))
    monkeypatch.setattr(time, "sleep", waits.append)
    return waits


def saying(*words: str) -> Callable[[], str]:
    said: Iterator[str] = iter(words)
    return lambda: next(said)


def test_it_looks_less_often_while_nothing_changes_and_at_once_after_a_change(slept: list[float]) -> None:
    look = saying("waiting", "waiting", "waiting", "waiting", "running", "running", "done")
    assert poll(look, lambda word: word == "done", first=1.0, most=2.0) == "done"
    assert slept == [1.0, 1.5, 2.0, 2.0, 1.0, 1.5]


def test_what_is_there_already_is_not_waited_for(slept: list[float]) -> None:
    assert poll(saying("done"))
    assert slept == []


def test_after_its_time_the_last_look_is_returned(slept: list[float]) -> None:
    assert poll(lambda: False, seconds=3.0, first=1.0, most=1.0) is False
    assert sum(slept) == 4.0  # the look at 3.0 is not late yet


def test_what_a_look_raises_ends_it(slept: list[float]) -> None:
    with pytest.raises(StopIteration):
        poll(saying("waiting"), lambda _: False)
    assert slept == [0.2]
