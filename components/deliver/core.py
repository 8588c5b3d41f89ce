"""Delivers the predictions of a run to a folder or a table; a run that is repeated replaces its own."""

from typing import Any

from components.deliver.settings import DeliverStage
from components.shared.files.artifacts import Summary, copy_files, read_json, shards, write_json, writing
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from configs.errors import DataError

DESCRIPTION, DELIVERED = "predictions.json", "_predictions.json"
"""The description of a run's predictions: in the artifact, and next to the delivered shards, where readers of
a folder of Parquet skip names that begin with an underscore."""


def run(predictions: Place, stage: DeliverStage, out: Place, progress: Progress) -> Summary:
    """Put the predictions where the settings say.

    Below a folder or a bucket each run has a folder of its own, named by its id, which appears whole. In a
    table the rows of the run appear at once, in the place of those that the same run left before.

    Args:
        predictions: The `predictions` artifact.
        stage: Where they go.
        out: The `delivery` artifact: `delivery.json`.
        progress: Called while the predictions are delivered.

    Raises:
        PlaceError, SourceError, BusyError: The place is missing, closed to us, or not reached.
        DataError: The table has other columns, or in the end other rows.
    """
    description = read_json(predictions / DESCRIPTION)
    rows = int(description["predictions"])
    progress("delivering", 0, rows)
    if stage.output.startswith("bq://"):
        from components.deliver import table

        delivered = table.deliver(shards(predictions, "score"), description, stage)
        if delivered != rows:
            raise DataError(
                stage.output,
                expected=f"{rows:,} rows of run {description['run_id']}",
                got=f"{delivered:,}",
                remedy="Another run wrote there at the same time: run the same command again.",
            )
        output = stage.output
    else:
        folder = place(f"{stage.output}/{description['run_id']}")
        names = {f"score/{each.name}": each.name for each in shards(predictions, "score")}
        copy_files(predictions, folder, names | {DESCRIPTION: DELIVERED})
        output = str(folder)
    progress("delivering", rows, rows)
    with writing(out) as tmp:
        write_json(tmp / "delivery.json", _description(output, description))
    return {"rows": rows, "output": output}


def _description(output: str, description: dict[str, Any]) -> dict[str, Any]:
    names = ("run_id", "model_name", "model_version", "scored_at", "predictions", "positives", "rejected")
    return {"output": output, **{name: description[name] for name in names}}
