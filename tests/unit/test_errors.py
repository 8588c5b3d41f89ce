"""Our errors: one line that says what, expected, got and the way out."""

import pickle

from configs.errors import EmptySplitError


def test_an_error_is_one_line_with_the_way_out() -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none", way_out="Move test_from.")
    assert str(error) == "split 'test': expected rows, got none. Move test_from."


def test_an_error_travels_between_processes() -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again)) == (EmptySplitError, str(error))
