"""A pass over test rows: every model scores the same rows, which are counted together by slice and score.

It is a loop here, or runs on Beam's workers: each scores some row groups, and what they count is added up
there. Only groups come back, whose number does not grow with the rows.
"""

import contextlib
import copy
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from components.evaluate.frozen import FrozenSplit, Part
from components.evaluate.golden import GoldenRows
from components.evaluate.preaggregated import PreaggregatedRows
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import SliceBook
from components.shared.beam.counts import Work, count_progress
from components.shared.beam.running import run
from components.shared.beam.staging import staged_input, temporary_folder
from components.shared.files.artifacts import writing_file
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import JobProgress
from configs.features import Features

_PARTS_AT_ONCE = 64
"""Batches whose groups are collected before they are added up."""


@dataclass(frozen=True)
class ScoringPass:
    """Which rows are scored, and what is read of them; it travels to Beam's workers."""

    split: FrozenSplit
    stage: EvaluateStage
    features: Features
    """Of the candidate: golden rows consist of them."""
    columns: Sequence[str]
    """That are read, without the label."""


@dataclass(frozen=True)
class Scored:
    """The result of a pass: the groups of each model, the slices that their numbers mean, golden rows."""

    models: Sequence[PreaggregatedRows]
    book: SliceBook
    golden: GoldenRows


def score(
    scoring: ScoringPass,
    scorers: Sequence[Scorer],
    progress: Callable[[int], None],
    part: Part | None = None,
) -> Scored:
    """Score the whole split, or a part of it.

    Args:
        scoring: Rows and settings.
        scorers: The candidate first.
        progress: Called after each batch with its number of rows.
        part: Which rows; None: all.
    """
    settings = scoring.stage.evaluation
    book = SliceBook(settings.slices)
    first = part.first if part else 0
    golden = GoldenRows(settings.golden_rows, scoring.split.rows, scoring.features, scoring.stage.key, first)
    parts: list[list[PreaggregatedRows]] = [[] for _ in scorers]
    for batch, labels in scoring.split.batches(settings.batch_rows, scoring.columns, part):
        slices = list(book.numbered(batch))
        for scorer, groups in zip(scorers, parts, strict=True):
            scores = scorer.scores(batch)
            groups.append(PreaggregatedRows.of(scores, labels, slices, settings.threshold))
            if scorer is scorers[0]:
                golden.see(batch, scores)
            if len(groups) == _PARTS_AT_ONCE:
                groups[:] = [PreaggregatedRows.merged(groups)]
        progress(batch.num_rows)
    return Scored([PreaggregatedRows.merged(groups) for groups in parts], book, golden)


def merge(parts: Sequence[Scored], stage: EvaluateStage) -> Scored:
    """The results of several passes over parts as that of one pass."""
    book = SliceBook(stage.evaluation.slices)
    numbers = [book.numbers_of(part.book) for part in parts]
    models = [
        PreaggregatedRows.merged(
            groups.renumbered(here) for groups, here in zip(of_model, numbers, strict=True)
        )
        for of_model in zip(*(part.models for part in parts), strict=True)
    ]
    golden = copy.deepcopy(parts[0].golden)
    for part in parts[1:]:
        golden.add(part.golden)
    return Scored(models, book, golden)


def score_on_workers(
    scoring: ScoringPass, scorers: Sequence[Scorer], options: PipelineOptions, progress: JobProgress
) -> Scored:
    """Score the whole split on Beam's workers; the result is that of `score` here.

    Raises:
        CloudError: A job on Dataflow is rejected, fails or is cancelled.
        PipelineError: As `score` raises it, in a local worker.
    """
    work = Work("score", "scoring rows", scoring.split.rows, progress)
    with staged_models(scorers, options) as models, temporary_folder(options) as folder:
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


def distribute_parts(pipeline: beam.Pipeline, split: FrozenSplit) -> beam.PCollection:
    """The parts of the split, each under a key of its own, so that any worker can take it."""
    numbered = list(enumerate(split.parts()))
    return pipeline | "Parts" >> beam.Create(numbered, reshuffle=False) | "Distribute" >> beam.GroupByKey()


@contextlib.contextmanager
def staged_models(scorers: Iterable[Scorer], options: PipelineOptions) -> Iterator[list[tuple[Place, str]]]:
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
