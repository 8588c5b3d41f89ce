"""Transform and evaluate as jobs on Dataflow: the same examples, the same graph, the same metrics as here.

Although the jobs meet what Dataflow's may: reports of counters that are lost or come twice, and a worker that
is killed while it writes its third shard.

The jobs are submitted by the unmodified Beam to a server on loopback, which runs what was staged in another
process: that process has the code as an image has it, and reads and writes gs:// by itself.
"""

import os
from dataclasses import dataclass
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from kfp import dsl

from components.evaluate.component import evaluate
from components.shared.files.artifacts import digest, read_json, shard_path, writing_file
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.gcp import links
from components.transform.component import transform
from configs.cloud import Cloud, Dataflow, Identities, Network
from configs.evaluation import Evaluation, Gate
from configs.features import Categorical, Cross, Features, Numeric, Transform
from configs.rows import HashSplit, Label
from configs.settings import Settings
from pipelines.graph.parameters import stage_part
from tests.contract.agreeing import close
from tests.contract.dataflow.jobs import Fate, Job, State
from tests.contract.dataflow.server import DataflowServer, killing_at
from tests.contract.storage.server import StorageServer

RUN = "tiny-20261125-120000-ab12"
IMAGE = "us-central1-docker.pkg.dev/local-project/pipeline/pipeline-python@sha256:" + "0" * 64
KEY = "projects/local-project/locations/us-central1/keyRings/r/cryptoKeys/k"
WORKER = "worker@local-project.iam.gserviceaccount.com"
IN_ANOTHER_ORDER = {"rel": 1e-9, "abs": 1e-12}
"""Sums in another order may differ in their last digits."""
FEATURES = Features(
    numeric={
        "distance": Numeric(transform="log"),
        "minute": Numeric(transform="bucketize", buckets=8),
        "SEATS_COUNT": Numeric(),
    },
    categorical={"carrier": Categorical(), "dest": Categorical(transform="hash", buckets=30)},
    crosses={"carrier_dest": Cross(of=("carrier", "dest"), buckets=40)},
)


def settings(cloud: Cloud | None = None) -> Settings:
    """A small use case, here or on Google Cloud."""
    return Settings(
        name="tiny",
        key="id",
        environment="prod" if cloud else "local",
        image=IMAGE,
        label=Label(column="late"),
        split=HashSplit(by="hash", column="id"),
        features=FEATURES,
        transform=Transform(shard_rows=500, batch_rows=200, max_rejected=0.1, max_string_bytes=1000),
        evaluation=Evaluation(
            threshold=0.4,
            slices=(("carrier",), ("carrier", "dest")),
            min_slice_rows=50,
            golden_rows=12,
            batch_rows=250,
            gates=(Gate(floor=0.5, max_regression=0.0),),
        ),
        cloud=cloud,
    )


def rows(count: int, seed: int) -> pa.Table:
    """Made-up flights; a few have a destination of 2,000 bytes and are rejected by `transform`."""
    draw = np.random.default_rng(seed)
    distance = np.where(draw.random(count) < 0.05, np.nan, draw.gamma(2.0, 500.0, count))
    carrier = draw.choice(["AA", "B6", "UA", "DL"], count)
    odds = np.nan_to_num(distance, nan=900.0) / 1000 - 1 + (carrier == "B6")
    late = draw.random(count) < 1 / (1 + np.exp(-odds))
    columns: dict[str, Any] = {
        "id": [f"f{seed}-{number:05d}" for number in range(count)],
        "late": late.astype(np.int64),
        "distance": distance,
        "minute": draw.integers(0, 1440, count).astype(np.float64),
        "SEATS_COUNT": np.where(draw.random(count) < 0.1, np.nan, draw.integers(20, 380, count)),
        "carrier": carrier,
        "dest": ["x" * 2000 if number % 301 == 0 else f"d{number % 7}" for number in range(count)],
    }
    return pa.table(columns)


