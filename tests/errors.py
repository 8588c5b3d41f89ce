"""Assertions on the fields of an error: its sentence may be reworded without a test to follow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from configs.errors import PipelineError

E = TypeVar("E", bound=PipelineError)
Expected = str | re.Pattern[str] | None


@contextmanager
def raises(
    kind: type[E],
    *,
    subject: Expected = None,
    expected: Expected = None,
    got: Expected = None,
    remedy: Expected = None,
) -> Iterator[pytest.ExceptionInfo[E]]:
    """The block raises an error of this class, with these fields.

    Args:
        kind: The class of the error, or one above it.
        subject: A text is the whole field; a compiled pattern is searched in it; None accepts any.
        expected: The same.
        got: The same.
        remedy: The same.

    Yields:
        What pytest.raises yields.
    """
    with pytest.raises(kind) as raised:
        yield raised
    assert_fields(raised.value, subject=subject, expected=expected, got=got, remedy=remedy)


def assert_fields(error: BaseException, **fields: Expected) -> None:
    """Compare the fields of an error that was caught or returned; the arguments are those of `raises`."""
    assert isinstance(error, PipelineError), repr(error)
    found = {name: getattr(error, name) for name in fields}
    assert not [name for name, wanted in fields.items() if not _agrees(wanted, found[name])], (fields, found)


def _agrees(wanted: Expected, found: str) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.search(found) is not None
    return wanted is None or wanted == found
