"""How weights move: the optimizer and its learning rate over the steps."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from components.shared.vendor_seams import taking_summed_gradients
from configs.training import Schedule, Training


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate at each of `steps` steps: an even warm-up from zero, then constant, cosine or exponential.

    With p the share of the steps after the warm-up that is done, the peak is multiplied by
    ½·(1 + cos(π·p)) (cosine; Loshchilov and Hutter 2017) or decay_rate^p (exponential).

    Args:
        peak: The rate after the warm-up.
        schedule: The kind, and how long the warm-up is.
        steps: All steps of the training.
    """

    def __init__(self, peak: float, schedule: Schedule, steps: int) -> None:
        self._peak, self._schedule, self._steps = peak, schedule, steps

    def __call__(self, step: Any) -> Any:
        """The rate of this step, counted from 0."""
        step = ops.cast(step, "float32")
        warm = self._schedule.warmup_fraction * self._steps
        share = ops.clip((step - warm) / max(self._steps - warm, 1.0), 0.0, 1.0)
        growth = ops.minimum((step + 1.0) / max(warm, 1.0), 1.0)
        return self._peak * growth * self._decay(share)

    def _decay(self, share: Any) -> Any:
        match self._schedule.kind:
            case "constant":
                return 1.0
            case "cosine":
                return 0.5 * (1.0 + ops.cos(math.pi * share))
            case "exponential":
                return ops.power(self._schedule.decay_rate, share)

    def get_config(self) -> dict[str, Any]:
        """For Keras; the settings are what is saved."""
        return {"peak": self._peak, "schedule": self._schedule.model_dump(), "steps": self._steps}


def optimizer(training: Training, rate: LearningRate, replicas: int = 1) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, with this rate; for float16 it scales the loss.

    With several replicas it takes gradients that are summed over them already.
    """
    made = _optimizer(training, rate, taking_summed_gradients if replicas > 1 else _itself)
    return keras.optimizers.LossScaleOptimizer(made) if training.mixed_precision == "float16" else made


def _optimizer(
    training: Training, rate: LearningRate, taking: Callable[[type], type]
) -> keras.optimizers.Optimizer:
    match training.optimizer:
        case "adam":
            return taking(keras.optimizers.Adam)(rate, global_clipnorm=training.clip_norm)
        case "adamw":
            decayed = taking(keras.optimizers.AdamW)(
                rate, weight_decay=training.weight_decay, global_clipnorm=training.clip_norm
            )
            decayed.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            return decayed
        case "sgd":
            return taking(keras.optimizers.SGD)(rate, global_clipnorm=training.clip_norm)
        case "ftrl":
            return taking(keras.optimizers.Ftrl)(rate, global_clipnorm=training.clip_norm)


def _itself(kind: type) -> type:
    return kind
