"""Every stage on `gs://`: the same rows, examples, metrics and answers as in a folder of this machine.

The stages are called as KFP calls them, one chain below a folder and one below a bucket, both read from
the same table. About two minutes on two cores.
"""

import json
import math
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.artifacts import digest, read_json, shards, write_json, writing
from components.deploy.component import deploy
from components.evaluate.component import evaluate
from components.ingest.component import ingest
from components.places import is_remote, local_copy, place
from components.storage import contents
from components.train.component import train
from components.transform.component import transform
from components.validate.component import validate
from configs.deployment import Deployment
from configs.errors import BusyError, PlaceError
from configs.evaluation import Evaluation, Gate
from configs.features import Categorical, Cross, Features, Numeric, Transform
from configs.places import Beam
from configs.rows import HashSplit, Ingest, Label, Source
from configs.stages.training import (
    DeployStage,
    EvaluateStage,
    IngestStage,
    TrainStage,
    TransformStage,
    ValidateStage,
)
from configs.training import Training
from configs.validation import Validation

ROOT = Path(__file__).parents[2]
ROWS = 6000
FEATURES = Features(
    numeric={"distance": Numeric(transform="log"), "minute": Numeric(transform="bucketize", buckets=8)},
    categorical={"carrier": Categorical(), "dest": Categorical(transform="hash", buckets=30)},
    crosses={"carrier_dest": Cross(of=("carrier", "dest"), buckets=40)},
)
LABEL = Label(column="late")
TRAIN = TrainStage(
    name="flights",
    label=LABEL,
    training=Training(hidden_units=(8,), epochs=2, batch_size=256, input_pipeline="stream", shuffle_rows=500),
)
EVALUATE = EvaluateStage(
    label=LABEL,
    key="id",
    evaluation=Evaluation(
        slices=(("carrier",),),
        min_slice_rows=50,
        golden_rows=20,
        gates=(Gate(floor=0.1, max_regression=1.0),),
    ),
    beam=Beam(),
)
VALIDATE = ValidateStage(schema_pbtxt="", label=LABEL, key="id", features=FEATURES, validation=Validation())
TRANSFORM = TransformStage(
    label=LABEL,
    key="id",
    features=FEATURES,
    transform=Transform(shard_rows=1000, batch_rows=400, max_rejected=0.1, max_string_bytes=1000),
    beam=Beam(),
)


