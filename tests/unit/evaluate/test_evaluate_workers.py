"""Scoring on Beam's workers: what comes back is what one pass in this process counts."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.evaluate import frozen
from components.evaluate.frozen import open_split
from components.evaluate.golden import Golden
from components.evaluate.preaggregated import PreaggregatedRows
from components.evaluate.scoring_pass import Scored, ScoringPass, _Score, merge, score, score_on_workers
from components.evaluate.settings import EvaluateStage
from components.shared.beam.options import pipeline_options
from components.shared.files.artifacts import shard_path
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import silent
from configs.errors import ModelError
from configs.places import Beam

BATCH = 350
"""Rows; the same batches in every test, since a score may differ in its last digit with its batch."""


@pytest.fixture(scope="module")
def in_groups(tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> Path:
    """The rows in three shards of several row groups, a batch each; some slices are in one shard only."""
    folder = tmp_path_factory.mktemp("groups")
    for index in range(3):
        part = table.slice(index * 1000, 1000)
        if index < 2:
            part = part.take([i for i, carrier in enumerate(part["carrier"].to_pylist()) if carrier != "HA"])
        pq.write_table(part, shard_path(folder, "test", index), row_group_size=BATCH)
    return folder


@pytest.fixture(scope="module")
def scorers(candidate: Path, champion: Path) -> list[Scorer]:
    return [Scorer(candidate, "the candidate"), Scorer(champion, "the champion")]


def scoring_of(rows: Path, stage: EvaluateStage, scorers: list[Scorer]) -> ScoringPass:
    columns = ["id", "carrier", "month", *scorers[0].features.columns]
    return ScoringPass(open_split(rows, "late"), stage, scorers[0].features, columns)


def by_slice(scored: Scored) -> list[dict[str, PreaggregatedRows]]:
    """The groups of each model by the slice's words: its number depends on who came first."""
    return [{str(scored.book.slices[n]): g for n, g in groups.by_slice().items()} for groups in scored.models]


def assert_same(one: Scored, other: Scored) -> None:
    for ours, theirs in zip(by_slice(one), by_slice(other), strict=True):
        assert ours.keys() == theirs.keys()
        for name, groups in ours.items():
            for field in ("flagged", "place", "rows", "positives"):
                np.testing.assert_array_equal(getattr(groups, field), getattr(theirs[name], field))
            for field in ("score_sum", "score_min", "score_max", "loss_sum"):
                np.testing.assert_allclose(getattr(groups, field), getattr(theirs[name], field), rtol=1e-12)
    assert dict(one.golden.content()) == dict(other.golden.content())
    assert [str(one.book.slices[n]) for n in one.book.ordered()] == [
        str(other.book.slices[n]) for n in other.book.ordered()
    ]


def test_workers_count_what_one_pass_counts(
    in_groups: Path, lab: Any, scorers: list[Scorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_PART_ROWS", 600)
    what = scoring_of(in_groups, lab.part(batch_rows=BATCH), scorers)
    assert len(what.split.parts()) > 3
    here = score(what, scorers, lambda _: None)
    seen: list[tuple[int, int | None]] = []

    def progress(what: str, done: int, total: int | None = None, *, job: str = "") -> None:
        assert (what, job) == ("scoring rows", "")
        seen.append((done, total))

    there = score_on_workers(what, scorers, pipeline_options(Beam()), progress)
    assert_same(here, there)
    assert seen[-1] == (what.split.rows, what.split.rows)


def test_parts_are_added_up_in_any_order(in_groups: Path, lab: Any, scorers: list[Scorer]) -> None:
    what = scoring_of(in_groups, lab.part(batch_rows=BATCH), scorers)
    parts = [score(what, scorers, lambda _: None, part) for part in what.split.parts()]
    assert len(parts) == 3
    before = [dict[int, Golden](part.golden.chosen) for part in parts]
    whole = score(what, scorers, lambda _: None)
    assert_same(merge(parts[::-1], what.stage), whole)
    nested = merge([merge(parts[1:], what.stage), parts[0]], what.stage)
    assert_same(nested, whole)
    assert [part.golden.chosen for part in parts] == before  # Beam forbids to change what came in


def test_every_row_is_in_one_part(in_groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "_PART_ROWS", 600)
    split = open_split(in_groups, "late")
    every = [batch["id"].to_pylist() for batch, _ in split.batches(10_000, ["id"])]
    place = 0
    found = []
    for part in split.parts():
        assert part.first == place
        ids = [each for batch, _ in split.batches(10_000, ["id"], part) for each in batch["id"].to_pylist()]
        found += ids
        place += len(ids)
    assert found == [each for ids in every for each in ids]


def test_what_travels_to_a_worker_is_small(in_groups: Path, lab: Any, scorers: list[Scorer]) -> None:
    step = _Score(
        scoring_of(in_groups, lab.part(batch_rows=BATCH), scorers),
        [(each.folder, each.title) for each in scorers],
    )
    assert len(pickle.dumps(step)) < 10_000


def test_a_model_that_fails_in_a_worker_is_named(in_groups: Path, lab: Any) -> None:
    import tensorflow as tf

    broken = Scorer(lab.model(lambda columns: tf.math.log(columns["hour"] - 1000.0)), "the candidate")
    with pytest.raises(ModelError, match="the candidate: expected scores between 0 and 1, got nan"):
        score_on_workers(
            scoring_of(in_groups, lab.part(batch_rows=BATCH), [broken]),
            [broken],
            pipeline_options(Beam()),
            silent,
        )
