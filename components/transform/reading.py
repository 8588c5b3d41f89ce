"""Reading the rows inside Beam's workers: accepted raw values, rejected rows, counts."""

import dataclasses
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from components.shared.beam.counts import Counts
from components.shared.rows.label import find_label_errors
from components.shared.rows.raw import count_missing, raw_batch
from components.shared.rows.rejected import find_text_errors, split_batch
from components.shared.rows.row_ranges import RowRange, read_range
from components.transform.settings import TransformStage


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows of a range."""

    raw: pa.RecordBatch
    """The accepted rows: the features, by the raw convention."""
    labels: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """Their labels, 0 or 1."""
    rejected: pa.Table | None
    """The other rows with their reasons, if there are any."""
    counts: Counts


def read_rows(row_range: RowRange, stage: TransformStage) -> Iterator[Batch]:
    """The rows of a range in order, at most `batch_rows` at a time."""
    features, label = stage.features, stage.label.column
    columns = dict.fromkeys([*([stage.key] if stage.key else []), label, *features.columns])
    for batch in read_range(row_range, list(columns), stage.transform.batch_rows):
        texts = find_text_errors(batch, features.categorical, stage.transform.max_string_bytes)
        accepted, rejected, reasons = split_batch(batch, chain(find_label_errors(batch, label), texts))
        raw = raw_batch(accepted, features)
        missing = count_missing(raw, features.numeric)
        labels = accepted.column(label).to_numpy(zero_copy_only=False).astype(np.int64)
        yield Batch(raw, labels, rejected, Counts(batch.num_rows, reasons, missing))
