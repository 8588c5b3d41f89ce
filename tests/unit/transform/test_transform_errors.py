"""What cannot work is said before Beam starts, with the remedy; nothing half-written stays."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from components.shared.files.artifacts import shards
from components.shared.stage.recording import silent
from components.transform import core
from configs.errors import (
    DataError,
    EmptySplitError,
    LabelError,
    MissingFeatureError,
    SettingsError,
    UnreadableFileError,
)
from configs.features import Categorical, Features, Numeric


def said(error: type[Exception], rows: Path, stage: Any, folder: Path) -> str:
    """The message of the error that the core raises; whatever it wrote is gone."""
    with pytest.raises(error) as raised:
        core.run(rows, stage, folder / "graph", folder / "examples", silent)
    assert not list(folder.iterdir())
    return str(raised.value)


@pytest.fixture
def rows(transformed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rows, to be damaged."""
    copy = tmp_path_factory.mktemp("damaged") / "rows"
    shutil.copytree(transformed.rows, copy)
    return copy


def test_a_split_without_rows_is_named(run: Any, rows: Path, tmp_path: Path) -> None:
    for split in ("train", "eval"):
        for shard in shards(rows, split):
            shard.rename(shard.with_suffix(".away"))
        message = said(EmptySplitError, rows, run.stage(), tmp_path)
        assert f"split '{split}': expected at least one row, got none" in message
        for shard in (rows / split).iterdir():
            shard.rename(shard.with_suffix(".parquet"))


def test_a_feature_that_is_not_in_the_rows_is_named(run: Any, rows: Path, tmp_path: Path) -> None:
    stage = run.stage(Features(numeric={"distance": Numeric(), "altitude": Numeric()}))
    message = said(MissingFeatureError, rows, stage, tmp_path)
    assert "features ['altitude']" in message
    assert "Return them from the query" in message


def test_a_string_declared_numeric_is_rejected_with_the_remedy(run: Any, rows: Path, tmp_path: Path) -> None:
    message = said(DataError, rows, run.stage(Features(numeric={"carrier": Numeric()})), tmp_path)
    assert "feature 'carrier' is declared numeric: expected a number or boolean" in message
    assert "got string" in message
    assert "SAFE_CAST(carrier AS FLOAT64)" in message


def test_a_nested_column_is_rejected_with_the_remedy(run: Any, tmp_path: Path) -> None:
    table = run.flights.slice(0, 100)
    table = table.append_column("legs", pa.array([["a", "b"]] * 100))
    place = run.rows(table, table)
    message = said(DataError, place, run.stage(Features(categorical={"legs": Categorical()})), tmp_path)
    assert "feature 'legs' is declared categorical: expected one value a row, got list" in message


@pytest.mark.parametrize(("column", "got"), [("gone", "no such column"), ("carrier", "string")])
def test_a_label_that_is_no_number_is_rejected_with_the_remedy(
    run: Any, rows: Path, tmp_path: Path, column: str, got: str
) -> None:
    stage = run.stage(Features(numeric={"distance": Numeric()}))
    stage = stage.model_copy(update={"label": stage.label.model_copy(update={"column": column})})
    message = said(LabelError, rows, stage, tmp_path)
    assert f"label '{column}': expected a column of numbers, 0 or 1, got {got}" in message
    assert "label.positive" in message


def test_a_misspelt_beam_option_names_the_nearest(run: Any, rows: Path, tmp_path: Path) -> None:
    stage = run.stage(options=("--runer=FnApiRunner",))
    message = said(SettingsError, rows, stage, tmp_path)
    assert "--runer=FnApiRunner" in message
    assert "Did you mean --runner?" in message


def test_a_file_that_is_no_parquet_is_named(run: Any, rows: Path, tmp_path: Path) -> None:
    shard = shards(rows, "train")[1]
    shard.write_bytes(b"this is no Parquet")
    message = said(UnreadableFileError, rows, run.stage(), tmp_path)
    assert f"{shard}: expected a whole Parquet file" in message


def test_damage_that_only_a_worker_meets_is_named_as_well(run: Any, rows: Path, tmp_path: Path) -> None:
    shard = shards(rows, "train")[1]
    content = bytearray(shard.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    shard.write_bytes(content)
    message = said(UnreadableFileError, rows, run.stage(), tmp_path)
    assert f"{shard}: expected a whole Parquet file" in message
    assert "run from `ingest`" in message


def test_an_output_of_an_earlier_run_stays_when_a_later_one_fails(
    run: Any, transformed: Any, tmp_path: Path
) -> None:
    for folder in ("graph", "examples"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "kept").touch()
    stage = run.stage(Features(numeric={"altitude": Numeric()}))
    with pytest.raises(MissingFeatureError):
        core.run(transformed.rows, stage, tmp_path / "graph", tmp_path / "examples", silent)
    assert all((tmp_path / folder / "kept").exists() for folder in ("graph", "examples"))
