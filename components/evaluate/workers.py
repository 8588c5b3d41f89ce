"""The same pass on Beam's workers: each scores some row groups, and what they count is added up there.

Only groups come back, whose number does not grow with the rows. TFMA then measures them in the stage's own
process, as everywhere: a second job would take minutes to start for some seconds of work.
"""

import contextlib
import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluate.analysis import Metrics, ScoredRows, SliceKey, analyze, distribute_parts
from components.evaluate.frozen import Part
from components.evaluate.scoring_pass import Scored, ScoringPass, merge, score
from components.evaluate.settings import EvaluateStage
from components.shared.beam.running import run
from components.shared.beam.staging import staged_input, temporary_folder
from components.shared.beam.work import Work, count_progress
from components.shared.files.artifacts import writing_file
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import JobProgress


def score_on_workers(
    scoring: ScoringPass, scorers: Sequence[Scorer], options: PipelineOptions, progress: JobProgress
) -> Scored:
    """Score the whole split on Beam's workers; the result is that of `scoring_pass.score` here.

    Raises:
        CloudError: A job on Dataflow is rejected, fails or is cancelled.
        PipelineError: As `scoring_pass.score` raises it, in a local worker.
    """
    work = Work("score", "scoring rows", scoring.split.rows, progress)
    with _staged(scorers, options) as models, temporary_folder(options) as folder:
        file = folder / "scored.pickle"
        pipeline = beam.Pipeline(options=options)
        _ = (
            distribute_parts(pipeline, scoring.split)
            | "Score" >> beam.ParDo(_Score(scoring, models))
            | "Add up" >> beam.CombineGlobally(_Merge(scoring.stage)).without_defaults()
            | "Write" >> beam.Map(_write, str(file))
        )
        run(pipeline, work)
        found: Scored = pickle.loads(file.read_bytes())  # noqa: S301 - our own worker's
    return found


def analyze_rows(  # noqa: PLR0913, PLR0917 - as `analyze`, and the parts of a pass
    folder: Path,
    config: Any,
    scoring: ScoringPass,
    scorers: Mapping[str, Scorer],
    options: PipelineOptions,
    progress: JobProgress,
) -> dict[str, dict[SliceKey, Metrics]]:
    """Score every row on Beam's workers and let TFMA measure it there; see `analysis.analyze`.

    Raises:
        CloudError: A job on Dataflow is rejected, fails or is cancelled.
        PipelineError: As `scoring_pass.score` raises it, in a local worker.
    """
    work = Work("measure", "measuring rows", scoring.split.rows, progress)
    with _staged(scorers.values(), options) as models:
        rows = ScoredRows(scoring, dict(zip(scorers, models, strict=True)))
        return analyze(folder, config, rows, options, work)


@contextlib.contextmanager
def _staged(scorers: Iterable[Scorer], options: PipelineOptions) -> Iterator[list[tuple[Place, str]]]:
    """The folder and the title of each model, where the workers can read them."""
    with contextlib.ExitStack() as places:
        yield [(places.enter_context(staged_input(each.folder, options)), each.title) for each in scorers]


class _Score(beam.DoFn):
    """Row groups in, what was counted of them out."""

    def __init__(self, scoring: ScoringPass, models: Sequence[tuple[Place, str]]) -> None:
        self.scoring, self.models = scoring, models

    def setup(self) -> None:
        self.scorers = [Scorer(folder, title) for folder, title in self.models]

    def process(self, keyed: tuple[int, Iterable[Part]]) -> Iterator[Scored]:
        for part in keyed[1]:
            yield score(self.scoring, self.scorers, count_progress, part)


class _Merge(beam.CombineFn):
    """Adds up passes over parts."""

    def __init__(self, stage: EvaluateStage) -> None:
        self.stage = stage

    def create_accumulator(self) -> list[Scored]:
        return []

    def add_input(self, before: list[Scored], part: Scored) -> list[Scored]:
        return [merge([*before, part], self.stage)]

    def merge_accumulators(self, several: Iterable[list[Scored]]) -> list[Scored]:
        parts = [part for each in several for part in each]
        return [merge(parts, self.stage)] if parts else []

    def extract_output(self, whole: list[Scored]) -> Scored:
        return whole[0]


def _write(scored: Scored, uri: str) -> None:
    with writing_file(place(uri)) as tmp:
        tmp.write_bytes(pickle.dumps(scored))
