"""Predictions where they are wanted: a folder for each run, in the place of that run's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.deliver import core
from components.deliver.component import deliver
from components.deliver.settings import DeliverStage
from components.shared.files.artifacts import read_json
from components.shared.stage.recording import silent
from tests.unit.prediction.conftest import Predicted

Put = Callable[..., Path]
Run = Callable[..., Predicted]
Deliver = Callable[[Predicted], Any]
RUN = "flights-prediction-1"


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    """The folder that the settings name."""
    return tmp_path / "wanted"


@pytest.fixture
def done(flights: pa.Table, put: Put, predicted: Run) -> Predicted:
    """A thousand predictions."""
    return predicted(put(flights))


@pytest.fixture
def deliveries(wanted: Path, tmp_path: Path) -> Deliver:
    """Delivers them."""

    def run(predictions: Predicted) -> Any:
        return core.run(predictions.folder, stage(wanted), tmp_path / "delivery", silent)

    return run


def stage(wanted: Path) -> DeliverStage:
    return DeliverStage(output=f"file://{wanted}")


def there(wanted: Path) -> pa.Table:
    return pq.read_table(wanted, partitioning=None)


def test_a_run_has_a_folder_of_its_own_with_every_prediction(
    done: Predicted, deliveries: Deliver, wanted: Path, tmp_path: Path
) -> None:
    assert deliveries(done) == {"rows": 1000, "output": str(wanted / RUN)}
    assert there(wanted).to_pylist() == done.rows()
    assert read_json(wanted / RUN / "_predictions.json") == done.description
    assert read_json(tmp_path / "delivery/delivery.json")["output"] == str(wanted / RUN)


def test_a_repeated_run_takes_its_own_place(done: Predicted, deliveries: Deliver, wanted: Path) -> None:
    deliveries(done)
    deliveries(done)
    assert there(wanted).num_rows == 1000


def test_another_run_is_added(done: Predicted, deliveries: Deliver, wanted: Path) -> None:
    deliveries(done)
    description = done.folder / "predictions.json"
    description.write_text(description.read_text().replace(RUN, "flights-prediction-2"))
    deliveries(done)
    assert sorted(folder.name for folder in wanted.iterdir()) == [RUN, "flights-prediction-2"]
    assert there(wanted).num_rows == 2000


def test_a_delivery_that_breaks_off_leaves_the_former_predictions(
    done: Predicted, deliveries: Deliver, wanted: Path, tmp_path: Path
) -> None:
    deliveries(done)
    shard = done.folder / "score/part-00001.parquet"
    shard.unlink()
    shard.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        deliveries(done)
    assert there(wanted).num_rows == 1000


def test_the_component_records_where_they_went(
    done: Predicted, wanted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE_RECORDS", str(tmp_path / "records"))
    deliver.python_func(
        predictions=dsl.Artifact(name="predictions", uri=str(done.folder)),
        settings=stage(wanted).model_dump_json(),
        delivery=dsl.Artifact(name="delivery", uri=str(tmp_path / "delivery")),
    )
    record = read_json(tmp_path / "records/deliver.stage.json")
    assert record["summary"] == {"rows": 1000, "output": str(wanted / RUN)}
