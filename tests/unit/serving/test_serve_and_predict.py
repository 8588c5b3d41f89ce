"""Batch prediction gives the numbers that the server answers with."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.predict import core
from components.predict.scored import Stamp
from components.predict.settings import PredictStage
from components.shared.files.artifacts import shard_path, shards
from components.shared.stage.recording import silent
from configs.places import Beam

STAGE = PredictStage(
    name="flights",
    key="id",
    columns=(),
    threshold=0.5,
    shard_rows=70,
    batch_rows=33,
    max_string_bytes=1000,
    max_rejected=0.0,
    beam=Beam(),
)


def test_batch_predictions_are_the_served_ones(real_server: Any, saved_model: Path, tmp_path: Path) -> None:
    numbers = range(100)
    distance = [[None, math.nan, math.inf, 1e39][n % 4] if n % 9 == 0 else n * 31.7 for n in numbers]
    table = pa.table(
        {
            "id": [str(n) for n in numbers],
            "distance": distance,
            "seats": pa.array([None if n % 7 == 0 else n * 3 for n in numbers], pa.int64()),
            "carrier": [["AA", "B6", "UA", "ünknown", "", None][n % 6] for n in numbers],
            "origin": list(numbers),
        }
    )
    pq.write_table(table, shard_path(tmp_path / "rows", "score", 0))
    stamp = Stamp.of("flights", "1", "2020-05-01T00:00:00+00:00", "run")
    core.run(tmp_path / "rows", saved_model, stamp, STAGE, tmp_path / "predictions", silent)
    files = shards(tmp_path / "predictions", "score")
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    instances = [
        {name: None if str(value) in ("nan", "inf", "1e+39") else value for name, value in row.items()}
        for row in table.drop_columns(["id"]).to_pylist()
    ]
    assert [row["id"] for row in rows] == table["id"].to_pylist()
    np.testing.assert_allclose([row["score"] for row in rows], real_server.scores(*instances), atol=1e-6)
