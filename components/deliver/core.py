"""From the predictions of a run to where they are wanted; a run that is repeated takes its own place."""

import shutil
from pathlib import Path
from typing import Any

from components.deliver.settings import DeliverStage
from components.shared.files.artifacts import Summary, read_json, shards, write_json, writing
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.paths import is_remote, local_copy, place
from components.shared.stage.recording import Progress
from configs.errors import DataError

TOLD, DELIVERED = "predictions.json", "_predictions.json"
"""What is said of a run's predictions: in the artifact, and beside the shards, where readers of a folder of
Parquet pass over names that begin so."""


def run(predictions: Path, stage: DeliverStage, out: Path, progress: Progress) -> Summary:
    """Put the predictions where the settings say.

    Below a folder or a bucket each run has a folder of its own, named by its id, which appears whole. In a
    table the rows of the run appear at once, in the place of those that the same run left before.

    Args:
        predictions: The `predictions` artifact.
        stage: Where they go.
        out: The `delivery` artifact: `delivery.json`.
        progress: Told of the work.

    Raises:
        PlaceError, SourceError, BusyError: The place is missing, closed to us, or not reached.
        DataError: The table has other columns, or in the end other rows.
    """
    told = read_json(predictions / TOLD)
    rows = int(told["predictions"])
    progress("delivering", 0, rows)
    if stage.output.startswith("bq://"):
        from components.deliver import table

        there = table.deliver(shards(predictions, "score"), told, stage)
        if there != rows:
            raise DataError(
                stage.output,
                expected=f"{rows:,} rows of run {told['run_id']}",
                got=f"{there:,}",
                remedy="Another run wrote there at the same time: run the same command again.",
            )
        output = stage.output
    else:
        folder = place(f"{stage.output}/{told['run_id']}")
        _copy(predictions, folder)
        output = str(folder)
    progress("delivering", rows, rows)
    with writing(out) as beside:
        write_json(beside / "delivery.json", _description(output, told))
    return {"rows": rows, "output": output}


def _copy(predictions: Path, folder: Path) -> None:
    if is_remote(predictions) and is_remote(folder):
        names = {f"score/{each.name}": each.name for each in shards(predictions, "score")}
        gcs_writing.copy(str(predictions), str(folder), names | {TOLD: DELIVERED})
        return
    if not is_remote(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with writing(folder) as beside, local_copy(predictions) as here:
        for shard in shards(here, "score"):
            shutil.copyfile(shard, beside / shard.name)
        shutil.copyfile(here / TOLD, beside / DELIVERED)


def _description(output: str, told: dict[str, Any]) -> dict[str, Any]:
    kept = ("run_id", "model_name", "model_version", "scored_at", "predictions", "positives", "rejected")
    return {"output": output, **{name: told[name] for name in kept}}
