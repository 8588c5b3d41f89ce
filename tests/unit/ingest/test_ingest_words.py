"""BigQuery's reserved words are no names: the emulator and DuckDB would let some of them pass."""

from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from components.ingest.plan import make_plan
from components.ingest.settings import IngestStage
from components.shared.sources import googlesql
from configs.loading import load
from configs.rows import SPLITS, HashSplit

WORDS = """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
    CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
    FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS
    JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT
    TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN
"""
RESERVED = frozenset(WORDS.split())


def reserved_names(sql: str) -> set[str]:
    """Unquoted names in GoogleSQL that BigQuery reserves."""
    tree = googlesql.parse(sql).tree
    return {
        each.name
        for each in tree.find_all(exp.Identifier)
        if not each.quoted and each.name.upper() in RESERVED
    }


@pytest.mark.parametrize("split", ["time", "hash"])
def test_no_name_of_ours_is_reserved(stage: IngestStage, visits: Any, by_hash: HashSplit, split: str) -> None:
    config = stage.model_copy(update={"split": by_hash}) if split == "hash" else stage
    how = make_plan(config, pa.table(visits).schema)
    for sql in (how.survey(), how.labels(), *map(how.rows, SPLITS)):
        assert reserved_names(sql) == set()


def test_the_flights_query_names_nothing_by_a_reserved_word() -> None:
    assert reserved_names(load("flights").source.sql) == set()
