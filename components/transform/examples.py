"""The examples: the learned graph applied to the rows on Beam, one shard for each row range."""

import contextlib
from collections.abc import Iterator

import pyarrow as pa
import tensorflow_transform as tft

from components.shared.beam.shards import Batch, WriteShard
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.rows.raw import raw_tensors
from components.shared.rows.row_ranges import RowRange
from components.transform import reading
from components.transform.inputs import Inputs
from components.transform.settings import TransformStage


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
        for batch in reading.read_rows(row_range, self.stage):
            yield Batch(self._examples(batch, schema), batch.rejected, batch.counts)

    def _examples(self, batch: reading.Batch, schema: pa.Schema) -> pa.RecordBatch:
        if not batch.raw.num_rows:
            return pa.RecordBatch.from_pylist([], schema=schema)
        tensors = self.transform(raw_tensors(batch.raw, self.stage.features))
        values = [tensors[name].numpy() for name in schema.names[:-1]]
        columns = [
            pa.array(value, kind) for value, kind in zip([*values, batch.labels], schema.types, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=schema)