def table() -> pa.Table:
    """Made-up flights; a few have a destination of 2,000 bytes and are rejected by `transform`."""
    draw = np.random.default_rng(7)
    distance = np.where(draw.random(ROWS) < 0.05, np.nan, draw.gamma(2.0, 500.0, ROWS))
    carrier = draw.choice(["AA", "B6", "UA", "DL"], ROWS)
    odds = np.nan_to_num(distance, nan=900.0) / 1000 - 1 + (carrier == "B6")
    late = (draw.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return pa.table(
        {
            "id": [f"f{number:05d}" for number in range(ROWS)],
            "late": pa.array(late),
            "distance": pa.array(distance),
            "minute": pa.array(draw.integers(0, 1440, ROWS).astype(np.float64)),
            "carrier": pa.array(carrier),
            "dest": ["x" * 2000 if number % 501 == 0 else f"d{number % 50}" for number in range(ROWS)],
        }
    )


@dataclass(frozen=True)
class Chain:
    """The artifacts of one chain of stages, below a folder or a bucket."""

    root: Path

    def artifact(self, name: str, stage: str) -> Any:
        """As KFP hands it over; that of Vertex AI has a path below a mount that is not there."""
        return dsl.Artifact(name=name, uri=str(self.root / stage / name))

    def at(self, name: str, stage: str) -> Path:
        """Where it lies."""
        return self.root / stage / name

    def run(self, source: Path) -> None:
        """All stages up to `evaluate`."""
        rows, statistics = self.artifact("rows", "ingest"), self.artifact("statistics", "validate")
        graph, examples = (
            self.artifact("transform_graph", "transform"),
            self.artifact("examples", "transform"),
        )
        model, log = self.artifact("model", "train"), self.artifact("training_log", "train")
        told = IngestStage(
            source=Source(uri=f"file://{source}"),
            label=LABEL,
            key="id",
            split=HashSplit(by="hash", column="id", eval_percent=20, test_percent=20),
            columns=("id", *FEATURES.columns),
            ingest=Ingest(shard_rows=1500),
        )
        ingest.python_func(settings=told.model_dump_json(), code="", source="", rows=rows)
        validate.python_func(
            rows=rows, baseline="", settings=VALIDATE.model_dump_json(), code="", statistics=statistics
        )
        transform.python_func(
            rows=rows,
            settings=TRANSFORM.model_dump_json(),
            code="",
            transform_graph=graph,
            examples=examples,
        )
        train.python_func(
            examples=examples,
            transform_graph=graph,
            settings=TRAIN.model_dump_json(),
            code="",
            checkpoints=str(self.root / "checkpoints"),
            model=model,
            training_log=log,
        )
        self.evaluate("evaluate")

    def evaluate(self, stage: str, champion: str = "") -> None:
        """Judge the model, against a champion if there is one."""
        evaluate.python_func(
            rows=self.artifact("rows", "ingest"),
            model=self.artifact("model", "train"),
            champion=champion,
            champion_version="1" if champion else "",
            settings=EVALUATE.model_dump_json(),
            code="",
            evaluation=self.artifact("evaluation", stage),
        )


Chains = tuple[Chain, Chain]


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory, beam_storage: Any) -> Chains:
    """Run once: below a folder, and below a bucket."""
    source = tmp_path_factory.mktemp("source")
    pq.write_table(table(), source / "flights.parquet")
    both = Chain(tmp_path_factory.mktemp("local")), Chain(beam_storage.new_bucket())
    for chain in both:
        chain.run(source)
    return both


def test_ingest_writes_the_same_rows(chains: Chains) -> None:
    here, there = (chain.at("rows", "ingest") for chain in chains)
    assert is_remote(there)
    assert digest(here) == digest(there)
    assert len(shards(there, "train")) > 1
    assert [each.name for each in shards(here, "train")] == [each.name for each in shards(there, "train")]


def test_validate_finds_the_same(chains: Chains) -> None:
    here, there = (chain.at("statistics", "validate") for chain in chains)
    assert digest(here) == digest(there)


def test_validate_measures_the_same_drift_from_a_baseline_on_gs(chains: Chains) -> None:
    findings = []
    for chain in chains:
        validate.python_func(
            rows=chain.artifact("rows", "ingest"),
            baseline=str(chain.at("statistics", "validate")),
            settings=VALIDATE.model_dump_json(),
            code="",
            statistics=chain.artifact("again", "validate"),
        )
        findings.append(read_json(chain.at("again", "validate") / "findings.json"))
    assert findings[0] == findings[1]
    assert any(each["kind"] == "drift" for each in findings[1]["distances"])


def test_transform_writes_the_same_examples(chains: Chains) -> None:
    here, there = (chain.at("examples", "transform") for chain in chains)
    assert digest(here) == digest(there)
    told = read_json(there / "examples.json")
    assert told["splits"]["train"]["rejected"] > 0
    rejected = contents.objects(str(there / "rejected"))
    assert "train/part-00000.parquet" in rejected
    graphs = [chain.at("transform_graph", "transform") for chain in chains]
    assert read_json(graphs[0] / "features.json") == read_json(graphs[1] / "features.json")


def test_train_learns_the_same(chains: Chains) -> None:
    figures = []
    for chain in chains:
        history = read_json(chain.at("training_log", "train") / "history.json")
        figures.append([{k: v for k, v in each.items() if "second" not in k} for each in history["epochs"]])
    assert figures[0] == figures[1]
    log = contents.objects(str(chains[1].at("training_log", "train")))
    assert any(name.startswith("tensorboard/train/events") for name in log)
    assert contents.objects(str(chains[1].root / "checkpoints")) == {}


