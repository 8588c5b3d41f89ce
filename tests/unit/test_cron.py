"""When a schedule starts runs is checked before anybody is asked."""

import re

import pytest

from configs.errors import SettingsError
from pipelines.runners.cron import split, timing
from tests.errors import raises


@pytest.mark.parametrize(
    "cron",
    [
        "0 6 * * *",
        "*/15 0-23/2 1,15 * MON-FRI",
        "59 23 31 DEC 7",
        "0 0 29 2 *",
        "0 6 31 2 MON",
        "5/10 * * jan,JUL sun",
    ],
)
def test_a_cron_that_comes_is_taken_as_it_is(cron: str) -> None:
    assert timing(cron, "Europe/Zurich", 1).expression == f"TZ=Europe/Zurich {cron}"


@pytest.mark.parametrize(
    ("cron", "field", "got"),
    [
        ("0 6 * *", "five fields", "4"),
        ("", "five fields", "0"),
        ("0 0 6 * * *", "five fields", "6"),
        ("@daily", "five fields", "1"),
        ("60 6 * * *", "minute from 0 to 59", "'60'"),
        ("-5 6 * * *", "minute", "'-5'"),
        ("*/0 6 * * *", "minute", "'*/0'"),
        ("0 25 * * *", "hour from 0 to 23", "'25'"),
        ("0 6 0 * *", "day of the month from 1 to 31", "'0'"),
        ("0 6 30 2 *", "day of the month", "'30'"),
        ("0 6 31 4,6,9,11 *", "day of the month", "'31'"),
        ("0 6 L * *", "day of the month", "'L'"),
        ("0 6 1,LW * *", "day of the month", "'1,LW'"),
        ("0 6 * 13 *", "month from 1 to 12 or JAN to DEC", "'13'"),
        ("0 6 * * FRY", "day of the week from 0 to 7 or SUN to SAT", "'FRY'"),
        ("0 6 * * 5-1", "day of the week", "'5-1'"),
        ("0 6 * * 1;2", "day of the week", "'1;2'"),
        ("0 6 * * 5L", "day of the week", "'5L'"),
        ("0 6 * * MON#2", "day of the week", "'MON#2'"),
    ],
)
def test_a_cron_that_cannot_be_is_rejected_by_its_field(cron: str, field: str, got: str) -> None:
    with pytest.raises(SettingsError) as caught:
        timing(cron, "UTC", 1)
    error = caught.value
    assert (error.subject, error.got) == (f"cron '{cron}'", got)
    assert error.expected.startswith(field)
    assert '--cron "0 6 * * 1-5"' in error.remedy


def test_an_unknown_time_zone_is_rejected_with_the_nearest() -> None:
    with raises(SettingsError, remedy=re.compile("'Europe/Zurich'")):
        timing("0 6 * * *", "Europe/Zürich", 1)


def test_no_run_at_once_is_rejected() -> None:
    with raises(SettingsError, subject=re.compile("max-concurrent$"), expected="at least 1", got="0"):
        timing("0 6 * * *", "UTC", 0)


def test_what_is_stored_is_returned_as_it_was_given() -> None:
    assert split("TZ=Europe/Zurich 0 6 * * *") == ("0 6 * * *", "Europe/Zurich")
    assert split("CRON_TZ=UTC 0 6 * * *") == ("0 6 * * *", "UTC")
    assert split("0 6 * * *") == ("0 6 * * *", "UTC")
