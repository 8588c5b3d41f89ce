"""Examples: rows read and rejected by Beam's workers, the learned graph applied, a shard a row range."""

import contextlib
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import tensorflow_transform as tft

from components.shared.beam.counts import Counts
from components.shared.beam.shards import Batch, WriteShard
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.rows.label import find_label_errors
from components.shared.rows.raw import count_missing, raw_batch, raw_tensors
from components.shared.rows.rejected import find_text_errors, split_batch
from components.shared.rows.row_ranges import RowRange, read_range
from components.transform.preprocessing import Inputs
from components.transform.settings import TransformStage


class RawBatch(NamedTuple):
    """Some rows of a range."""

    raw: pa.RecordBatch
    """The accepted rows: the features, by the raw convention."""
    labels: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """Their labels, 0 or 1."""
    rejected: pa.Table | None
    """The other rows with their reasons, if there are any."""
    counts: Counts


def read_rows(row_range: RowRange, stage: TransformStage) -> Iterator[RawBatch]:
    """The rows of a range in order, at most `batch_rows` at a time."""
    features, label = stage.features, stage.label.column
    columns = dict.fromkeys([*([stage.key] if stage.key else []), label, *features.columns])
    for batch in read_range(row_range, list(columns), stage.transform.batch_rows):
        texts = find_text_errors(batch, features.categorical, stage.transform.max_string_bytes)
        accepted, rejected, reasons = split_batch(batch, chain(find_label_errors(batch, label), texts))
        raw = raw_batch(accepted, features)
        missing = count_missing(raw, features.numeric)
        labels = accepted.column(label).to_numpy(zero_copy_only=False).astype(np.int64)
        yield RawBatch(raw, labels, rejected, Counts(batch.num_rows, reasons, missing))


class WriteExamples(WriteShard):
    """Row ranges become examples by the learned graph.

    Args:
        stage: Features and label.
        inputs: The outputs of the graph that become columns.
        graph: The graph, where workers reach it.
        out: The artifact's folder.
    """

    def __init__(self, stage: TransformStage, inputs: Inputs, graph: Place, out: Place) -> None:
        super().__init__(out)
        self.stage, self.graph = stage, graph
        kinds: dict[str, pa.DataType] = {
            **dict.fromkeys(inputs.dense, pa.float32()),
            **dict.fromkeys(inputs.indexed, pa.int32()),
            stage.label.column: pa.int64(),
        }
        self.columns = pa.schema(kinds)

    def setup(self) -> None:
        """Load the graph; its files must stay for as long as its layer is in use."""
        self.files = contextlib.ExitStack()
        graph = self.files.enter_context(local_copy(self.graph))
        self.transform = tft.TFTransformOutput(str(graph)).transform_features_layer()

    def teardown(self) -> None:
        """Remove the graph's files."""
        self.files.close()

    def schema(self, row_range: RowRange) -> pa.Schema:
        """The inputs of the model and the label."""
        del row_range
        return self.columns

    def batches(self, row_range: RowRange, schema: pa.Schema) -> Iterator[Batch]:
        """The examples of the accepted rows."""
        for batch in read_rows(row_range, self.stage):
            yield Batch(self._examples(batch, schema), batch.rejected, batch.counts)

    def _examples(self, batch: RawBatch, schema: pa.Schema) -> pa.RecordBatch:
        if not batch.raw.num_rows:
            return pa.RecordBatch.from_pylist([], schema=schema)
        tensors = self.transform(raw_tensors(batch.raw, self.stage.features))
        values = [tensors[name].numpy() for name in schema.names[:-1]]
        columns = [
            pa.array(value, kind) for value, kind in zip([*values, batch.labels], schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)
