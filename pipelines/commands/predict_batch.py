"""What `predict-batch` does, between the settings and the screen."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json, shards
from components.shared.files.paths import place
from components.shared.rows.rejected import REJECTED
from components.shared.stage.records import artifact_path, artifact_uri
from configs.settings import Settings
from pipelines import view
from pipelines.commands import execution
from pipelines.commands import report as report_command
from pipelines.commands import seed as seed_command
from pipelines.graph import definitions
from pipelines.runs import (
    begin_manifest,
    find_run,
    new_run,
)

_ROWS_SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """What a person asks for, beside the settings.

    Args:
        version: A number or an alias; empty: the champion.
        repeat: A run whose predictions this one takes the place of; empty: none.
        caching: Take unchanged stages from the cache.
    """

    version: str = ""
    repeat: str = ""
    caching: bool = True


def run(settings: Settings, wanted: Wanted) -> bool:
    """Run the prediction pipeline and show it; returns whether every stage ended well.

    Raises:
        UnknownRunError: No such run to repeat.
        SettingsError: The use case and the environment do not fit batch prediction.
        CloudError, QueryError, BudgetError: See `session.check_before_spending`.
    """
    console = view.open_console()
    parameters = _parameters(settings, wanted)
    seed_command.seed_once(settings)
    execution.check_before_spending(settings, "prediction")
    prediction = definitions.of("prediction")
    pipeline = prediction.build(settings, () if wanted.caching else prediction.order)
    folder = new_run(settings, "prediction")
    given = {**parameters, "run_id": parameters.get("run_id", folder.name)}
    begin_manifest(folder, settings, execution.command(), "prediction", given)
    manifest = execution.execute(console, pipeline, settings, folder, caching=wanted.caching)
    console.print()
    places = {"report": str(report_command.report_path(folder, manifest)), "manifest": str(folder / MANIFEST)}
    if manifest["state"] == "done":
        _show_result(console, manifest, places)
    else:
        execution.show_failure(console, folder, manifest, places)
    return bool(manifest["state"] == "done")


def _parameters(settings: Settings, wanted: Wanted) -> dict[str, str]:
    """Of the run that is repeated, with the version that it chose; else of a run that begins now."""
    if not wanted.repeat:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        return {"scored_at": now.isoformat(), "version": wanted.version}
    earlier = read_json(find_run(settings.run_root, wanted.repeat, "prediction") / MANIFEST)
    chosen = [
        record["summary"].get("version", "") for record in earlier["stages"] if record["stage"] == "choose"
    ]
    version = wanted.version or next(iter(chosen), "") or earlier["parameters"]["version"]
    return {**earlier["parameters"], "version": version}


def _show_result(console: Console, manifest: Mapping[str, Any], places: dict[str, str]) -> None:
    predictions, delivery = (artifact_path(manifest, name) for name in ("predictions", "delivery"))
    told = read_json(predictions / "predictions.json") if predictions else {}
    output = read_json(delivery / "delivery.json")["output"] if delivery else ""
    if predictions:
        there = place(artifact_uri(manifest, "predictions"))
        console.print(view.predictions_line(told))
        console.print(view.predictions_table(_first_rows(there)))
        for reason, count in told["rejected"].items():
            console.print(f"[yellow]rejected[/]  {count:,} x {escape(reason)}")
        if told["rejected"]:
            places["rejected rows"] = str(there / REJECTED)
    console.print(f"\n[green]done[/] in {manifest['seconds']:.1f} s  {_rates(manifest, told)}")
    view.show_places(console, {"predictions": output, **places, **manifest.get("links", {})})
    console.print(f"next:  [bold]{escape(_next(manifest, output))}[/]", soft_wrap=True)


def _rates(manifest: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    rows = f"{told.get('rows', 0):,} rows"
    for record in manifest["stages"]:
        if record["stage"] == "predict" and not record["cached"] and record["seconds"].get("work"):
            return f"{rows}, {told['rows'] / record['seconds']['work']:,.0f} rows/s"
    return f"{rows}, taken from the cache"


def _next(manifest: Mapping[str, Any], output: str) -> str:
    from components.report.scored import look

    if output.startswith("bq://"):
        return look(output, manifest["parameters"]["run_id"])
    return f"python -m pipelines status {manifest['name']}"


def _first_rows(predictions: Path) -> list[dict[str, Any]]:
    """The first few predictions of a run."""
    from components.shared.rows.parquet import opened

    for shard in shards(predictions, "score"):
        with opened(shard) as file:
            for batch in file.iter_batches(_ROWS_SHOWN):
                return list(batch.to_pylist())
    return []
