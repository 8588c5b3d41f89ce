"""Calls that are repeated while a service is busy or away."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
GIVE_UP_SECONDS = 300.0
"""How long the service may be busy or out of reach before a call fails."""


def patiently(
    call: Callable[P, T],
    *,
    seconds: float = GIVE_UP_SECONDS,
    missing: bool = False,
    only_busy: bool = False,
) -> Callable[P, T]:
    """A call that is repeated while the service is busy (429), away (503), or its answer is lost.

    Args:
        call: What to repeat.
        seconds: How long.
        missing: Also while it does not know the job: right after its creation that happens.
        only_busy: Only after 429, which says that nothing was done; Beam itself repeats after the rest.
    """
    from google.api_core import exceptions, retry

    def again(error: Exception) -> bool:
        if only_busy:
            return isinstance(error, exceptions.TooManyRequests)
        return bool(retry.if_transient_error(error)) or (missing and isinstance(error, exceptions.NotFound))

    repeated: Callable[P, T] = retry.Retry(predicate=again, initial=0.5, maximum=20.0, timeout=seconds)(call)
    return repeated


def unanswered() -> tuple[type[Exception], ...]:
    """What a call raises that the service refuses, or does not answer."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from requests.exceptions import RequestException

    return GoogleAPICallError, RetryError, RequestException
