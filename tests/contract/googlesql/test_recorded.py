"""Every recorded query gives Google's value and type or is refused: nothing is silently different."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from components.shared.sources.source import Answer
from configs.errors import PipelineError, QueryError
from pipelines.commands.sql import json_value
from tests.contract.googlesql.recording import FIELDS, queries, recorded, same

EQUAL_AT_LEAST = {
    "arrays": 30,
    "json": 10,
    "numbers": 180,
    "queries": 200,
    "strings": 75,
    "tables": 8,
    "times": 190,
}
"""How many of a field's queries are answered; the others are refused, as docs/googlesql.md says."""
LIMITS = ("Unsupported built-in function", "U_FILE_ACCESS_ERROR")
"""What the engine types and does not compute here: APPROX_* and its like; NORMALIZE's NFKD has no data."""


def judged(ask: Callable[[str], Answer], line: dict[str, Any]) -> str:
    """`equal`, `refused`, or what is wrong with our answer to a query."""
    try:
        answer = ask(line["query"])
    except QueryError:
        return "refused"
    except (PipelineError, duckdb.Error) as error:
        return f"no plain refusal: {error!r}"
    if any(limit in line.get("refused", "") for limit in LIMITS):
        return "refused"
    if "refused" in line:
        return f"answered, though Google refuses: {line['refused']}"
    types, theirs = ([type_ for _, type_ in each] for each in (answer.columns, line["columns"]))
    if types != theirs:
        return f"types {types} for {theirs}"
    rows = [list(map(json_value, row)) for row in answer.rows]
    if same(rows, line["rows"]) or same(_sorted(rows), _sorted(line["rows"])):
        return "equal"
    return f"rows {[pair for pair in zip(rows, line['rows'], strict=False) if not same(*pair)][:3]}"


def _sorted(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=repr)


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_is_silently_different_from_google(ask: Any, field: str) -> None:
    verdicts = {line["query"]: judged(ask, line) for line in recorded(field)}
    wrong = {query: verdict for query, verdict in verdicts.items() if verdict not in {"equal", "refused"}}
    assert wrong == {}
    assert Counter(verdicts.values())["equal"] >= EQUAL_AT_LEAST[field]


@pytest.mark.parametrize("field", FIELDS)
def test_every_query_has_its_recorded_answer(field: str) -> None:
    assert [line["query"] for line in recorded(field)] == queries(field)
