"""A pass over test rows: every model scores the same rows, which are counted together by slice and score."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.evaluate.frozen import FrozenSplit, Part
from components.evaluate.golden import GoldenRows
from components.evaluate.preaggregated import PreaggregatedRows
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import SliceBook
from components.shared.rows.scoring import Scorer
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
