"""Scores the frozen test split with the candidate and the champion, measures both, and judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluate.analysis import Measured, Metrics, SliceKey, analyze_groups, analyze_rows, slice_key
from components.evaluate.curves import confusion, curves
from components.evaluate.eval_config import CANDIDATE, CHAMPION, ROLES, Measure, eval_config, where_defined
from components.evaluate.frozen import open_split
from components.evaluate.gates import Verdict, judge
from components.evaluate.preaggregated import BySlice, chosen_bins
from components.evaluate.scoring_pass import Scored, ScoringPass, score, score_on_workers
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import OVERALL, SliceBook, check_columns
from components.shared.beam.options import pipeline_options, runs_elsewhere
from components.shared.files.artifacts import Summary, write_json, writing
from components.shared.files.place import Place
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import JobProgress
from configs.metrics import METRICS
from configs.places import Beam

TFMA = "tfma"
"""The folder of TFMA's results in an `evaluation`."""


def run(  # noqa: PLR0913, PLR0917 - the stage's inputs, settings and output
    rows: Place,
    model: Place,
    champion: Place | None,
    champion_version: str,
    stage: EvaluateStage,
    out: Place,
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
            `golden.json`, `verdict.json` and TFMA's results in `tfma/`.
        progress: Called with the number of scored rows.

    Raises:
        EmptySplitError: There are no test rows.
        LabelError: The label is not 0 or 1, or the same in all test rows.
        MissingFeatureError: A column to slice by, or the key, is not among the rows'.
        CloudError: Beam's job on Dataflow is rejected, fails or is cancelled.
        ModelError: A model cannot be loaded, wants other rows, or gives no probabilities.
    """
    options = pipeline_options(stage.beam, "evaluate", out)
    split = open_split(rows, stage.label.column)
    check_columns(split.schema, stage.evaluation.slices, stage.key)
    scorers = [Scorer(model, "the candidate")]
    if champion is not None:
        scorers.append(Scorer(champion, f"the champion (version {champion_version})"))
    for scorer in scorers:
        scorer.check(split.schema)
    features = [name for scorer in scorers for name in scorer.features.columns]
    sliced = [name for columns in stage.evaluation.slices for name in columns]
    columns = [*features, *sliced, *([stage.key] if stage.key else [])]
    scoring = ScoringPass(split, stage, scorers[0].features, columns)
    evaluation = _Evaluation(scoring, dict(zip(ROLES, scorers, strict=False)), options, progress)
    scored = evaluation.score()
    slices = len(scored.book.slices)
    progress("measuring slices", 0, slices)
    with writing(out) as folder:
        metrics, verdict = evaluation.judge(folder, scored)
        metrics["champion_version"] = champion_version if champion else None
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "verdict.json", verdict.content())
        write_json(folder / "golden.json", scored.golden.content())
    progress("measuring slices", slices, slices)
    return _summary(metrics, verdict)


@dataclass(frozen=True)
class _Evaluation:
    """Models on the same rows, by their roles."""

    scoring: ScoringPass
    scorers: Mapping[str, Scorer]
    options: PipelineOptions
    progress: JobProgress

    def score(self) -> Scored:
        """Every model on the same rows: here, or on Beam's workers where those are other machines.

        Here Beam would only add to the time of a loop, and could not report how far it is.
        """
        scorers = list(self.scorers.values())
        if runs_elsewhere(self.options):
            return score_on_workers(self.scoring, scorers, self.options, self.progress)
        done = 0

        def count(rows: int) -> None:
            nonlocal done
            done += rows
            self.progress("scoring rows", done, self.scoring.split.rows)

        return score(self.scoring, scorers, count)

    def judge(self, folder: Path, scored: Scored) -> tuple[dict[str, Any], Verdict]:
        """Measure and judge; TFMA's results and the curves are written into the folder."""
        settings, split, book = self.scoring.stage.evaluation, self.scoring.split, scored.book
        bins = chosen_bins(scored.models, settings.bins)
        groups = [each.within(bins).by_slice() for each in scored.models]
        models = dict(zip(self.scorers, groups, strict=True))
        measure = Measure(split.label, bins, settings.threshold)
        defined = where_defined(models, book, settings.min_slice_rows)
        config = eval_config(list(models), settings.slices, measure, settings.gates, defined)
        found = self._analyze(folder / TFMA, config, models, book)
        roles = {
            role: _contents(slices, found[role], book, settings.min_slice_rows)
            for role, slices in models.items()
        }
        candidate, champion = roles[CANDIDATE], roles.get(CHAMPION)
        drawn = {role: curves(slices[OVERALL]) for role, slices in models.items()}
        write_json(folder / "curves.json", {CHAMPION: None, **drawn})
        metrics = {
            "rows": split.rows,
            "positives": split.positives,
            "threshold": settings.threshold,
            "bins": bins,
            "confusion": confusion(models[CANDIDATE][OVERALL]),
            "auc_uncertainty": max(slices[OVERALL].auc_resolution_error() for slices in groups),
            CANDIDATE: candidate,
            CHAMPION: champion,
        }
        return metrics, judge(settings.gates, candidate, champion, settings.min_slice_rows)

    def _analyze(self, folder: Path, config: Any, models: Mapping[str, BySlice], book: SliceBook) -> Measured:
        """TFMA on rows where they are scored, or on groups here: there are few, wherever they come from."""
        if self.scoring.stage.evaluation.aggregation == "rows":
            return analyze_rows(folder, config, self.scoring, self.scorers, self.options, self.progress)
        least = self.scoring.stage.evaluation.min_slice_rows
        large = {
            role: {
                slice_key(book.slices[number]): groups
                for number, groups in slices.items()
                if number == OVERALL or groups.counts["rows"] >= least
            }
            for role, slices in models.items()
        }
        beam = Beam() if runs_elsewhere(self.options) else self.scoring.stage.beam
        return analyze_groups(folder, config, large, pipeline_options(beam))


def _contents(
    slices: BySlice, found: Mapping[SliceKey, Metrics], book: SliceBook, min_rows: int
) -> dict[str, Any]:
    """The counts and metrics of a model as in `metrics.json`: `overall` and `slices`.

    Args:
        slices: Its pre-aggregated rows.
        found: What TFMA measured.
        book: The slices that the numbers mean.
        min_rows: Slices with fewer rows are counted only.
    """

    def content(number: int) -> dict[str, Any]:
        groups = slices[number]
        measured = number == OVERALL or groups.counts["rows"] >= min_rows
        metrics = found[slice_key(book.slices[number])] if measured else {}
        defined = groups.defined_metrics
        values = {name: metrics.get(name) if name in defined else None for name in METRICS}
        return {"rows": groups.counts["rows"], "positives": groups.counts["positives"], **values}

    return {
        "overall": content(OVERALL),
        "slices": [{"slice": book.slices[number].named, **content(number)} for number in book.ordered()],
    }


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
