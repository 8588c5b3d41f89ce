"""One chain of stages below a folder of this machine, and one below a bucket, both over the same table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.evaluate.component import evaluate
from components.evaluate.settings import EvaluateStage
from components.ingest.component import ingest
from components.ingest.settings import IngestStage
from components.train.component import train
from components.train.settings import TrainStage
from components.transform.component import transform
from components.transform.settings import TransformStage
from components.validate.component import validate
from components.validate.settings import ValidateStage
from configs.evaluation import Evaluation, Gate
from configs.features import Categorical, Cross, Features, Numeric, Transform
from configs.places import Beam
from configs.rows import HashSplit, Ingest, Label, Source
from configs.training import Training
from configs.validation import Validation

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
        config = IngestStage(
            source=Source(uri=f"file://{source}"),
            label=LABEL,
            key="id",
            split=HashSplit(by="hash", column="id", eval_percent=20, test_percent=20),
            columns=("id", *FEATURES.columns),
            ingest=Ingest(shard_rows=1500),
        )
        ingest.python_func(settings=config.model_dump_json(), code="", source="", rows=rows)
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
            champion=dsl.Model(name="champion", uri=champion),
            champion_version="1" if champion else "",
            settings=EVALUATE.model_dump_json(),
            code="",
            evaluation=self.artifact("evaluation", stage),
            metrics=dsl.Metrics(name="metrics", uri=str(self.root / stage / "metrics")),
            curve=dsl.ClassificationMetrics(name="curve", uri=str(self.root / stage / "curve")),
        )


Chains = tuple[Chain, Chain]


@pytest.fixture(scope="session")
def chains(tmp_path_factory: pytest.TempPathFactory, beam_storage: Any) -> Chains:
    """Run once: below a folder, and below a bucket."""
    source = tmp_path_factory.mktemp("source")
    pq.write_table(table(), source / "flights.parquet")
    both = Chain(tmp_path_factory.mktemp("local")), Chain(beam_storage.new_bucket())
    for chain in both:
        chain.run(source)
    return both
