"""The model, and how it learns."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from configs.section import Section
from configs.values import Fraction


class Schedule(Section):
    """The learning rate over the steps of training."""

    kind: Literal["constant", "cosine", "exponential"] = "cosine"
    warmup_fraction: Fraction = 0.0
    """The share of all steps in which the rate grows evenly from zero to `learning_rate`."""
    decay_rate: Fraction = 0.1
    """exponential: the rate at the end as a share of the first."""


class Training(Section):
    """The model and how it learns."""

    model: Literal["linear", "dnn", "wide_deep"] = "wide_deep"
    hidden_units: tuple[PositiveInt, ...] = (128, 64)
    embedding_dim: PositiveInt | None = None
    """None: 2 · cardinality^¼ for each categorical input, rounded up to a multiple of 4, at most 32."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    batch_norm: bool = False
    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0
    """Penalties on every kernel and embedding (not on biases), added to the loss."""
    optimizer: Literal["adam", "adamw", "sgd", "ftrl"] = "adam"
    weight_decay: NonNegativeFloat = 0.004
    """adamw: the share of each kernel and embedding taken off a step, times the learning rate."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    schedule: Schedule = Schedule()
    clip_norm: Annotated[float, Field(gt=0.0)] | None = None
    """Gradients longer than this, over all weights together, are shortened to it."""
    class_weight: Literal["none", "balanced"] = "none"
    """balanced: n / (2·n_class); moves the scores, so calibration is judged with care."""
    batch_size: PositiveInt | None = None
    """Of all devices together. None: a power of two that makes about 100 steps an epoch, from 64 to 2048."""
    epochs: PositiveInt = 10
    patience: PositiveInt | None = 2
    """Stop after this many epochs without a better eval AUC; None: never. The best weights are kept."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 17
    input_pipeline: Literal["memory", "stream"] = "memory"
    """memory: examples as tensors in memory; stream: read shard by shard each epoch (any size)."""
    shuffle_rows: PositiveInt = 200_000
    """stream: size of the shuffle pool, rows; two pools are in memory at a time."""
    mixed_precision: Literal["none", "auto", "float16", "bfloat16"] = "none"
    """How hidden layers compute; weights, gradients' sums and the exported model are float32 all the same.
    auto: float16, its loss scaled, on GPUs; bfloat16 on TPUs; none on CPUs, where it is slower."""
    xla: bool = False
    """Compile each step by XLA. Try it on GPUs; on CPU it took as long without dropout, 20 times as long
    with it."""

    @model_validator(mode="after")
    def _deep_has_hidden_units(self) -> "Training":
        if self.model != "linear" and not self.hidden_units:
            raise ValueError(f"model '{self.model}' needs hidden_units, e.g. [128, 64]; or choose linear")
        return self
