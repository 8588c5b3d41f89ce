"""Row ranges together are all rows, in order, however shards and their row groups are cut."""

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.files.artifacts import shard_path
from components.shared.rows.parquet import read_batches, read_columns, read_footer, read_schema
from components.shared.rows.row_ranges import count_rows, plan_ranges, plan_row_groups, read_range
from configs.errors import UnreadableFileError

PROPERTY = settings(deadline=None, max_examples=60)  # no test is timed
SIZE = st.integers(1, 45)


def written(folder: Path, sizes: list[int], group_rows: int) -> pa.Table:
    """Shards of these sizes; returns all their rows."""
    table = pa.table({"place": range(sum(sizes)), "text": [f"row {n}" for n in range(sum(sizes))]})
    first = 0
    for index, size in enumerate(sizes):
        path = shard_path(folder, "score", index)
        pq.write_table(table.slice(first, size), path, row_group_size=group_rows)
        first += size
    return table


@PROPERTY
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    group_rows=SIZE,
    shard_rows=SIZE,
    batch_rows=SIZE,
)
def test_ranges_are_all_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    group_rows: int,
    shard_rows: int,
    batch_rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    table = written(folder, sizes, group_rows)
    ranges = plan_ranges(folder, "score", shard_rows)
    assert [each.index for each in ranges] == list(range(len(ranges)))
    assert all(1 <= each.rows <= shard_rows for each in ranges)
    assert count_rows(ranges) == table.num_rows
    found = [batch for each in ranges for batch in read_range(each, ["place", "text"], batch_rows)]
    assert all(1 <= batch.num_rows <= batch_rows for batch in found)
    assert pa.Table.from_batches(found, table.schema).equals(table)


@PROPERTY
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), group_rows=SIZE, least_rows=SIZE)
def test_ranges_of_row_groups_are_all_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], group_rows: int, least_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    table = written(folder, sizes, group_rows)
    ranges = plan_row_groups(folder, "score", least_rows)
    found = [batch for each in ranges for batch in read_range(each, ["place", "text"], 7)]
    assert pa.Table.from_batches(found, table.schema).equals(table)
    assert all(each.first % group_rows == 0 for each in ranges)
    for each, after in itertools.pairwise(ranges):
        assert each.rows >= least_rows or each.shard != after.shard
    assert all(each.rows < least_rows + group_rows for each in ranges)


@PROPERTY
@given(
    first=st.integers(0, 45),
    length=st.integers(0, 45),
    group_rows=SIZE,
    batch_rows=SIZE,
)
def test_a_range_of_a_shard_is_its_slice(
    tmp_path_factory: pytest.TempPathFactory, first: int, length: int, group_rows: int, batch_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    table = written(folder, [40], group_rows).select(["text"])
    path = shard_path(folder, "score", 0)
    found = list(read_batches(path, ["text"], batch_rows, first, first + length))
    assert pa.Table.from_batches(found, table.schema).equals(table.slice(first, length))


def test_only_the_row_groups_of_a_range_are_read(tmp_path: Path) -> None:
    """The others may be damaged: nobody looks."""
    written(tmp_path, [40], 10)
    path = shard_path(tmp_path, "score", 0)
    content, footer = bytearray(path.read_bytes()), read_footer(path)
    start = footer.row_group(0).column(0).dictionary_page_offset or 4
    end = footer.row_group(1).column(0).dictionary_page_offset or 0
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    (batch,) = read_batches(path, ["place"], 100, 20, 30)
    assert batch.column("place").to_pylist() == list(range(20, 30))
    with pytest.raises(UnreadableFileError):
        list(read_batches(path, ["place"], 100, 0, 5))


def test_a_shard_that_is_no_parquet_names_itself_and_the_stage_that_wrote_it(tmp_path: Path) -> None:
    path = shard_path(tmp_path, "score", 0)
    path.write_bytes(b"this is no Parquet")
    readers = (
        read_footer,
        read_schema,
        lambda shard: list(read_batches(shard, None, 10)),
        lambda shard: read_columns(shard, ["x"]),
    )
    for read in readers:
        with pytest.raises(UnreadableFileError) as raised:
            read(path)
        assert raised.value.subject == str(path)
        assert "`ingest`" in raised.value.remedy
    with pytest.raises(UnreadableFileError) as raised:
        read_footer(path, "transform")
    assert "`transform`" in raised.value.remedy