@dataclass(frozen=True)
class Chain:
    """The artifacts of the two stages, below a folder or a bucket."""

    root: Place
    settings: Settings

    def at(self, *names: str) -> Place:
        """Where something of the run lies: as on Vertex AI, below the project's number and the run."""
        return self.root / "/".join(("runs", "1234", RUN, *names))

    def artifact(self, *names: str) -> Any:
        """As KFP hands it over."""
        return dsl.Artifact(name=names[-1], uri=str(self.at(*names)))

    def write_rows(self) -> None:
        """Two shards of the training split, one of the others; row groups of a batch."""
        for split, seed, count in (("train", 1, 1500), ("eval", 2, 400), ("test", 3, 1250)):
            table = rows(count, seed)
            for index, first in enumerate(range(0, count, 750)):
                with writing_file(shard_path(self.at("ingest_1", "rows"), split, index)) as file:  # type: ignore[arg-type]
                    pq.write_table(table.slice(first, 750), file, row_group_size=250)

    def write_model(self, name: str, weight: float) -> None:
        """A SavedModel with a rule for a model."""
        import tensorflow as tf

        from components.shared.files.artifacts import writing

        @tf.function  # type: ignore[untyped-decorator]
        def serve(distance: Any, carrier: Any) -> dict[str, Any]:
            known = tf.where(tf.math.is_nan(distance), 900.0, distance)
            bonus = tf.where(carrier == "B6", weight, 0.0)
            return {"score": tf.sigmoid(weight * (known / 1000.0 - 1.0) + bonus)}

        module = tf.Module()
        module.serve = serve
        wanted = {
            "distance": tf.TensorSpec([None], tf.float32, name="distance"),
            "carrier": tf.TensorSpec([None], tf.string, name="carrier"),
        }
        with writing(self.at("train_1", name)) as folder:
            tf.saved_model.save(module, str(folder), signatures=serve.get_concrete_function(**wanted))

    def run(self) -> None:
        """Both stages, as KFP calls them."""
        parts = {
            name: stage_part(name, self.settings).model_dump_json() for name in ("transform", "evaluate")
        }
        read = self.artifact("ingest_1", "rows")
        transform.python_func(
            rows=read,
            settings=parts["transform"],
            code="",
            transform_graph=self.artifact("transform_1", "transform_graph"),
            examples=self.artifact("transform_1", "examples"),
        )
        evaluate.python_func(
            rows=read,
            model=self.artifact("train_1", "model"),
            champion=dsl.Model(name="champion", uri=str(self.at("train_1", "champion"))),
            champion_version="7",
            settings=parts["evaluate"],
            code="",
            evaluation=self.artifact("evaluate_1", "evaluation"),
            metrics=dsl.Metrics(name="metrics", uri=str(self.at("evaluate_1", "metrics"))),
            curve=dsl.ClassificationMetrics(name="curve", uri=str(self.at("evaluate_1", "curve"))),
        )


@dataclass(frozen=True)
class Both:
    """The same work in a folder, and on Dataflow with everything in a bucket."""

    here: Chain
    there: Chain
    bucket: BucketPath
    jobs: list[Job]

    def job(self, name: str) -> Job:
        """By the end of its name."""
        (found,) = [job for job in self.jobs if job.message.name.endswith(name)]
        return found

    def pipeline(self, name: str) -> Any:
        """What was staged for it."""
        return beam_runner_api_pb2.Pipeline.FromString(gcs_reading.read(self.job(name).pipeline))


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
    dataflow_session: DataflowServer,
    beam_storage: StorageServer,
    tensorflow_gs: None,  # noqa: ARG001 - set up
) -> Both:
    """Run once."""
    bucket = beam_storage.new_bucket()
    dataflow_session.forget()
    cloud = Cloud(
        project="local-project",
        bucket=str(bucket).removeprefix("gs://").rstrip("/"),
        kms_key=KEY,
        labels={"team": "flights"},
        identities=Identities(dataflow=WORKER),
        network=Network(subnetwork="regions/us-central1/subnetworks/pipeline"),
        dataflow=Dataflow(machine_type="n2-highmem-4", disk_gb=80, workers=2, max_workers=7),
    )
    chains = Chain(tmp_path_factory.mktemp("here"), settings()), Chain(bucket, settings(cloud))
    dataflow_session.fates = [Fate(times_counted=0), Fate(attempts=2, times_counted=2), Fate(times_counted=0)]
    for chain in chains:
        chain.write_rows()
        chain.write_model("model", 1.0)
        chain.write_model("champion", 0.3)
        with killing_at(dataflow_session, beam_storage, r"examples/train/part-00002\.parquet"):
            chain.run()
    return Both(*chains, bucket, list(dataflow_session.jobs.values()))


def test_a_worker_was_killed_while_it_wrote_and_counters_were_lost_or_doubled(both: Both) -> None:
    assert [job.attempts for job in both.jobs] == [1, 2, 1]
    rows = [
        sum(
            each.scalar
            for each in job.metrics().metrics
            if each.name.name == "rows" and "tentative" not in each.name.context
        )
        for job in both.jobs
    ]
    assert rows == [0, 2 * 1900, 0], "the verdict stands on something else"


def test_the_examples_are_the_same(both: Both) -> None:
    here, there = (chain.at("transform_1", "examples") for chain in (both.here, both.there))
    assert digest(here) == digest(there)
    content = read_json(there / "examples.json")
    assert content["splits"]["train"]["rejected"] > 0
    assert "rejected/train/part-00000.parquet" in gcs_reading.objects(str(there))
    assert ".writer" not in gcs_reading.objects(str(there))


def test_the_graph_is_the_same(both: Both) -> None:
    here, there = (chain.at("transform_1", "transform_graph") for chain in (both.here, both.there))
    assert read_json(here / "features.json") == read_json(there / "features.json")
    assert FEATURES.indicators["SEATS_COUNT"] in read_json(there / "features.json")["dense"]
    with local_copy(there) as copy:
        vocabularies = "transform_fn/assets/vocabularies"
        assert (here / vocabularies).read_bytes() == (copy / vocabularies).read_bytes()
        assert transformed(here) == transformed(copy)


