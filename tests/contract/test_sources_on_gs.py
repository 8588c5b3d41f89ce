"""Files on `gs://` as a source: the same tables, rows and fingerprints as below a folder."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.gcs.client import blob
from components.shared.files.gcs_path import BucketPath
from components.shared.sources import open_source
from configs.errors import PlaceError, SourceError, UnreadableFileError
from configs.rows import Source
from tests.errors import raises

SQL = "SELECT a.id, b.name FROM first AS a JOIN second AS b USING (id) ORDER BY id"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables, and one that no query reads."""
    for part in (0, 1):
        (tmp_path / "first").mkdir(exist_ok=True)
        ids = pa.table({"id": list(range(part * 10, part * 10 + 10))})
        pq.write_table(ids, tmp_path / "first" / f"{part}.parquet")
    (tmp_path / "second.csv").write_text("id,name\n3,c\n17,q\n")
    (tmp_path / "unused.csv").write_text("a,b\n1,2\n")
    return tmp_path


@pytest.fixture
def uploaded(folder: Path, bucket: BucketPath) -> str:
    """The same on `gs://`."""
    gcs_writing.publish(folder, f"{bucket}data")
    return f"{bucket}data"


def rows(uri: str) -> list[dict[str, Any]]:
    with open_source(uri).rows(Source(uri=uri, sql=SQL)) as found:
        found.materialize()
        return [
            row for batch in found.select("SELECT * FROM result ORDER BY id") for row in batch.to_pylist()
        ]


def test_the_same_tables_rows_and_fingerprint(folder: Path, uploaded: str) -> None:
    here, there = open_source(f"file://{folder}"), open_source(uploaded)
    assert here.tables() == there.tables()
    assert rows(f"file://{folder}") == rows(uploaded) == [{"id": 3, "name": "c"}, {"id": 17, "name": "q"}]
    selection = Source(uri=uploaded, sql=SQL)
    assert here.fingerprint(selection) == there.fingerprint(selection)


def test_only_what_the_query_reads_is_fetched(uploaded: str, storage_server: Any) -> None:
    def fetched() -> set[str]:
        media = [each.path for each in storage_server.answered if "alt=media" in each.path]
        return {path.partition("?")[0].rpartition("/data/")[2] for path in media}

    storage_server.answered.clear()
    open_source(uploaded).fingerprint(Source(uri=uploaded, sql=SQL))
    assert fetched() == set()
    rows(uploaded)
    assert fetched() == {"first/0.parquet", "first/1.parquet", "second.csv"}


def test_another_content_is_another_fingerprint(uploaded: str) -> None:
    selection = Source(uri=uploaded, sql=SQL)
    before = open_source(uploaded).fingerprint(selection)
    blob(f"{uploaded}/second.csv").upload_from_string("id,name\n3,d\n17,q\n")
    assert open_source(uploaded).fingerprint(selection) != before


def test_one_object_is_a_folder_of_one_table(uploaded: str) -> None:
    assert list(open_source(f"{uploaded}/second.csv").tables()) == ["second"]


def test_what_is_wrong_is_reported_with_its_uri(uploaded: str, bucket: BucketPath) -> None:
    with raises(SourceError, subject=f"the source folder {bucket}nothing", expected="a folder"):
        open_source(f"{bucket}nothing").tables()
    with raises(PlaceError, remedy=re.compile("gcloud storage buckets create gs://no-such-bucket ")):
        open_source("gs://no-such-bucket/data").tables()
    blob(f"{uploaded}/first/1.parquet").upload_from_string("no Parquet")
    with raises(UnreadableFileError, subject=f"{uploaded}/first/1.parquet", expected="a Parquet file"):
        rows(uploaded)
