"""Calls to Google Cloud that are repeated while a service is busy or away."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
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
    """What a call raises that the service refuses, or does not answer."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from requests.exceptions import RequestException

    return GoogleAPICallError, RetryError, RequestException