def transformed(graph: Place) -> dict[str, list[float]]:
    """What a graph makes of some rows."""
    import tensorflow_transform as tft

    from components.shared.rows.raw import raw_tensors

    layer = tft.TFTransformOutput(str(graph)).transform_features_layer()
    made = layer(raw_tensors(rows(50, 9).to_batches()[0], FEATURES))
    return {name: tensor.numpy().tolist() for name, tensor in made.items()}


def test_the_metrics_and_the_verdict_are_the_same(both: Both) -> None:
    here, there = (chain.at("evaluate_1", "evaluation") for chain in (both.here, both.there))
    for name in ("metrics.json", "curves.json"):
        assert read_json(there / name) == close(read_json(here / name), **IN_ANOTHER_ORDER), name
    for name in ("golden.json", "verdict.json"):
        assert read_json(there / name) == close(read_json(here / name), **IN_ANOTHER_ORDER), name
    assert read_json(there / "metrics.json")["champion_version"] == "7"
    names = gcs_reading.objects(str(there))
    for file in ("tfma/metrics", "tfma/validations", "tfma/eval_config"):
        assert any(name.startswith(file) for name in names), file


def test_three_jobs_ran_to_their_end(both: Both) -> None:
    assert [job.message.name for job in both.jobs] == [
        f"transform-{RUN}-learn",
        f"transform-{RUN}-write",
        f"evaluate-{RUN}-score",
    ]
    assert {job.state for job in both.jobs} == {State.JOB_STATE_DONE}


def test_a_job_asks_for_what_the_environment_says(both: Both) -> None:
    for job in both.jobs:
        message, (pool,) = job.message, job.message.environment.worker_pools
        assert message.type_.name == "JOB_TYPE_BATCH"
        assert (message.project_id, message.location) == ("local-project", "us-central1")
        assert (pool.machine_type, pool.disk_size_gb, pool.num_workers) == ("n2-highmem-4", 80, 2)
        assert pool.autoscaling_settings.max_num_workers == 7
        assert pool.autoscaling_settings.algorithm.name == "AUTOSCALING_ALGORITHM_BASIC"
        assert pool.subnetwork == "regions/us-central1/subnetworks/pipeline"
        assert pool.ip_configuration.name == "WORKER_IP_PRIVATE"
        assert message.environment.service_account_email == WORKER
        assert message.environment.service_kms_key_name == KEY
        assert "use_runner_v2" in message.environment.experiments
        assert job.options["sdk_container_image"] == IMAGE
        stage = message.name.partition("-")[0]
        assert dict(message.labels) == {
            "use_case": "tiny",
            "environment": "prod",
            "team": "flights",
            "stage": stage,
            "run": RUN,
        }


def test_code_comes_from_the_image_alone(both: Both) -> None:
    for job in both.jobs:
        (pool,) = job.message.environment.worker_pools
        assert [each.container_image for each in pool.sdk_harness_container_images] == [IMAGE]
        assert list(pool.packages) == []
        assert job.options["save_main_session"] is False
        pipeline = both.pipeline(job.message.name)
        for environment in pipeline.components.environments.values():
            assert environment.urn == "beam:env:docker:v1"
            docker = beam_runner_api_pb2.DockerPayload.FromString(environment.payload)
            assert docker.container_image == IMAGE
            assert list(environment.dependencies) == []


def test_what_is_staged_is_small(both: Both) -> None:
    size = {job.message.name.rpartition("-")[2]: len(gcs_reading.read(job.pipeline)) for job in both.jobs}
    assert size["learn"] < 1_000_000
    assert size["write"] < 50_000
    assert size["score"] < 100_000


def test_temporary_files_are_gone(both: Both) -> None:
    assert gcs_reading.objects(f"{both.bucket}dataflow/temp") == {}


def test_the_record_names_the_jobs(both: Both) -> None:
    for stage, ends in (("transform", ("learn", "write")), ("evaluate", ("score",))):
        record = read_json(both.there.at(f"{stage}_1", f"{stage}.stage.json"))
        names = [
            f"projects/local-project/locations/us-central1/jobs/{both.job(end).message.id}" for end in ends
        ]
        assert record["jobs"] == names
        assert record["summary"]["jobs"] == ", ".join(names)
        pages = list(links.of(record["summary"]).values())
        assert pages[0].startswith("https://console.cloud.google.com/dataflow/jobs/us-central1/2026-11-25")
        assert len(pages) == len(ends)
        here = read_json(both.here.at(f"{stage}_1", f"{stage}.stage.json"))
        assert here["summary"] == close(
            {k: v for k, v in record["summary"].items() if k != "jobs"}, **IN_ANOTHER_ORDER
        )
