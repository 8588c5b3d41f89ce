"""The transform stage: learn from the training split, write the graph and the examples."""

import functools
from collections.abc import Mapping

from components.shared.beam.counts import Counts, add_counts
from components.shared.beam.options import pipeline_options
from components.shared.beam.shards import write_shards
from components.shared.beam.staging import staged_input
from components.shared.files.artifacts import Summary, write_json, writing, writing_in_place
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.label import check_label
from components.shared.rows.parquet import read_schema
from components.shared.rows.raw import check_columns
from components.shared.rows.rejected import check_share
from components.shared.rows.row_ranges import RowRange, plan_ranges
from components.shared.stage.recording import JobProgress
from components.transform.passes import WriteExamples, analyze
from components.transform.preprocessing import Inputs, features_json, model_inputs, preprocess
from components.transform.settings import TransformStage
from configs.errors import EmptySplitError
from configs.rows import Part, Split

_SPLITS: tuple[Split, ...] = ("train", "eval")


def run(
    rows: Place, stage: TransformStage, graph_out: Place, examples_out: Place, progress: JobProgress
) -> Summary:
    """Transform the training and the eval split.

    Args:
        rows: The rows artifact.
        stage: Features, label and limits.
        graph_out: Where the transform graph and `features.json` go.
        examples_out: Where the examples, the rejected rows and `examples.json` go.
        progress: Called while Beam works.

    Raises:
        SettingsError: Beam does not know one of its options.
        CloudError: Beam's job on Dataflow is rejected, fails or is cancelled.
        EmptySplitError: A split without rows, or without a row that can be used.
        MissingFeatureError, DataError, LabelError: The rows do not fit what is declared, or more of
            them than `max_rejected` cannot be used.
        UnreadableFileError: A damaged shard.
    """
    options = pipeline_options(stage.beam, "transform", examples_out)
    planned = {split: _planned(rows, split, stage) for split in _SPLITS}
    with writing(graph_out) as graph, writing_in_place(examples_out) as examples:
        function = functools.partial(preprocess, features=stage.features)
        learned = analyze(function, planned["train"], stage, options, graph, progress)
        _check("train", learned, stage)
        inputs = model_inputs(stage.features, learned.missing, graph)
        write_json(graph / "features.json", features_json(inputs, stage.features, stage.label.column))
        ranges = [row_range for split in _SPLITS for row_range in planned[split]]
        with staged_input(graph, options) as reachable:
            write = WriteExamples(stage, inputs, reachable, examples)
            counts = write_shards(ranges, write, options, "write examples", progress)
        for split in _SPLITS:
            _check(split, counts[split], stage)
        write_json(examples / "examples.json", _examples_json(counts))
    return _summary(counts, inputs)


def _planned(rows: Place, split: Split, stage: TransformStage) -> list[RowRange]:
    found = plan_ranges(rows, split, stage.transform.shard_rows)
    if not found:
        raise EmptySplitError(
            f"split '{split}'",
            expected="at least one row",
            got="none",
            remedy="Look at `split` in the use case: do its limits fit the data?",
        )
    for shard in dict.fromkeys(row_range.shard for row_range in found):
        columns = read_schema(place(shard))
        check_columns(columns, stage.features)
        check_label(columns, stage.label.column)
    return found


def _check(split: Split, counts: Counts, stage: TransformStage) -> None:
    limit = stage.transform.max_rejected
    check_share(f"split '{split}'", counts.rows, counts.rejected, limit, "transform.max_rejected")
    if not counts.accepted:
        raise EmptySplitError(
            f"split '{split}'",
            expected="at least one row that can be used",
            got=f"{counts.rows:,} rejected rows",
            remedy="Look at the rejected rows' reasons: " + "; ".join(counts.rejected),
        )


def _examples_json(counts: Mapping[Part, Counts]) -> dict[str, object]:
    splits = {
        split: {"in": each.rows, "out": each.accepted, "rejected": each.rows - each.accepted}
        for split, each in counts.items()
    }
    return {"splits": splits, "rejected": add_counts(counts.values()).rejected}


def _summary(counts: Mapping[Part, Counts], inputs: Inputs) -> Summary:
    total = add_counts(counts.values())
    return {
        "rows_in": total.rows,
        "rows_out": total.accepted,
        "rejected": total.rows - total.accepted,
        "dense": len(inputs.dense),
        "indexed": len(inputs.indexed),
    }
