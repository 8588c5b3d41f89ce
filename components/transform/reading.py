"""Reading the rows inside Beam's workers: accepted raw values, rejected rows, counts."""

import dataclasses
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from components.shared.beam.counters import count
from components.shared.rows.label import label_complaints
from components.shared.rows.raw import raw_batch
from components.shared.rows.rejected import accepted_rows, reasons, rejected_rows, text_complaints
from components.shared.rows.row_ranges import RowRange, batches
from components.transform.settings import TransformStage


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some rows of a piece, judged."""

    raw: pa.RecordBatch
    """The accepted rows: the features, by the raw convention."""
    labels: "np.ndarray[tuple[int], np.dtype[np.int64]]"
    """Their labels, 0 or 1."""
    rejected: pa.Table | None
    """The others, with their reasons, if there are any."""


def read(piece: RowRange, stage: TransformStage) -> Iterator[Batch]:
    """The rows of a piece in order, judged and counted, at most `batch_rows` at a time."""
    features, label = stage.features, stage.label.column
    columns = dict.fromkeys([*([stage.key] if stage.key else []), label, *features.columns])
    for batch in batches(piece, list(columns), stage.transform.batch_rows):
        texts = text_complaints(batch, features.categorical, stage.transform.max_string_bytes)
        why = reasons(batch.num_rows, chain(label_complaints(batch, label), texts))
        accepted = accepted_rows(batch, why)
        rejected = rejected_rows(batch, why) if accepted.num_rows < batch.num_rows else None
        raw = raw_batch(accepted, features)
        count(
            piece.split,
            rows=batch.num_rows,
            rejected=[reason for reason in why if reason],
            missing={name: int(np.isnan(raw.column(name)).sum()) for name in features.numeric},
        )
        labels = accepted.column(label).to_numpy(zero_copy_only=False).astype(np.int64)
        yield Batch(raw, labels, rejected)
