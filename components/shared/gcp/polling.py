"""Polling of what runs elsewhere, ever less often while nothing changes."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
_GROWTH = 1.5


def poll(
    look: Callable[[], Seen],
    until: Callable[[Seen], object] = bool,
    *,
    seconds: float = math.inf,
    first: float = 0.2,
    most: float = 10.0,
) -> Seen:
    """Look until what is seen is what is waited for, or the time is over; returns the last look.

    Args:
        look: Looks once.
        until: Whether that is it.
        seconds: How long to go on; the caller sees from the last look whether it was enough.
        first: Seconds until the next look, at first and whenever something has changed.
        most: Seconds between two looks after nothing has changed for long.
    """
    deadline, wait, before = time.monotonic() + seconds, first, None
    while True:
        seen = look()
        if until(seen) or time.monotonic() > deadline:
            return seen
        wait = first if seen != before else min(wait * _GROWTH, most)
        before = seen
        time.sleep(wait)
