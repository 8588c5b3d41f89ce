"""The exact metrics, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from components.train import fitting


@pytest.mark.parametrize("levels", [2, 7, 100_000])
def test_auc_is_that_of_scikit_learn_with_any_share_of_ties(levels: int) -> None:
    random = np.random.default_rng(levels)
    label = (random.random(5000) < 0.2).astype(np.float32)
    score = random.integers(0, levels, 5000).astype(np.float32) + label * levels / 10
    assert fitting.auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)


def test_log_loss_is_that_of_scikit_learn_and_finite_where_the_sigmoid_saturates() -> None:
    random = np.random.default_rng(1)
    label = (random.random(5000) < 0.2).astype(np.float32)
    logit = random.normal(size=5000).astype(np.float32)
    assert fitting.log_loss(label, logit) == pytest.approx(
        log_loss(label, 1 / (1 + np.exp(-logit))), abs=1e-6
    )
    assert fitting.log_loss(np.array([1.0], np.float32), np.array([-500.0], np.float32)) == pytest.approx(
        500.0
    )
