"""Batch prediction as a job on Dataflow: the same predictions as here, written by the job's own workers."""

import datetime
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.predict.component import predict
from components.predict.settings import PredictStage
from components.shared.files.artifacts import digest, read_json, shard_path, write_json, writing, writing_file
from components.shared.files.place import Place
from components.shared.gcp import links
from configs.cloud import Cloud, Identities
from configs.places import Beam
from tests.contract.dataflow.jobs import Fate
from tests.contract.dataflow.server import DataflowServer, killing_at
from tests.contract.storage.server import StorageServer
from tests.contract.test_dataflow_stages import IMAGE, WORKER, settings

RUN = "flights-prediction-20261125-120000-ab12"
ROWS = 900


def stage(beam: Beam) -> PredictStage:
    return PredictStage(
        name="flights",
        key="id",
        columns=("day",),
        threshold=0.5,
        shard_rows=250,
        batch_rows=100,
        max_string_bytes=1000,
        max_rejected=0.1,
        beam=beam,
    )


def put_rows(folder: Place) -> None:
    """Two shards; one row in a hundred has no key."""
    table = pa.table(
        {
            "id": [None if n % 100 == 0 else f"f{n:04d}" for n in range(ROWS)],
            "day": [datetime.date(2020, 5, 1 + n % 30) for n in range(ROWS)],
            "distance": [float(n) for n in range(ROWS)],
            "carrier": [["B6", "UA"][n % 2] for n in range(ROWS)],
        }
    )
    for index, first in enumerate(range(0, ROWS, 500)):
        with writing_file(shard_path(folder, "score", index)) as file:
            pq.write_table(table.slice(first, 500), file)


def put_model(folder: Place) -> None:
    """A SavedModel with a rule for a model."""
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def serve(distance: tf.Tensor, carrier: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"score": tf.sigmoid(distance / 1000.0 - tf.where(carrier == "B6", 0.5, 0.0))}

    module = tf.Module()
    module.serve = serve
    distance = tf.TensorSpec([None], tf.float32, name="distance")
    carrier = tf.TensorSpec([None], tf.string, name="carrier")
    with writing(folder) as beside:
        concrete = serve.get_concrete_function(distance=distance, carrier=carrier)
        tf.saved_model.save(module, str(beside), signatures=concrete)
        write_json(beside / "model.json", {"features": {"numeric": ["distance"], "categorical": ["carrier"]}})


def predicted(root: Place, beam: Beam) -> Place:
    """The stage as KFP calls it; returns where the predictions are."""
    put_rows(root / "select_1/rows")
    put_model(root / "model")
    out = root / "predict_1/predictions"
    predict.python_func(
        rows=dsl.Artifact(name="rows", uri=str(root / "select_1/rows")),
        model=dsl.Model(name="model", uri=str(root / "model")),
        version="3",
        run_id=RUN,
        scored_at="2020-05-01T12:00:00+00:00",
        settings=stage(beam).model_dump_json(),
        code="",
        predictions=dsl.Artifact(name="predictions", uri=str(out)),
    )
    return out


@pytest.mark.parametrize("fate", [Fate(), Fate(attempts=2, times_counted=2), Fate(times_counted=0)])
def test_a_job_on_dataflow_writes_the_same_predictions(
    dataflow: DataflowServer,
    beam_storage: StorageServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fate: Fate,
) -> None:
    from configs import dataflow as options

    bucket = beam_storage.new_bucket()
    cloud = Cloud(
        project="local-project",
        bucket=str(bucket).removeprefix("gs://").rstrip("/"),
        identities=Identities(dataflow=WORKER),
    )
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    here = predicted(tmp_path, Beam())
    dataflow.fates = [fate]
    shard = r"predictions/score/part-00001\.parquet"
    with killing_at(dataflow, beam_storage, shard) if fate.attempts > 1 else nullcontext():
        there = predicted(bucket / "runs/1234" / RUN, options.beam(settings(cloud)))
    assert digest(there) == digest(here)
    content = read_json(there / "predictions.json")
    assert (content["rows"], content["predictions"]) == (ROWS, ROWS - 9)
    assert content["rejected"] == {"id is missing": 9}

    (job,) = dataflow.jobs.values()
    assert job.attempts == fate.attempts
    assert job.message.name.startswith("predict-flights-prediction-")
    assert job.message.name.endswith("-score")
    summary = read_json(tmp_path / "records/predict.stage.json")["summary"]
    assert "Dataflow job" in links.of(summary)
    assert IMAGE in str(job.message)
