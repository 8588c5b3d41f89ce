"""What `predict-batch` does, between the settings and the screen."""

import datetime
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json, shards
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.rejected import REJECTED
from components.shared.stage.records import artifact_path, artifact_uri
from configs.errors import UnknownRunError
from configs.settings import Settings
from pipelines import view
from pipelines.commands.execution import execute
from pipelines.runs import find_run

_ROWS_SHOWN = 5


def run(settings: Settings, *, version: str = "", repeat: str = "", caching: bool = True) -> bool:
    """Run the prediction pipeline and show it; returns whether every stage ended well.

    `version` is a number or an alias, empty for the champion; `repeat` a run whose predictions this one takes
    the place of, empty for none.

    Raises:
        UnknownRunError: No such run to repeat.
        SettingsError, CloudError, QueryError, BudgetError: See `execute`.
    """
    given = _parameters(settings, version, repeat)
    return execute(settings, "prediction", given, _show_result, () if caching else None)


def _parameters(settings: Settings, version: str = "", repeat: str = "") -> dict[str, str]:
    """Of the run that is repeated, with the version that it chose; else of a run that begins now."""
    if not repeat:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        return {"scored_at": now.isoformat(), "version": version}
    earlier = _earlier(settings, repeat)
    given = earlier["parameters"]
    chosen: dict[str, str] = next(
        (each["summary"] for each in earlier["stages"] if each["stage"] == "choose"), {}
    )
    return {
        "run_id": given["run_id"] or earlier["run_id"],
        "scored_at": given["scored_at"] or chosen.get("scored_at", ""),
        "version": version or chosen.get("version", "") or given["version"],
    }


def _earlier(settings: Settings, run_id: str) -> dict[str, Any]:
    """The manifest of a run that was started here, or by anyone in the environment."""
    try:
        manifest: dict[str, Any] = read_json(find_run(settings.run_root, run_id, "prediction") / MANIFEST)
    except UnknownRunError:
        if settings.cloud is None:
            raise
        from pipelines.runners import following

        manifest = following.find_run(settings, run_id, "prediction")
    return manifest


def _show_result(console: Console, manifest: Mapping[str, Any], places: dict[str, str]) -> None:
    predictions, delivery = (artifact_path(manifest, name) for name in ("predictions", "delivery"))
    predicted = read_json(predictions / "predictions.json") if predictions else {}
    output = read_json(delivery / "delivery.json")["output"] if delivery else ""
    if predictions:
        there = place(artifact_uri(manifest, "predictions"))
        console.print(view.predictions_line(predicted))
        console.print(view.predictions_table(_first_rows(there)))
        for reason, count in predicted["rejected"].items():
            console.print(f"[yellow]rejected[/]  {count:,} x {escape(reason)}")
        if predicted["rejected"]:
            places["rejected rows"] = str(there / REJECTED)
    console.print(f"\n[green]done[/] in {manifest['seconds']:.1f} s  {_rates(manifest, predicted)}")
    view.show_places(console, {"predictions": output, **places, **manifest.get("links", {})})
    console.print(f"next:  [bold]{escape(_next(manifest, output))}[/]", soft_wrap=True)


def _rates(manifest: Mapping[str, Any], predicted: Mapping[str, Any]) -> str:
    rows = f"{predicted.get('rows', 0):,} rows"
    for record in manifest["stages"]:
        if record["stage"] == "predict" and not record["cached"] and record["seconds"].get("work"):
            return f"{rows}, {predicted['rows'] / record['seconds']['work']:,.0f} rows/s"
    return f"{rows}, taken from the cache"


def _next(manifest: Mapping[str, Any], output: str) -> str:
    from components.report.scored import look

    if output.startswith("bq://"):
        return look(output, manifest["parameters"]["run_id"])
    return f"python -m pipelines status {manifest['name']}"


def _first_rows(predictions: Place) -> list[dict[str, Any]]:
    """The first few predictions of a run."""
    from components.shared.rows.parquet import read_batches

    for shard in shards(predictions, "score"):
        for batch in read_batches(shard, None, _ROWS_SHOWN):
            return list(batch.to_pylist())
    return []
