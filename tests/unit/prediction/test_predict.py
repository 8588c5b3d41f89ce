"""A score for each row that can be scored, the model's own; every other row with its reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.predict import scored
from components.shared.files.artifacts import digest, shards
from configs.errors import DataError, ModelError, SettingsError, UnreadableFileError
from configs.places import Beam
from tests.unit.prediction.conftest import AT, STAGE, Predicted, replaced, score

Put = Callable[..., Path]
Run = Callable[..., Predicted]


def test_every_row_gets_the_score_of_the_model_in_the_order_of_the_rows(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    rows = predicted(put(flights)).rows()
    scored_rows = flights.to_pylist()
    assert [row["id"] for row in rows] == [row["id"] for row in scored_rows]
    expected = [score(row["distance"], row["seats"], row["carrier"]) for row in scored_rows]
    assert [row["score"] for row in rows] == pytest.approx(expected, abs=1e-6)


def test_a_prediction_says_what_it_is_of_and_where_it_comes_from(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    done = predicted(put(flights))
    (first, *_) = done.rows()
    assert list(first) == [
        "id", "day", "score", "prediction", "model_name", "model_version", "scored_at", "run_id",
    ]  # fmt: skip
    assert (first["day"], first["model_name"], first["model_version"]) == (
        flights["day"][0].as_py(),
        "flights",
        "7",
    )
    assert (first["scored_at"], first["run_id"]) == (AT, "flights-prediction-1")
    schema = pq.read_schema(shards(done.folder, "score")[0])
    assert [str(schema.field(name).type) for name in ("score", "prediction", "scored_at")] == [
        "double",
        "int64",
        "timestamp[us, tz=UTC]",
    ]


def test_a_score_at_the_threshold_is_positive(flights: pa.Table, put: Put, predicted: Run) -> None:
    rows = put(flights)
    edge = predicted(rows).rows()[500]["score"]
    done = predicted(rows, STAGE.model_copy(update={"threshold": edge}), "again")
    assert done.rows()[500]["prediction"] == 1
    assert all(row["prediction"] == (row["score"] >= edge) for row in done.rows())
    assert 0 < done.description["positives"] < 1000


def test_the_distribution_of_the_scores_is_that_of_the_rows(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    done = predicted(put(flights))
    scores = np.array([row["score"] for row in done.rows()])
    distribution = done.description["scores"]
    assert distribution["counts"] == np.histogram(scores, 100, (0, 1))[0].tolist()
    assert [distribution["mean"], distribution["min"], distribution["max"]] == pytest.approx(
        [scores.mean(), scores.min(), scores.max()], abs=1e-6
    )
    assert len(shards(done.folder, "score")) > 1, "it is summed over the shards"


def test_scores_at_the_ends_are_counted_and_none_is_nothing() -> None:
    ends = scored.count_scores(np.array([0.0, 1.0, 1.0]))
    assert (ends.counts[0], ends.counts[-1], sum(ends.counts)) == (1, 2, 3)
    assert scored.count_scores(np.empty(0)) == scored.NO_SCORES
    assert scored.NO_SCORES.content() == {}
    assert (ends + scored.NO_SCORES).content() == {**ends.content(), "mean": 0.666667}


def test_missing_and_unseen_values_are_scored_and_counted(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    done = predicted(put(flights))
    assert done.description["missing"] == {"distance": 3, "seats": 100, "carrier": 20}
    assert done.description["unseen"] == {"carrier": sum(1 for n in range(1000) if n % 3 == 2 and n % 50)}
    assert done.summary["unseen_values"] == done.description["unseen"]["carrier"]
    assert done.description["rejected"] == {}


def test_a_row_that_cannot_be_scored_is_put_aside_with_its_reason(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    ids: list[Any] = flights["id"].to_pylist()
    ids[3] = ids[700] = None
    origins = flights["origin"].to_pylist()
    origins[700] = origins[701] = "x" * 1001
    table = replaced(replaced(flights, "id", ids), "origin", origins)
    done = predicted(put(table))
    assert done.description["rejected"] == {"id is missing": 2, "origin is longer than 1,000 bytes": 1}
    assert (done.description["rows"], done.description["predictions"]) == (1000, 997)
    assert (done.summary["rows"], done.summary["predictions"], done.summary["rejected"]) == (1000, 997, 3)
    aside = done.rows("rejected")
    assert [row["reason"] for row in aside] == [
        "id is missing", "id is missing", "origin is longer than 1,000 bytes",
    ]  # fmt: skip
    assert aside[2]["id"] == "f0701"
    assert {row["id"] for row in done.rows()} == {i for n, i in enumerate(ids) if n not in (3, 700, 701)}


def test_bytes_that_are_no_text_are_put_aside(flights: pa.Table, put: Put, predicted: Run) -> None:
    carriers = [b"AA"] * 999 + [b"\xff\xfe"]
    done = predicted(put(replaced(flights, "carrier", pa.array(carriers, pa.binary()))))
    assert done.description["rejected"] == {"carrier is not UTF-8": 1}


def test_too_many_rejected_rows_stop_the_run_and_nothing_is_left(
    flights: pa.Table, put: Put, predicted: Run, tmp_path: Path
) -> None:
    ids = [None if number < 51 else f"f{number}" for number in range(1000)]
    with pytest.raises(DataError, match=r"51 of 1,000 .*id is missing.*prediction\.max_rejected"):
        predicted(put(replaced(flights, "id", ids)))
    assert not (tmp_path / "predictions").exists()


def test_rows_may_all_be_rejected_where_that_is_allowed(flights: pa.Table, put: Put, predicted: Run) -> None:
    table = replaced(flights, "id", pa.array([None] * 1000, pa.string()))
    done = predicted(put(table), STAGE.model_copy(update={"max_rejected": 1.0}))
    assert (done.description["predictions"], done.description["scores"], done.rows()) == (0, {}, [])
    assert len(done.rows("rejected")) == 1000


def test_how_rows_are_cut_changes_no_prediction(flights: pa.Table, put: Put, predicted: Run) -> None:
    one = predicted(put(flights, 600), name="one")
    cut = STAGE.model_copy(update={"shard_rows": 77, "batch_rows": 13})
    other = predicted(put(flights, 1000, "whole"), cut, "other")
    assert [row["id"] for row in one.rows()] == [row["id"] for row in other.rows()]
    scores = [row["score"] for row in other.rows()]
    assert [row["score"] for row in one.rows()] == pytest.approx(scores, abs=1e-6)
    assert one.description == other.description
    assert len(shards(other.folder, "score")) == 13


def test_the_same_run_writes_the_same_bytes(flights: pa.Table, put: Put, predicted: Run) -> None:
    rows = put(flights)
    assert digest(predicted(rows, name="one").folder) == digest(predicted(rows, name="two").folder)


def test_a_row_needs_no_key_where_something_else_is_carried(
    flights: pa.Table, put: Put, predicted: Run
) -> None:
    done = predicted(put(flights), STAGE.model_copy(update={"key": None, "columns": ("day", "origin")}))
    assert list(done.rows()[0])[:3] == ["day", "origin", "score"]


def test_rows_of_another_model_are_rejected(flights: pa.Table, put: Put, predicted: Run) -> None:
    with pytest.raises(ModelError, match=r"version 7 was trained on other rows: features .*'seats'"):
        predicted(put(flights.drop_columns(["seats"])))


def test_no_rows_a_damaged_shard_and_an_unknown_option_are_distinguished(
    flights: pa.Table, put: Put, predicted: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty/score").mkdir(parents=True)
    with pytest.raises(DataError, match="the rows to score: expected at least one"):
        predicted(tmp_path / "empty")
    with pytest.raises(SettingsError, match=r"beam\.options.*--worker"):
        predicted(put(flights), STAGE.model_copy(update={"beam": Beam(options=("--worker=3",))}))
    shard = shards(tmp_path / "rows", "score")[1]
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match="part-00001"):
        predicted(tmp_path / "rows")


def test_a_model_that_cannot_be_loaded_is_named(flights: pa.Table, put: Put, tmp_path: Path) -> None:
    from components.predict import core
    from components.shared.stage.recording import silent
    from tests.unit.prediction.conftest import STAMP

    (tmp_path / "model").mkdir()
    with pytest.raises(ModelError, match="version 7: expected a SavedModel that can be loaded"):
        core.run(put(flights), tmp_path / "model", STAMP, STAGE, tmp_path / "out", silent)


def test_an_instant_without_a_zone_is_one_in_utc(flights: pa.Table, put: Put, predicted: Run) -> None:
    exported = replaced(flights, "day", flights["day"].cast(pa.timestamp("us")).combine_chunks())
    first = predicted(put(exported)).rows()[0]
    assert first["day"].isoformat() == "2020-05-01T00:00:00+00:00"
