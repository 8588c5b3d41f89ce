"""Our errors: one line that says what, expected, got and the remedy."""

import errno
import pickle
import re

import pytest
import typer

from configs.errors import DataError, EmptySplitError, SourceError
from pipelines.__main__ import in_one_line
from tests.errors import assert_fields, raises


def test_a_sentence_of_somebody_elses_ends_with_one_full_stop() -> None:
    error = SourceError("the query", got="No credentials.", remedy="Log in.")
    assert str(error) == "the query: got No credentials. Log in."


def test_an_error_is_one_line_with_the_remedy() -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none", remedy="Move test_from.")
    assert str(error) == "split 'test': expected rows, got none. Move test_from."


def test_an_error_is_compared_by_its_fields() -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none", remedy="Move test_from.")
    with raises(DataError, subject="split 'test'", expected=re.compile("^row"), remedy="Move test_from."):
        raise error
    assert_fields(error, got="none")


@pytest.mark.parametrize(
    "field",
    [{"subject": "split"}, {"expected": re.compile("^none")}, {"got": ""}, {"remedy": re.compile("Swap")}],
)
def test_another_field_is_another_error(field: dict[str, str | re.Pattern[str]]) -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none", remedy="Move test_from.")
    with pytest.raises(AssertionError):
        assert_fields(error, **field)


def test_an_error_travels_between_processes() -> None:
    error = EmptySplitError("split 'test'", expected="rows", got="none")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again)) == (EmptySplitError, str(error))


def test_a_command_on_a_full_disk_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @in_one_line
    def command() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "output/runs/x/report.html")

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("NoSpaceError: no space left for output/runs/x/report.html. Free some space")


def test_an_error_of_ours_that_nobody_can_fix_keeps_its_traceback() -> None:
    @in_one_line
    def command() -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        command()
