"""The record of a stage: what it keeps, where its output goes, how it explains a failure."""

import dataclasses
import errno
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from components.shared.files.artifacts import read_json
from components.shared.stage.recording import RECORDS_VARIABLE, stage
from configs.errors import EmptySplitError


@dataclasses.dataclass
class Folder:
    """The part of a KFP artifact that a stage sees."""

    name: str
    path: str
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    uri: str = ""


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "stages"
    monkeypatch.setenv(RECORDS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Folder:
    path = tmp_path / "ingest" / "rows"
    path.mkdir(parents=True)
    (path / "data").write_text("x")
    return Folder("rows", str(path))


def test_a_record_names_inputs_outputs_seconds_and_figures(records: Path, rows: Folder) -> None:
    with stage("ingest", outputs={"rows": rows}, parameters={"code": "abc"}) as record:
        record.imported()
        record.summary({"rows": 3})
    kept = read_json(records / "ingest.stage.json")
    assert kept["state"] == "done"
    assert kept["summary"] == {"rows": 3}
    assert kept["parameters"] == {"code": "abc"}
    assert set(kept["seconds"]) == {"start-up", "import", "work"}
    assert kept["peak_memory_mib"] > 0
    assert kept["outputs"]["rows"]["digest"] == rows.metadata["digest"]
    assert read_json(Path(rows.path).parent / "ingest.stage.json") == kept


def test_output_goes_to_the_log_of_the_stage(records: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with stage("train"):
        print("from Python", flush=True)
        os.write(2, b"from C++\n")
    assert (records / "train.log").read_text() == "from Python\nfrom C++\n"
    assert capfd.readouterr().out == ""


def test_without_a_run_output_stays_on_the_screen(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(RECORDS_VARIABLE, raising=False)
    with stage("train"):
        print("seen", flush=True)
    assert capfd.readouterr().out == "seen\n"


def test_a_failure_is_recorded_with_its_cause(records: Path) -> None:
    with pytest.raises(SystemExit), stage("ingest"):
        raise EmptySplitError("split 'test'", expected="rows", got="none")
    kept = read_json(records / "ingest.stage.json")
    assert kept["state"] == "failed"
    assert kept["error"] == {
        "kind": "EmptySplitError",
        "message": "split 'test': expected rows, got none",
        "expected": True,
    }
    assert "Traceback" in (records / "ingest.log").read_text()


def test_a_full_disk_is_described(records: Path) -> None:
    with pytest.raises(SystemExit), stage("transform"):
        raise OSError(errno.ENOSPC, "No space left on device", "examples/part-00000.parquet")
    error = read_json(records / "transform.stage.json")["error"]
    assert error["kind"] == "NoSpaceError"
    assert "examples/part-00000.parquet" in error["message"]
    assert "Free some space" in error["message"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_that_is_stopped_says_so_in_its_record(records: Path, number: signal.Signals) -> None:
    before, undone = signal.getsignal(number), list[str]()

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            undone.append("what it had begun")

    with pytest.raises(SystemExit), stage("transform"):
        work()
    kept = read_json(records / "transform.stage.json")
    assert (kept["state"], kept["error"]["message"]) == ("failed", f"stopped by {number.name}")
    assert undone
    assert signal.getsignal(number) is before


def test_progress_is_there_to_see(records: Path) -> None:
    with stage("train") as record:
        record.progress("epoch 1", 10, 10)
    assert read_json(records / "train.progress.json") == {"what": "epoch 1", "done": 10, "total": 10}


def test_a_process_that_keeps_no_record_writes_nothing(records: Path, rows: Folder) -> None:
    with stage("train", outputs={"rows": rows}, recorded=False) as record:
        record.progress("examples", 1, 2)
        record.summary({"rows": 3})
    assert not records.exists()
    assert [path.name for path in Path(rows.path).parent.iterdir()] == ["rows"]
    assert rows.metadata == {}
