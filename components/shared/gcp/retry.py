"""Calls that are repeated: while a service is busy or away, or until what runs elsewhere is done."""

import math
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_GROWTH = 1.5
GIVE_UP_SECONDS = 300.0
"""How long a service may be busy or out of reach before a call fails."""


def with_retries(
    call: Callable[P, T],
    *also: type[Exception],
    but: type[Exception] | None = None,
    only: type[Exception] | None = None,
    seconds: float = GIVE_UP_SECONDS,
) -> Callable[P, T]:
    """A call that is repeated while the service is busy (429), away (503), or its answer is lost.

    Args:
        call: What to repeat: a read, or a change that looks whether it is done before it does it.
        also: Further errors after which to try again.
        but: One after which not to.
        only: The one after which to try again, and none else.
        seconds: How long to try.
    """
    from google.api_core import exceptions, retry

    transient = retry.if_transient_error
    again = retry.if_exception_type(exceptions.DeadlineExceeded, exceptions.GatewayTimeout, *also)

    def is_worth_it(error: Exception) -> bool:
        if only:
            return isinstance(error, only)
        return (transient(error) or again(error)) and not (but and isinstance(error, but))

    repeated: Callable[P, T] = retry.Retry(predicate=is_worth_it, initial=0.2, maximum=10.0, timeout=seconds)(
        call
    )
    return repeated


def unanswered() -> tuple[type[Exception], ...]:
    """What a call raises that the service rejects, or does not answer."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from requests.exceptions import RequestException

    return GoogleAPICallError, RetryError, RequestException


def poll(
    look: Callable[[], T],
    until: Callable[[T], object] = bool,
    *,
    seconds: float = math.inf,
    first: float = 0.2,
    most: float = 10.0,
) -> T:
    """Look until what is seen is what is waited for, or the time is over; returns the last look.

    It looks ever less often while nothing changes.

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
