"""Scores the frozen test split with the candidate and the champion, measures both, and judges."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluate.analysis import Measure
from components.evaluate.curves import curves
from components.evaluate.frozen import FrozenSplit, open_split
from components.evaluate.gates import Verdict, judge
from components.evaluate.grouping import blur, within
from components.evaluate.measuring import by_slice, chosen_bins, measured
from components.evaluate.passing import Pass, Scored, score
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import OVERALL, check_columns
from components.evaluate.workers import scored_by_workers
from components.shared.beam.options import elsewhere, pipeline_options
from components.shared.files.artifacts import Summary, write_json, writing
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import JobProgress
from configs.errors import MissingFeatureError
from configs.places import Beam


def run(  # noqa: PLR0913, PLR0917 - the stage's inputs, settings and output
    rows: Path,
    model: Path,
    champion: Path | None,
    champion_version: str,
    stage: EvaluateStage,
    out: Path,
    progress: JobProgress,
) -> Summary:
    """Measure and judge a candidate.

    Args:
        rows: The `rows` artifact; its test split is scored.
        model: The candidate, a SavedModel with the signature `serving_default`.
        champion: The model that serves now; None: there is none.
        champion_version: Its version.
        stage: What is measured, and what must hold.
        out: The `evaluation` artifact, written whole or not at all: `metrics.json`, `curves.json`,
            `golden.json`, `verdict.json` and TFMA's results in `candidate/` and `champion/`.
        progress: Told how many rows are scored.

    Raises:
        EmptySplitError: There are no test rows.
        LabelError: The label is not 0 or 1, or the same in all test rows.
        MissingFeatureError: A column to slice by, or the key, is not among the rows'.
        CloudError: Beam's job on Dataflow is refused, fails or is cancelled.
        ModelError: A model cannot be loaded, wants other rows, or gives no probabilities.
    """
    options = pipeline_options(stage.beam, "evaluate", out)
    split = open_split(rows, stage.label.column)
    check_columns(split.schema, stage.evaluation.slices)
    _check_key(split.schema, stage.key)
    scorers = [Scorer(model, "the candidate")]
    if champion is not None:
        scorers.append(Scorer(champion, f"the champion (version {champion_version})"))
    for scorer in scorers:
        scorer.check(split.schema)
    scored = _score(split, scorers, stage, options, progress)
    progress("measuring slices", 0, len(scored.book.slices))
    with writing(out) as folder:
        local = Beam() if elsewhere(options) else stage.beam  # of groups there are few: see `workers`
        metrics, verdict = _judge(
            folder, split, scored, stage.model_copy(update={"beam": local}), champion_version
        )
    progress("measuring slices", len(scored.book.slices), len(scored.book.slices))
    return _summary(metrics, verdict)


def _score(
    split: FrozenSplit,
    scorers: Sequence[Scorer],
    stage: EvaluateStage,
    options: PipelineOptions,
    progress: JobProgress,
) -> Scored:
    """Every model on the same rows: here, or on Beam's workers where those are other machines.

    Here Beam would only add to the time of a loop, and could not tell how far it is.
    """
    told = Pass(split, stage, scorers[0].features, _columns(scorers, stage))
    if elsewhere(options):
        return scored_by_workers(told, scorers, options, progress)
    done = 0

    def passed(rows: int) -> None:
        nonlocal done
        done += rows
        progress("scoring rows", done, split.rows)

    return score(told, scorers, passed)


def _judge(
    folder: Path, split: FrozenSplit, scored: Scored, stage: EvaluateStage, champion_version: str
) -> tuple[dict[str, Any], Verdict]:
    """Measure, judge and write everything into the folder."""
    settings = stage.evaluation
    bins = chosen_bins(scored.models, settings.bins)
    models = [by_slice(within(groups, bins)) for groups in scored.models]
    results = [folder / name for name, _ in zip(("candidate", "champion"), models, strict=False)]
    measure = Measure(split.label, bins, settings.threshold)
    found = measured(
        dict(zip(results, models, strict=True)), scored.book, measure, settings.min_slice_rows, stage.beam
    )
    candidate, champion = [*found, None][:2]
    assert candidate is not None  # noqa: S101 - for the type checker: there is always a candidate
    verdict = judge(settings.gates, candidate, champion, settings.min_slice_rows)
    metrics = {
        "rows": split.rows,
        "positives": split.positives,
        "threshold": settings.threshold,
        "bins": bins,
        "auc_uncertainty": max(blur(slices[OVERALL]) for slices in models),
        "candidate": candidate,
        "champion": champion,
        "champion_version": champion_version if champion else None,
    }
    drawn = [curves(slices[OVERALL]) for slices in models]
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "curves.json", dict(zip(("candidate", "champion"), [*drawn, None], strict=False)))
    write_json(folder / "golden.json", scored.golden.content())
    write_json(folder / "verdict.json", verdict.content())
    return metrics, verdict


def _summary(metrics: dict[str, Any], verdict: Verdict) -> Summary:
    judged = [each for each in metrics["candidate"]["slices"] if each["log_loss"] is not None]
    summary: dict[str, int | float | str] = {
        "rows": metrics["rows"],
        "slices": len(judged),
        "auc": metrics["candidate"]["overall"]["auc"],
        "decision": verdict.decision,
        "reasons_against": sum(not reason.passed for reason in verdict.reasons),
    }
    if metrics["champion"]:
        summary["champion_auc"] = metrics["champion"]["overall"]["auc"]
    return summary


def _columns(scorers: Sequence[Scorer], stage: EvaluateStage) -> list[str]:
    """What is read of the rows, besides the label."""
    features = [name for scorer in scorers for name in scorer.features.columns]
    sliced = [name for columns in stage.evaluation.slices for name in columns]
    return [*features, *sliced, *([stage.key] if stage.key else [])]


def _check_key(schema: pa.Schema, key: str | None) -> None:
    if key is not None and key not in schema.names:
        raise MissingFeatureError(
            f"key '{key}'",
            expected="a column of the rows",
            got=f"rows with {', '.join(schema.names)}",
            remedy="Return it from the query, or take `key` out of the settings.",
        )
