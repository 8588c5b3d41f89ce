"""Queries and Google's answers: `python -m tests.contract.googlesql.recording` asks anew, 70 ms a query.

`queries/FIELD.sql` holds the queries, `answers/FIELD.jsonl` a line for each: {"query", "columns", "rows"} or
{"query", "refused"}. Values are written as `python -m pipelines sql --json` writes them.
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.shared.sources.googlesql import statements
from pipelines.commands.sql import json_value

HERE = Path(__file__).parent
TABLES = {path.stem: path.read_text() for path in sorted((HERE / "tables").glob("*.sql"))}
"""Small tables that the queries read, as GoogleSQL makes them."""
FIELDS = sorted(path.stem for path in (HERE / "queries").glob("*.sql"))


def queries(field: str) -> list[str]:
    """The queries of a field."""
    return [each.strip() for each in statements((HERE / "queries" / f"{field}.sql").read_text())]


def recorded(field: str) -> Iterator[dict[str, Any]]:
    """Google's answers to the queries of a field."""
    for line in (HERE / "answers" / f"{field}.jsonl").read_text().splitlines():
        yield json.loads(line)


def same(ours: Any, theirs: Any) -> bool:
    """Whether two values as JSON are equal; floats to their last digits."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return same(list(ours.values()), list(theirs.values()))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-13, abs_tol=1e-300)
    return type(ours) is type(theirs) and bool(ours == theirs)


def record(field: str, oracle: Any) -> None:
    """Ask Google's engine every query of a field."""
    from tests.contract.googlesql.oracle import Refused

    with (HERE / "answers" / f"{field}.jsonl").open("w") as file:
        for query in queries(field):
            line: dict[str, Any] = {"query": query}
            try:
                answer = oracle.answer(query)
            except Refused as error:
                line["refused"] = str(error).partition("Message: ")[2] or str(error)
            else:
                line["columns"] = answer.columns
                line["rows"] = [list(map(json_value, row)) for row in answer.rows]
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def main() -> None:
    """Ask about the named fields, or all."""
    from tests.contract.googlesql.oracle import Oracle

    oracle = Oracle()
    for name, sql in TABLES.items():
        oracle.define(name, sql)
    (HERE / "answers").mkdir(exist_ok=True)
    for field in sys.argv[1:] or FIELDS:
        record(field, oracle)


if __name__ == "__main__":
    main()
