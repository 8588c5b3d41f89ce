"""The transform stage: learn from the training split, write the graph and the examples."""

import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from components.artifacts import Summary, shard_name, shards, write_json, writing, writing_in_place
from components.beam import pipeline_options
from components.places import is_remote
from components.raw import check_columns
from components.recording import Progress
from components.sharing import shared
from components.transform.analysis import analyze
from components.transform.counting import Counts
from components.transform.examples import Writing, write_examples
from components.transform.inputs import Inputs, features_json, model_inputs
from components.transform.pieces import Piece, pieces, schema
from components.transform.preprocessing import preprocess
from components.transform.rejection import check_label, check_share
from configs.errors import EmptySplitError, PlaceError
from configs.settings import Split
from configs.stages import TransformStage

_SPLITS: tuple[Split, ...] = ("train", "eval")
LEARN, WRITE = "learn from the training rows", "write examples"
_PROGRESS_SECONDS, _REMOTE_PROGRESS_SECONDS = 0.5, 5.0


def run(
    rows: Path, stage: TransformStage, graph_out: Path, examples_out: Path, progress: Progress
) -> Summary:
    """Transform the training and the eval split.

    Args:
        rows: The rows artifact.
        stage: Features, label and limits.
        graph_out: Where the transform graph and `features.json` go.
        examples_out: Where the examples, the rejected rows and `examples.json` go.
        progress: Told of the work.

    Raises:
        SettingsError: Beam does not know one of its options.
        EmptySplitError: A split without rows, or without a row that can be used.
        MissingFeatureError, DataError, LabelError: The rows do not fit what is declared, or more of
            them than `max_rejected` cannot be used.
        UnreadableFileError: A damaged shard.
    """
    options = pipeline_options(stage.beam)
    planned = {split: _planned(rows, split, stage) for split in _SPLITS}
    with writing(graph_out) as graph, writing_in_place(examples_out) as examples:
        train = sum(piece.rows for piece in planned["train"])
        progress(LEARN, 0, train)
        function = functools.partial(preprocess, features=stage.features)
        learned = analyze(function, planned["train"], stage, options, graph)
        progress(LEARN, train, train)
        _check("train", learned, stage)
        inputs = model_inputs(stage.features, learned.missing, graph)
        write_json(graph / "features.json", features_json(inputs, stage.features, stage.label.column))
        every = [piece for split in _SPLITS for piece in planned[split]]
        with _watched(examples, every, progress), shared(graph, options) as reachable:
            counts = write_examples(every, Writing(stage, inputs, reachable, examples), options)
        for split in _SPLITS:
            _check(split, counts[split], stage)
        write_json(examples / "examples.json", _examples_json(counts))
    return _summary(counts, inputs)


def _planned(rows: Path, split: Split, stage: TransformStage) -> list[Piece]:
    found = pieces(rows, split, stage.transform.shard_rows)
    if not found:
        raise EmptySplitError(
            f"split '{split}'",
            expected="at least one row",
            got="none",
            way_out="Look at `split` in the use case: do its limits fit the data?",
        )
    for shard in dict.fromkeys(piece.shard for piece in found):
        columns = schema(shard)
        check_columns(columns, stage.features)
        check_label(columns, stage.label.column)
    return found


def _check(split: Split, counts: Counts, stage: TransformStage) -> None:
    check_share(split, counts.rows, counts.rejected, stage.transform.max_rejected)
    if not counts.accepted:
        raise EmptySplitError(
            f"split '{split}'",
            expected="at least one row that can be used",
            got=f"{counts.rows:,} rejected rows",
            way_out="Look at the rejected rows' reasons: " + "; ".join(counts.rejected),
        )


@contextlib.contextmanager
def _watched(out: Path, every: Sequence[Piece], progress: Progress) -> Iterator[None]:
    """Tell of the finished shards while Beam works: its local runner comes back only at the end."""
    total, ended = sum(piece.rows for piece in every), threading.Event()

    def watch() -> None:
        while not ended.wait(_REMOTE_PROGRESS_SECONDS if is_remote(out) else _PROGRESS_SECONDS):
            with contextlib.suppress(PlaceError):  # a look that fails is no reason to stop
                there = {split: {path.name for path in shards(out, split)} for split in _SPLITS}
                done = sum(piece.rows for piece in every if shard_name(piece.index) in there[piece.split])
                progress(WRITE, done, total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    progress(WRITE, total, total)


def _examples_json(counts: Mapping[Split, Counts]) -> dict[str, object]:
    rejected: dict[str, int] = {}
    for count in counts.values():
        for reason, number in count.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + number
    splits = {
        split: {
            "in": count.rows,
            "out": count.accepted,
            "rejected": count.rows - count.accepted,
        }
        for split, count in counts.items()
    }
    return {"splits": splits, "rejected": rejected}


def _summary(counts: Mapping[Split, Counts], inputs: Inputs) -> Summary:
    rows = sum(count.rows for count in counts.values())
    accepted = sum(count.accepted for count in counts.values())
    return {
        "rows_in": rows,
        "rows_out": accepted,
        "rejected": rows - accepted,
        "dense": len(inputs.dense),
        "indexed": len(inputs.indexed),
    }
