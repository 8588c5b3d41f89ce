"""docs/googlesql.md, from the tables of functions and the verdicts on the recorded queries.

`python -m tests.contract.googlesql.document` writes it; a test compares.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from components.shared.sources import open_source
from components.shared.sources.googlesql.functions.signatures import (
    AGGREGATES,
    SCALARS,
    UNKNOWN,
    WINDOWS,
    Signature,
)
from tests.contract.googlesql.recording import FIELDS, TABLES, recorded
from tests.contract.googlesql.verdicts import fill, judged

PAGE = Path(__file__).parents[3] / "docs" / "googlesql.md"
_HEAD = """\
# GoogleSQL on this machine

BigQuery runs your SQL as it is. `duckdb://`, `file://` and `gs://` sources run it in DuckDB, translated:
every construct gives the value and the type that Google's own engine gives, or it is refused at its line
and column. Nothing is silently different. Try a query before a run:

```sh
python -m pipelines sql query.sql --source file:///data/my-folder          # a table for each query
echo "SELECT 1 AS one" | python -m pipelines sql - --source duckdb://my.duckdb --json
```

`--json` prints a line for each query, separated by `;`: {"columns": [[name, type], …], "rows": [[…], …]} or
{"error": {…}}; an error does not stop the next query. Values are as TO_JSON_STRING writes them, but every
INT64 is a number.

What decides here as on BigQuery: NULL comes first and NaN after it; NaN equals nothing; 1 / 0, overflow and
casts that do not fit are errors; weeks begin on Sunday; a literal 0.1 is FLOAT64; names are the same in
upper and lower case. A query that asks for the time or for random numbers (CURRENT_DATE, RAND …) is never
taken from the cache.

What may differ: FLOAT64 in its last digits, where the order of additions decides (sums, variances,
trigonometry). Where LIMIT cuts between rows with equal keys, the other columns decide, so that a run gives
the same rows each time. DuckDB's TIMESTAMP, and a Parquet file's without a zone, is DATETIME; with a zone
it is TIMESTAMP.

This page is written by `python -m tests.contract.googlesql.document`, and a test holds it to the code.
"""


def page(verdicts: Mapping[str, Mapping[str, tuple[str, str]]]) -> str:
    """The page's text.

    Args:
        verdicts: By field and query: the verdict, and the reason where it is refused.
    """
    parts = [
        _HEAD,
        "\n## Held to Google's engine\n\n",
        "| field | queries | equal | both refuse | refused here |\n|---|---|---|---|---|\n",
    ]
    for field, found in verdicts.items():
        counts = Counter(verdict for verdict, _ in found.values())
        parts.append(
            f"| {field} | {len(found)} | {counts['equal']} | {counts['both']} | {counts['refused']} |\n"
        )
    parts.append("\n## Refused here, though Google answers\n\n| query | why |\n|---|---|\n")
    for found in verdicts.values():
        parts += [
            f"| `{_cell(query)}` | {_cell(why)} |\n"
            for query, (verdict, why) in found.items()
            if verdict == "refused"
        ]
    parts.append("\nA way to write it, by name:\n\n| not here | write |\n|---|---|\n")
    parts += [f"| {name} | {_cell(way)} |\n" for name, way in sorted(UNKNOWN.items()) if way]
    for title, table in (
        ("Functions", SCALARS),
        ("Aggregates", AGGREGATES),
        ("Functions that need OVER", WINDOWS),
    ):
        parts.append(f"\n## {title}\n\n| name | takes → gives |\n|---|---|\n")
        parts += [
            f"| {name} | {'; '.join(dict.fromkeys(map(_written, table[name])))} |\n" for name in sorted(table)
        ]
    return "".join(parts)


def _written(signature: Signature) -> str:
    names = list(signature.arguments)
    first_optional = len(names) - signature.optional
    shown = [f"[{name}]" if place >= first_optional else name for place, name in enumerate(names)]
    if signature.repeated:
        shown[-1] += "…"
    return f"({', '.join(shown)}) → {signature.result}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder:
        uri = fill(Path(folder) / "tables.duckdb", TABLES)
        with open_source(uri).asking() as ask:
            verdicts = {
                field: {line["query"]: judged(ask, line) for line in recorded(field)} for field in FIELDS
            }
    PAGE.write_text(page(verdicts))


if __name__ == "__main__":
    main()
