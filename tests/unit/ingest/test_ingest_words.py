"""BigQuery's reserved words are no names, and the parser says so: the emulator and DuckDB let some pass."""

from typing import Any

import pyarrow as pa
import pytest

from components.ingest.plan import make_plan
from components.ingest.settings import IngestStage
from components.shared.sources import googlesql
from configs.errors import QueryError
from configs.loading import load
from configs.rows import SPLITS, HashSplit


@pytest.mark.parametrize("split", ["time", "hash"])
def test_no_name_of_ours_is_reserved(stage: IngestStage, visits: Any, by_hash: HashSplit, split: str) -> None:
    config = stage.model_copy(update={"split": by_hash}) if split == "hash" else stage
    how = make_plan(config, pa.table(visits).schema)
    for sql in (how.survey(), how.labels(), *map(how.rows, SPLITS)):
        googlesql.parse(sql)


def test_the_flights_query_names_nothing_by_a_reserved_word() -> None:
    googlesql.parse(load("flights").source.sql)


def test_a_reserved_word_is_no_name() -> None:
    with pytest.raises(QueryError):
        googlesql.parse("SELECT 1 AS rows")
