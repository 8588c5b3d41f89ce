"""A pass over test rows: every model scores the same rows, which are counted together by slice and score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.evaluate.frozen import FrozenSplit, Part
from components.evaluate.golden import GoldenRows
from components.evaluate.grouping import Groups, grouped, merged
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import SliceBook
from components.shared.rows.scoring import Scorer
from configs.features import Features

_PARTS_AT_ONCE = 64
"""Batches whose groups are kept apart before they are added up."""


@dataclass(frozen=True)
class Pass:
    """What is done with the rows; it travels to Beam's workers."""

    split: FrozenSplit
    stage: EvaluateStage
    features: Features
    """Of the candidate: golden rows hold them."""
    columns: Sequence[str]
    """What is read of the rows, besides the label."""


@dataclass(frozen=True)
class Scored:
    """Rows after they passed: the groups of each model, what the slices mean, golden rows."""

    models: Sequence[Groups]
    book: SliceBook
    golden: GoldenRows


def score(
    told: Pass, scorers: Sequence[Scorer], passed: Callable[[int], None], part: Part | None = None
) -> Scored:
    """Score the whole split, or a part of it.

    Args:
        told: Rows and settings.
        scorers: The candidate first.
        passed: Called after each batch with its number of rows.
        part: Which rows; None: all.
    """
    settings = told.stage.evaluation
    book = SliceBook(settings.slices)
    first = part.first if part else 0
    golden = GoldenRows(settings.golden_rows, told.split.rows, told.features, told.stage.key, first)
    parts: list[list[Groups]] = [[] for _ in scorers]
    for batch, labels in told.split.batches(settings.batch_rows, told.columns, part):
        slices = list(book.numbered(batch))
        for scorer, groups in zip(scorers, parts, strict=True):
            scores = scorer.scores(batch)
            groups.append(grouped(scores, labels, slices, settings.threshold))
            if scorer is scorers[0]:
                golden.see(batch, scores)
            if len(groups) == _PARTS_AT_ONCE:
                groups[:] = [merged(groups)]
        passed(batch.num_rows)
    return Scored([merged(groups) for groups in parts], book, golden)


def together(parts: Sequence[Scored], stage: EvaluateStage) -> Scored:
    """What passed in several places, as if it had passed in one."""
    book = SliceBook(stage.evaluation.slices)
    numbers = [book.numbers_of(part.book) for part in parts]
    models = [
        merged(groups.renumbered(here) for groups, here in zip(of_model, numbers, strict=True))
        for of_model in zip(*(part.models for part in parts), strict=True)
    ]
    golden = parts[0].golden.copy()
    for part in parts[1:]:
        golden.add(part.golden)
    return Scored(models, book, golden)
