"""What is measured after an epoch: exact, over all scores at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def auc(label: Floats, score: Floats) -> float:
    """The area under the ROC curve: how often a positive is above a negative, ties counting half.

    The Mann-Whitney U statistic over all pairs (Fawcett 2006, section 7), in O(n log n).

    Args:
        label: 0 or 1, [rows], both present.
        score: Any number that grows with the probability, [rows].
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    positives = np.bincount(place, label, len(count))
    negatives = count - positives
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + negatives / 2)) / (positives.sum() * negatives.sum()))


def log_loss(label: Floats, logit: Floats) -> float:
    """The mean of -log P(label), P = sigmoid(logit)."""
    x = logit.astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, x) - label * x))