def test_evaluate_measures_and_decides_the_same(chains: Chains) -> None:
    for name in ("metrics.json", "curves.json", "golden.json", "verdict.json"):
        here, there = (read_json(chain.at("evaluation", "evaluate") / name) for chain in chains)
        assert here == there, name
    names = contents.objects(str(chains[1].at("evaluation", "evaluate")))
    assert any(name.startswith("candidate/metrics") for name in names)


def test_a_champion_on_gs_is_judged_like_one_in_a_folder(chains: Chains) -> None:
    for chain in chains:
        chain.evaluate("again", str(chain.at("model", "train")))
    here, there = (read_json(chain.at("evaluation", "again") / "metrics.json") for chain in chains)
    assert here == there
    assert there["champion"]["overall"] == there["candidate"]["overall"]


def test_beam_workers_that_meet_at_a_temporary_location_measure_the_same(
    chains: Chains, beam_storage: Any
) -> None:
    from components.evaluate import core
    from components.recording import silent

    temporary = beam_storage.new_bucket()
    stage = EVALUATE.model_copy(update={"beam": Beam(options=(f"--temp_location={temporary}tmp",))})
    rows, model = (chains[1].at(*where) for where in (("rows", "ingest"), ("model", "train")))
    out = chains[1].at("evaluation", "met")
    core.run(rows, model, None, "", stage, out, silent)
    assert read_json(out / "metrics.json") == read_json(
        chains[0].at("evaluation", "evaluate") / "metrics.json"
    )
    assert contents.objects(str(temporary)) == {}


def test_beam_workers_read_a_transform_graph_at_the_temporary_location(
    chains: Chains, beam_storage: Any
) -> None:
    from components.beam import pipeline_options
    from components.pieces import pieces
    from components.recording import silent
    from components.sharing import shared
    from components.transform.examples import Writing, write_examples
    from components.transform.inputs import Inputs

    temporary, out = beam_storage.new_bucket(), chains[1].root / "met" / "examples"
    told = read_json(chains[1].at("transform_graph", "transform") / "features.json")
    inputs = Inputs(tuple(told["dense"]), told["indexed"])
    every = pieces(chains[1].at("rows", "ingest"), "train", TRANSFORM.transform.shard_rows)
    options = pipeline_options(Beam(options=(f"--temp_location={temporary}tmp",)))
    with (
        local_copy(chains[1].at("transform_graph", "transform")) as graph,
        shared(graph, options) as reachable,
    ):
        assert is_remote(reachable)
        write_examples(every, Writing(TRANSFORM, inputs, reachable, out), options, silent)
    assert digest(out / "train") == digest(chains[0].at("examples", "transform") / "train")
    assert contents.objects(str(temporary)) == {}


def test_deploy_registers_the_same_model_and_proves_it(chains: Chains, tmp_path: Path) -> None:
    outcomes = []
    for chain in chains:
        registry = tmp_path / chain.root.name.strip("/")
        told = DeployStage(name="flights", registry=f"file://{registry}", deployment=Deployment())
        deploy.python_func(
            model=chain.artifact("model", "train"),
            evaluation=chain.artifact("evaluation", "evaluate"),
            statistics=chain.artifact("statistics", "validate"),
            run_id="r",
            job="",
            source="",
            inputs_digest="",
            champion_version="",
            settings=told.model_dump_json(),
            deployment=chain.artifact("deployment", "deploy"),
        )
        outcomes.append(read_json(chain.at("deployment", "deploy") / "deployment.json"))
        (version,) = registry.glob("flights/versions/*")
        assert digest(version / "model") == digest(chain.at("model", "train"))
    assert outcomes[1]["action"] == "deployed"
    assert outcomes[0]["golden"]["rows"] == outcomes[1]["golden"]["rows"] == 20


