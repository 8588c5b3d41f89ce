"""What is measured of a model, and when it may serve."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveInt, model_validator

from configs.metrics import known_metric
from configs.section import Section
from configs.values import Column


class Gate(Section):
    """When a candidate may serve: it must pass every rule that is given; others are not applied.

    Where better lies is in the table of `configs.metrics`. Calibration is the mean score divided by the
    mean label: 1 is ideal, and its rules are about the distance from 1.
    """

    metric: Annotated[str, AfterValidator(known_metric)] = "auc"
    """One of the table in `configs.metrics`."""
    floor: float | None = None
    """The candidate's value on the test split is no worse than this; for calibration, no further from 1."""
    max_regression: NonNegativeFloat | None = None
    """Its value is no worse than the champion's, on the same rows, by more than this."""
    slice_floor: float | None = None
    """Its value on no slice of at least `min_slice_rows` is worse than this."""

    @model_validator(mode="after")
    def _has_a_rule(self) -> "Gate":
        if self.floor is None and self.max_regression is None and self.slice_floor is None:
            raise ValueError(
                f"the gate on {self.metric} has no rule: say floor, max_regression or slice_floor"
            )
        return self


class Evaluation(Section):
    """Which numbers decide, over which slices."""

    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """The operating threshold: a score from here on is a positive prediction."""
    slices: tuple[Annotated[tuple[Column, ...], Field(min_length=1)], ...] = ()
    """Each entry one column or a combination; the whole split is always there."""
    min_slice_rows: PositiveInt = 200
    """Smaller slices are listed with their counts, but neither measured nor judged."""
    gates: Annotated[tuple[Gate, ...], Field(min_length=1)] = (Gate(floor=0.5, max_regression=0.0),)
    bins: Annotated[int, Field(ge=10, le=10_000)] | None = None
    """Thresholds of the curves: the resolution of AUC and PR-AUC. None: 500, or 10,000 (the most that TFMA
    tells apart) where the scores lie so close together that the AUC could otherwise be 0.005 off."""
    aggregation: Literal["grouped", "rows"] = "grouped"
    """How TFMA gets the rows. grouped: counted by like scores, at a cost that does not grow with them; rows:
    one by one through its own extractors and slicer, 30 times as slow. The metrics are the same."""
    batch_rows: PositiveInt = 8192
    """Rows scored at once."""
    golden_rows: PositiveInt = 64
    """Test rows stored with their offline predictions; the server must give the same before traffic moves."""

    @model_validator(mode="after")
    def _slices_once(self) -> "Evaluation":
        sorted_slices = [tuple(sorted(columns)) for columns in self.slices]
        for columns in sorted_slices:
            if sorted_slices.count(columns) > 1 or len(set(columns)) < len(columns):
                raise ValueError(f"slices by {list(columns)}: name each slicing, and each column in it, once")
        return self
