"""The flights query: one row a flight, and nothing in it from after the decision."""

import datetime
from collections import Counter
from typing import Any

import pytest

OUTCOME = {"late", "excluded_because"}
"""What is known only afterwards: the label, and why there is none."""

FLIGHT_ID = "concat(f.year * 10000 + f.month * 100 + f.day, '-', f.carrier, f.flight, '-', f.origin)"


def _utc(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


NOWS = [
    _utc(text)
    for text in (
        "2013-06-24 20:00",  # a stormy evening, at a full half hour
        "2013-06-28 21:30",
        "2013-07-01 19:45",  # between two half hours
        "2013-06-13 16:29",
        "2013-06-14 10:00",  # the morning after a day of cancellations
        "2013-06-30 23:55",
    )
]


@pytest.fixture(scope="module")
def truth(ask: Any, sql: str) -> dict[str, dict[str, Any]]:
    """Every row of the weeks, with all that has happened."""
    rows: dict[str, dict[str, Any]] = ask(sql)
    return rows


def _leaks(ask: Any, query: str, now: datetime.datetime) -> Counter[str]:
    """Columns that change when the future is cut off, in rows decided in the last minutes before `now`."""
    since = now - datetime.timedelta(minutes=10)
    between = f"decided_at BETWEEN TIMESTAMP '{since}' AND TIMESTAMP '{now}'"
    in_the_end, as_known = ask(query, where=between), ask(query, now, between)
    assert as_known, "nobody decides then: choose another instant"
    assert set(as_known) == set(in_the_end)
    return Counter(
        column
        for flight_id, row in as_known.items()
        for column, value in row.items()
        if column not in OUTCOME and value != in_the_end[flight_id][column]
    )


@pytest.mark.parametrize("now", NOWS, ids=str)
def test_no_feature_changes_when_the_future_is_cut_off(ask: Any, sql: str, now: datetime.datetime) -> None:
    assert _leaks(ask, sql, now) == Counter()


@pytest.mark.parametrize(
    ("honest", "leaky", "column"),
    [
        ("l.leg_arrived <= f.decided", "l.leg_arrived IS NOT NULL", "aircraft_arrival_delay"),
        ("DIV(f.decided, 3600) * 3600", "DIV(f.decided, 3600) * 3600 + 3600", "temp"),
        ("origin ORDER BY tick RANGE BETWEEN 9000 PRECEDING AND CURRENT ROW",
         "origin ORDER BY tick RANGE BETWEEN 9000 PRECEDING AND 1800 FOLLOWING", "origin_delay_3h"),
        ("DIV((arrived + 1799), 1800) * 1800", "DIV(arrived, 1800) * 1800", "dest_arrival_delay_6h"),
        ("2592000 PRECEDING AND 93600 PRECEDING", "2592000 PRECEDING AND CURRENT ROW", "flight_late_30d"),
        ("LEAST(COALESCE(departed, due + 14400)", "LEAST(COALESCE(departed, due)", "origin_waiting"),
    ],
    ids=["arrival", "weather", "window", "rounding", "history", "cancellation"],
)  # fmt: skip
def test_a_query_that_looks_ahead_is_caught(ask: Any, sql: str, honest: str, leaky: str, column: str) -> None:
    assert honest in sql
    assert any(column in _leaks(ask, sql.replace(honest, leaky), now) for now in NOWS)


def test_each_flight_is_one_row_with_an_id_of_its_own(weeks: Any, truth: dict[str, Any]) -> None:
    flights = weeks.execute("SELECT count(*) FROM flights").fetchone()[0]
    assert len(truth) == flights


def test_the_label_is_missing_exactly_where_a_reason_is_given(truth: dict[str, Any]) -> None:
    reasons = Counter(row["excluded_because"] for row in truth.values())
    assert set(reasons) == {None, "cancelled", "diverted"}
    assert all((row["late"] is None) == (row["excluded_because"] is not None) for row in truth.values())


def test_the_label_counts_from_fifteen_minutes_on(weeks: Any, truth: dict[str, Any]) -> None:
    late = weeks.execute("SELECT count(*) FROM flights WHERE arr_delay >= 15").fetchone()[0]
    assert sum(row["late"] or 0 for row in truth.values()) == late


def test_the_decision_is_two_hours_before_the_scheduled_departure(weeks: Any, truth: dict[str, Any]) -> None:
    ((flight_id, due),) = weeks.execute(
        f"SELECT {FLIGHT_ID}, time_hour + to_minutes(minute) FROM flights AS f "  # noqa: S608 - a constant
        "WHERE carrier = 'B6' AND flight = 925 AND month = 6 AND day = 20"
    ).fetchall()
    assert truth[flight_id]["decided_at"] == due - datetime.timedelta(hours=2)


def test_no_flight_counts_as_landed_before_its_own_clock_says(weeks: Any, ask: Any, sql: str) -> None:
    timed = sql[: sql.index("-- Facts at the first half hour")].rstrip().rstrip(",")
    arrived = ask(f"{timed} SELECT flight_id, arrived FROM timed WHERE arrived IS NOT NULL")  # noqa: S608 - ours
    truth = dict(
        weeks.execute(
            f"SELECT {FLIGHT_ID}, epoch(i.arrived) FROM flights AS f JOIN instants AS i ON i.id = f.rowid "  # noqa: S608 - a constant
            "WHERE i.arrived IS NOT NULL"
        ).fetchall()
    )
    assert len(arrived) == len(truth) > 40_000
    after = {id_: row["arrived"] - truth[id_] for id_, row in arrived.items()}
    assert min(after.values()) >= 0
    assert Counter(after.values())[0] > 0.99 * len(truth)


def test_a_sunday_is_day_one_as_in_bigquery(truth: dict[str, Any]) -> None:
    for flight_id, row in truth.items():
        day = datetime.date.fromisoformat(flight_id[:8])
        assert row["day_of_week"] == day.isoweekday() % 7 + 1


def test_the_weather_is_the_last_observation_known(weeks: Any, truth: dict[str, Any]) -> None:
    known = weeks.execute(
        "SELECT origin, (epoch(time_hour) + 3600)::BIGINT, temp FROM weather ORDER BY ALL"
    ).fetchall()
    for row in list(truth.values())[5000:5200]:
        decided = row["decided_at"].timestamp()
        *_, (_, at, temp) = (each for each in known if each[0] == row["origin"] and each[1] <= decided)
        assert (row["observation_minutes"], row["temp"]) == ((decided - at) / 60, temp)
