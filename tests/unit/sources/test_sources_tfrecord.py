"""TFRecord of tf.Example, written by TensorFlow itself, read without it."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from components.shared.sources.duckdb import tfrecord
from configs.errors import UnreadableFileError


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25,000 records: ints, floats, strings, raw bytes, several values, holes, a feature that comes late."""
    import tensorflow as tf

    def feature(value: list[Any]) -> Any:
        if isinstance(value[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=value))
        if isinstance(value[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))

    folder = tmp_path_factory.mktemp("records")
    with tf.io.TFRecordWriter(str(folder / "t.tfrecord")) as writer:
        for number in range(25_000):
            features: dict[str, list[Any]] = {
                "id": [number],
                "price": [number / 4],
                "name": ["ünïcode".encode() if number else b""],
                "raw": [bytes([255, number % 256])],
                "tags": [b"a", b"b"][: 1 + number % 2],
            }
            if number % 3:
                features["rare"] = [number]
            if number > 20_000:
                features["late"] = [b"x"]
            example = tf.train.Example(
                features=tf.train.Features(feature={name: feature(value) for name, value in features.items()})
            )
            writer.write(example.SerializeToString())
    return folder


def test_every_record_is_a_row_with_the_types_of_its_features(ask: Any, records: Path) -> None:
    rows = ask(f"file://{records}", "SELECT * FROM t ORDER BY id")
    assert len(rows) == 25_000
    assert rows[0] == {
        "id": 0, "price": 0.0, "name": "", "raw": b"\xff\x00", "tags": ["a"], "rare": None, "late": None,
    }  # fmt: skip
    assert rows[24_001] == {
        "id": 24_001, "price": 6000.25, "name": "ünïcode", "raw": bytes([255, 24_001 % 256]),
        "tags": ["a", "b"], "rare": 24_001, "late": "x",
    }  # fmt: skip


def test_gzip_reads_the_same(records: Path, tmp_path: Path) -> None:
    packed = tmp_path / "t.tfrecord.gz"
    packed.write_bytes(gzip.compress((records / "t.tfrecord").read_bytes(), 1))
    assert list(tfrecord.read_records(packed)) == list(tfrecord.read_records(records / "t.tfrecord"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda whole: whole[:-3], "record 25000"),
        (lambda whole: whole[:5] + b"\x01" + whole[6:], "record 1: the checksum of its length"),
        (lambda whole: whole[:20] + b"\x00" + whole[21:], "record 1: the checksum of its content"),
        (lambda _: b"a,b\n1,2\n" * 5, "record 1"),
    ],
    ids=["cut off", "length", "content", "foreign"],
)
def test_a_damaged_file_is_named_with_the_record(
    ask: Any, records: Path, folder: Path, damage: Any, said: str
) -> None:
    (folder / "bad.tfrecord").write_bytes(damage((records / "t.tfrecord").read_bytes()))
    with pytest.raises(UnreadableFileError, match=rf"bad\.tfrecord: expected a TFRecord file.*{said}"):
        ask(f"file://{folder}")


def test_records_of_something_else_are_rejected(ask: Any, folder: Path) -> None:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(folder / "t.tfrecord")) as writer:
        writer.write(b"\xff\xff\xff no example")
    with pytest.raises(UnreadableFileError, match=r"t\.tfrecord: expected records of tf\.Example"):
        ask(f"file://{folder}")