def test_the_record_of_a_stage_lies_beside_its_outputs(chains: Chains) -> None:
    for stage in ("ingest", "validate", "transform", "train", "evaluate"):
        here, there = (read_json(chain.root / stage / f"{stage}.stage.json") for chain in chains)
        assert there["state"] == "done"
        assert {**here["summary"], "examples_per_second": 0} == {
            **there["summary"],
            "examples_per_second": 0,
        }
        for name, output in there["outputs"].items():
            assert output["path"] == str(chains[1].at(name, stage))
            assert output["digest"] == digest(place(output["path"]))


def test_a_second_attempt_of_a_stage_is_noticed_by_the_first(bucket: Path) -> None:
    from components.recording import stage

    rows = dsl.Artifact(name="rows", uri=str(bucket / "ingest" / "rows"))

    def write() -> None:
        with writing(place(rows.uri)) as folder:
            write_json(folder / "rows.json", {})

    with pytest.raises(SystemExit) as ended, stage("ingest", outputs=[rows]):  # noqa: PT012
        with stage("ingest", outputs=[rows]):
            write()
        write()
    assert isinstance(ended.value.__cause__, BusyError)
    assert read_json(bucket / "ingest" / "ingest.stage.json")["state"] == "done"


# --- training that is killed --------------------------------------------------------------------


class StopError(Exception):
    """Raised in the middle of a training."""


def stop_in_epoch_2(what: str, _: int, __: int | None = None) -> None:
    if what.startswith("epoch 2"):
        raise StopError


def learn(chain: Chain, checkpoints: Path, out: Path, progress: Any) -> Any:
    from components.train import core

    read = chain.at("examples", "transform"), chain.at("transform_graph", "transform")
    core.run(*read, TRAIN, out / "model", out / "log", checkpoints, progress)
    return read_json(out / "log" / "history.json")


def test_a_killed_training_goes_on_from_its_checkpoint_on_gs(chains: Chains, bucket: Path) -> None:
    from components.recording import silent

    checkpoints = bucket / "checkpoints"
    with pytest.raises(StopError):
        learn(chains[1], checkpoints, bucket / "out", stop_in_epoch_2)
    assert any(name.endswith("checkpoint.npz") for name in contents.objects(str(checkpoints)))
    history = learn(chains[1], checkpoints, bucket / "out", silent)
    whole = read_json(chains[0].at("training_log", "train") / "history.json")
    assert history["resumed_from"] == 1
    assert [each["eval_loss"] for each in history["epochs"]] == [
        each["eval_loss"] for each in whole["epochs"]
    ]
    events = [
        name
        for name in contents.objects(str(bucket / "out" / "log"))
        if name.startswith("tensorboard/train/")
    ]
    assert len(events) == 2  # of both attempts
    assert contents.objects(str(checkpoints)) == {}


def test_of_two_trainings_with_one_key_the_late_one_is_told(chains: Chains, bucket: Path) -> None:
    from components.recording import silent

    checkpoints = bucket / "checkpoints"
    done: list[str] = []

    def meanwhile(what: str, _: int, __: int | None = None) -> None:
        if what.startswith("epoch 1") and not done:
            done.append(what)
            with pytest.raises(StopError):
                learn(chains[1], checkpoints, bucket / "second", stop_in_epoch_2)

    with pytest.raises(BusyError, match=r"checkpoint\.npz: expected to be its only writer"):
        learn(chains[1], checkpoints, bucket / "first", meanwhile)
    assert learn(chains[1], checkpoints, bucket / "second", silent)["resumed_from"] == 1


# --- what goes wrong ----------------------------------------------------------------------------


def test_rows_that_vanish_are_named(chains: Chains, storage_server: Any, bucket: Path) -> None:
    from components.recording import silent
    from components.transform import core
    from configs.errors import UnreadableFileError

    storage_server.fail("GET", r"rows.*train.*part-00001\.parquet", 404, times=100)
    with pytest.raises(UnreadableFileError, match=r"train/part-00001\.parquet.*run from `ingest`") as told:
        core.run(chains[1].at("rows", "ingest"), TRANSFORM, bucket / "graph", bucket / "examples", silent)
    assert "\n" not in str(told.value)
    assert contents.objects(str(bucket)) == {}


