"""Rows that cannot be learned from are rejected with what was expected, what came and what to do."""

import re
from pathlib import Path
from typing import Any

import pytest

from components.ingest.settings import IngestStage
from components.shared.files.artifacts import read_json
from configs.errors import (
    DataError,
    EmptySplitError,
    LabelError,
    MissingFeatureError,
    PipelineError,
    QueryError,
    SourceError,
)
from configs.rows import HashSplit, Label
from tests.errors import raises

FAR = {"by": "time", "column": "at", "eval_from": "2021-01-01", "test_from": "2021-02-01"}


def rejected(run: Any, stage: IngestStage, table: Any, kind: type[PipelineError]) -> str:
    """What is said; nothing may be left behind."""
    with pytest.raises(kind) as caught:
        run(stage, table)
    folder = Path(stage.source.uri.removeprefix("file://")).parent
    assert [path.name for path in folder.iterdir()] == ["data"]
    return str(caught.value)


def test_a_feature_that_the_query_does_not_return_is_named_with_the_nearest(
    run: Any, stage: IngestStage, visits: Any
) -> None:
    said = rejected(run, stage.model_copy(update={"columns": ("amont",)}), visits, MissingFeatureError)
    assert "'amont'" in said
    assert "got id, at, bought, why, amount, page" in said
    assert "Did you mean 'amount'?" in said


@pytest.mark.parametrize("part", ["split", "reason", "key"])
def test_every_column_that_is_needed_is_looked_for(
    run: Any, stage: IngestStage, visits: Any, part: str
) -> None:
    changes: dict[str, Any] = {
        "split": {"split": stage.split.model_copy(update={"column": "wen"})},
        "reason": {"label": Label(column="bought", excluded_because="wen")},
        "key": {"key": "wen"},
    }
    assert "'wen'" in rejected(run, stage.model_copy(update=changes[part]), visits, MissingFeatureError)


def test_a_label_that_the_query_does_not_return_is_named(run: Any, stage: IngestStage, visits: Any) -> None:
    said = rejected(run, stage.model_copy(update={"label": Label(column="boght")}), visits, LabelError)
    assert "the label 'boght'" in said
    assert "Did you mean 'bought'?" in said


def test_an_empty_split_is_named_with_its_boundaries(run: Any, stage: IngestStage, visits: Any) -> None:
    split = stage.split.model_validate(FAR)
    said = rejected(run, stage.model_copy(update={"split": split}), visits, EmptySplitError)
    assert "split 'eval'" in said
    assert "'at' from 2021-01-01 to before 2021-02-01" in said
    assert "it runs from 2020-01-01 01:00:00 to 2020-04-09 23:00:00" in said
    assert "Move split.eval_from" in said


def test_an_empty_split_by_hash_says_what_it_hashed(
    run: Any, stage: IngestStage, visits: Any, by_hash: HashSplit
) -> None:
    visits["id"] = ["everybody"] * 2400
    said = rejected(run, stage.model_copy(update={"split": by_hash}), visits, EmptySplitError)
    assert "% of the values of 'id'" in said
    assert "none of 2,160 rows" in said


def test_no_rows_at_all_is_said(run: Any, stage: IngestStage, visits: Any) -> None:
    empty = {name: values[:1] for name, values in visits.items()}
    assert "none: 1 gone" in rejected(run, stage, empty, EmptySplitError)


def test_a_constant_label_is_rejected_in_each_split(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["bought"][1800:] = [1] * 600  # from 16 March on
    said = rejected(run, stage, visits, LabelError)
    assert "label 'bought' in split 'test'" in said
    assert "expected both 0 and 1, got 1 in all" in said
    visits["bought"] = [0] * 2400
    assert "in split 'train'" in rejected(run, stage, visits, LabelError)


@pytest.mark.parametrize("third", [2, -1, 0.5])
def test_a_label_of_three_values_is_rejected_with_their_counts(
    run: Any, stage: IngestStage, visits: Any, third: float
) -> None:
    kind = type(third)
    visits["bought"] = [None if value is None else kind(value) for value in visits["bought"]]
    visits["bought"][1] = third
    said = rejected(run, stage, visits, LabelError)
    assert "expected 0 or 1 in every row" in said
    assert f"'{third}' (1 rows)" in said
    assert "label.positive" in said


def test_a_text_label_needs_to_know_which_value_counts(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["bought"] = ["yes" if value else "no" for value in visits["bought"]]
    said = rejected(run, stage, visits, LabelError)
    assert "got the type string" in said
    assert "Set label.positive" in said


def test_a_positive_value_that_never_occurs_is_rejected_with_those_that_do(
    run: Any, stage: IngestStage, visits: Any
) -> None:
    visits["bought"] = ["yes" if value else "no" for value in visits["bought"]]
    label = Label(column="bought", positive="Yes")
    said = rejected(run, stage.model_copy(update={"label": label}), visits, LabelError)
    assert "label.positive 'Yes'" in said
    assert "'no' (1,680 rows), 'yes' (720 rows)" in said


def test_a_positive_text_for_a_numeric_label_is_rejected(run: Any, stage: IngestStage, visits: Any) -> None:
    label = Label(column="bought", positive="yes")
    said = rejected(run, stage.model_copy(update={"label": label}), visits, LabelError)
    assert "a number as label.positive, got 'yes'" in said


def test_a_split_by_time_needs_instants(run: Any, stage: IngestStage, visits: Any) -> None:
    split = stage.split.model_copy(update={"column": "amount"})
    said = rejected(run, stage.model_copy(update={"split": split}), visits, DataError)
    assert "the split column 'amount': expected a TIMESTAMP, DATETIME or DATE, got double" in said


def test_a_mistake_in_the_sql_is_shown_before_anything_runs(
    run: Any, stage: IngestStage, visits: Any
) -> None:
    sql = "SELECT id, `at`, bought, why,\n  page, amont FROM visits"
    source = stage.source.model_copy(update={"sql": sql})
    said = rejected(run, stage.model_copy(update={"source": source}), visits, QueryError)
    assert "line 2, column 9" in said


def test_a_missing_source_is_said(run: Any, stage: IngestStage, visits: Any, tmp_path: Path) -> None:
    source = stage.source.model_copy(
        update={"uri": f"duckdb://{tmp_path / 'w.duckdb'}", "sql": "SELECT 1 AS a"}
    )
    with raises(SourceError, remedy=re.compile("python -m pipelines seed")):
        run(stage.model_copy(update={"source": source}), visits)


def test_a_rejection_leaves_the_rows_of_an_earlier_run(run: Any, stage: IngestStage, visits: Any) -> None:
    folder = run(stage, visits)
    before = read_json(folder / "rows.json")
    with pytest.raises(MissingFeatureError):
        run(stage.model_copy(update={"columns": ("nope",)}), visits)
    assert read_json(folder / "rows.json") == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["data", "rows"]
