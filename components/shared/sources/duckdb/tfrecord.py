"""TFRecord files of tf.Example as Parquet, a batch at a time and without TensorFlow.

The framing is that of TFRecord: length (uint64), its masked CRC-32C, the record, its masked
CRC-32C, all little-endian (tensorflow/core/lib/io/record_writer.h).
"""

import gzip
import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google_crc32c
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.rows.rejected import is_utf8
from components.shared.sources.duckdb.errors import unreadable

_BATCH_RECORDS = 10_000
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8


@dataclass
class Converted:
    """Parquet files whose columns are lists, as tf.Example has them, and what the lists hold."""

    files: list[Path] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    """Every feature, in the order of appearance."""
    repeated: set[str] = field(default_factory=set)
    """Features with more than one value in some record."""
    text: set[str] = field(default_factory=set)
    """Features of bytes."""
    binary: set[str] = field(default_factory=set)
    """Features of bytes that are not UTF-8 in some record."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Take note of a batch's columns."""
        column: Any
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            self.columns.setdefault(name)
            if (pc.max(pc.list_value_length(column)).as_py() or 0) > 1:
                self.repeated.add(name)
            if pa.types.is_large_binary(column.type.value_type):
                self.text.add(name)
                if not is_utf8(column.values):
                    self.binary.add(name)


def to_parquet(files: Sequence[Path], folder: Path) -> Converted:
    """Write one Parquet file for each batch of records into `folder`.

    Raises:
        UnreadableFileError: A file is cut off, fails its checksums or holds no tf.Example.
    """
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder()
    converted = Converted()
    for file in files:
        records = read_records(file)
        while some := list(itertools.islice(records, _BATCH_RECORDS)):
            try:
                batch = decoder.DecodeBatch(some)
            except (RuntimeError, ValueError) as error:
                raise unreadable(file, "records of tf.Example", str(error)) from error
            # A feature that no record of the batch has a value for has no type.
            batch = batch.select([each.name for each in batch.schema if not pa.types.is_null(each.type)])
            converted.add(batch)
            converted.files.append(folder / f"part-{len(converted.files):06d}.parquet")
            pq.write_table(pa.Table.from_batches([batch]), converted.files[-1])
    if not converted.columns:
        raise unreadable(files[0].parent, "records of tf.Example", "no feature in any record")
    return converted


def read_records(file: Path) -> Iterator[bytes]:
    """The records of a TFRecord file, plain or gzip, each checked.

    Raises:
        UnreadableFileError: Cut off, or a checksum fails.
    """
    opened: Any = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rb") as stream:
        number = 0
        try:
            while header := stream.read(_HEADER.size):
                number += 1
                yield _record(stream, header)
        except (ValueError, struct.error, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise unreadable(file, "a TFRecord file", f"record {number}: {error}") from error


def _record(stream: Any, header: bytes) -> bytes:
    length, checksum = _HEADER.unpack(header)
    if _masked_crc(header[:8]) != checksum:
        raise ValueError("the checksum of its length is wrong")
    content: bytes = stream.read(length)
    (checksum,) = _FOOTER.unpack(stream.read(_FOOTER.size))
    if _masked_crc(content) != checksum:
        raise ValueError("the checksum of its content is wrong")
    return content


def _masked_crc(content: bytes) -> int:
    crc: int = google_crc32c.value(content)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