def test_rows_are_read_through_a_503(chains: Chains, storage_server: Any) -> None:
    from components.pieces import pieces

    rows = chains[1].at("rows", "ingest")
    whole = pieces(rows, "train", 1000)
    storage_server.fail("GET", r"part-00000\.parquet", 503, times=2)
    assert pieces(rows, "train", 1000) == whole
    assert storage_server.faults[0].times == 0


@pytest.mark.usefixtures("storage_server")
def test_a_stage_stops_before_its_work_where_the_bucket_is_missing(
    chains: Chains, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        validate.python_func(
            rows=chains[0].artifact("rows", "ingest"),
            baseline="",
            settings=VALIDATE.model_dump_json(),
            code="",
            statistics=dsl.Artifact(name="statistics", uri="gs://no-such-bucket/statistics"),
        )
    assert isinstance(ended.value.__cause__, PlaceError)
    assert "gcloud storage buckets create gs://no-such-bucket " in str(ended.value.__cause__)
    assert "rows" not in capfd.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_only_the_wanted_columns_are_fetched(storage_server: Any, bucket: Path) -> None:
    from components.artifacts import writing_file
    from components.parquet import opened

    draw = np.random.default_rng(0)
    path = bucket / "wide.parquet"
    with writing_file(path) as file:
        wide = pa.table({f"c{place}": pa.array(draw.random(100_000)) for place in range(20)})
        pq.write_table(wide, file, row_group_size=16_384)
        size = file.stat().st_size
    storage_server.answered.clear()
    with opened(path) as parquet:
        fetched = parquet.read(columns=["c3", "c11"])
    assert fetched.equals(wide.select(["c3", "c11"]))
    assert storage_server.sent(r"wide\.parquet") < 0.15 * size
    storage_server.answered.clear()
    with opened(path) as parquet:
        parquet.read()
    assert storage_server.sent(r"wide\.parquet") < 1.05 * size
    assert len(storage_server.answered) < 20


# --- the server ---------------------------------------------------------------------------------


@pytest.fixture
def server(chains: Chains, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The container's contract: the model's place is told in AIP_STORAGE_URI."""
    yield from _serving(str(chains[1].at("model", "train")), tmp_path / "server.log")


def _serving(uri: str, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "components.serve", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "AIP_STORAGE_URI": uri},
            stdout=out,
            stderr=out,
        )
        try:
            yield process, log
        finally:
            process.terminate()
            process.wait(30)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while True:
        for line in log.read_text().splitlines():
            if "listening on " in line:
                return line.rpartition(" ")[2]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)


def test_the_server_loads_its_model_from_gs(
    chains: Chains, server: tuple[subprocess.Popen[bytes], Path]
) -> None:
    process, log = server
    golden = read_json(chains[1].at("evaluation", "evaluate") / "golden.json")
    with httpx.Client(base_url=_address(process, log), trust_env=False, timeout=60) as client:
        while client.get("/health").status_code != httpx.codes.OK:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        served: Sequence[float] = client.post("/predict", json={"instances": golden["instances"]}).json()[
            "predictions"
        ]
    assert all(math.isclose(a, b, abs_tol=1e-5) for a, b in zip(served, golden["scores"], strict=True))


@pytest.mark.usefixtures("storage_server")
def test_a_server_without_its_model_says_so_in_one_line(tmp_path: Path) -> None:
    uri = f"gs://no-such-bucket-{uuid.uuid4().hex[:6]}/model"
    for process, log in _serving(uri, tmp_path / "server.log"):
        assert process.wait(60) == 1
        told = log.read_text()
        assert "Traceback" not in told
        assert "gcloud storage buckets create" in told.splitlines()[-1]
        assert json.dumps(uri)[1:-1] in told
