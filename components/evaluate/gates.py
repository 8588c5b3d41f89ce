"""Gates: whether a candidate may serve, from its metrics alone, with a reason for every rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from configs.evaluation import Gate
from configs.metrics import EQUAL, METRICS, Metric, slice_name
from configs.verdict import Decision

Measured = Mapping[str, Any]
"""The metrics of the whole split or of a slice, by name; None where one is not defined."""


@dataclass(frozen=True)
class Reason:
    """One rule and its outcome.

    Args:
        gate: The metric and the rule: `auc floor`, `auc regression`, `auc slice floor`.
        metric: As in the settings.
        passed: The value is within the limit, or the rule cannot be applied and is no obstacle.
        value: The candidate's metric; None where it is not defined.
        limit: The worst value that passes, for calibration the largest distance from 1;
            None where there is nothing to compare with.
        sentence: The same in words.
        slice: The slice by column; None for the whole split.
    """

    gate: str
    metric: str
    passed: bool
    value: float | None
    limit: float | None
    sentence: str
    slice: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """Deploy if every reason passed."""

    reasons: tuple[Reason, ...]

    @property
    def decision(self) -> Decision:
        """What follows from the reasons."""
        return "deploy" if all(reason.passed for reason in self.reasons) else "reject"

    def content(self) -> dict[str, Any]:
        """As JSON."""
        return {"decision": self.decision, "reasons": [asdict(reason) for reason in self.reasons]}


def judge(
    gates: Sequence[Gate],
    candidate: Mapping[str, Any],
    champion: Mapping[str, Any] | None,
    min_slice_rows: int,
) -> Verdict:
    """Apply every rule of every gate.

    Args:
        gates: The settings.
        candidate: `overall` metrics, and `slices`: each its `slice`, `rows` and metrics.
        champion: The same of the model that serves now, on the same rows; None: there is none.
        min_slice_rows: Smaller slices are not judged.
    """
    reasons: list[Reason] = []
    for gate in gates:
        metric = METRICS[gate.metric]
        if gate.floor is not None:
            reasons.append(_floor(metric, gate.floor, candidate["overall"]))
        if gate.max_regression is not None:
            overall = champion["overall"] if champion else None
            reasons.append(_regression(metric, gate.max_regression, candidate["overall"], overall))
        if gate.slice_floor is not None:
            reasons += _slice_floor(metric, gate.slice_floor, candidate["slices"], min_slice_rows)
    return Verdict(tuple(reasons))


def _floor(metric: Metric, floor: float, overall: Measured) -> Reason:
    value = overall[metric.name]
    passed = value is not None and metric.reaches(value, floor)
    sentence = _against_floor(metric, value, floor, passed=passed)
    return Reason(f"{metric.name} floor", metric.name, passed, value, floor, sentence)


def _regression(metric: Metric, allowed: float, candidate: Measured, champion: Measured | None) -> Reason:
    value, before = candidate[metric.name], champion[metric.name] if champion else None
    reason = partial(Reason, f"{metric.name} regression", metric.name, value=value)
    if champion is None:
        sentence = f"no champion yet to compare the {metric.title} with"
        return reason(passed=True, limit=None, sentence=sentence)
    if before is None:
        sentence = f"the champion's {metric.title} is not defined on these rows"
        return reason(passed=True, limit=None, sentence=sentence)
    worst = metric.distance(before) + allowed
    passed = value is not None and metric.regression(value, before) <= allowed + EQUAL
    sentence = _against_champion(metric, value, before, allowed, passed=passed)
    return reason(passed=passed, limit=-worst if metric.better == "higher" else worst, sentence=sentence)


def _slice_floor(metric: Metric, floor: float, slices: Sequence[Measured], min_rows: int) -> Iterator[Reason]:
    """Each slice that fails or cannot be judged; the weakest of the others where none fails."""
    reason = partial(Reason, f"{metric.name} slice floor", metric.name, limit=floor)
    large = [each for each in slices if each["rows"] >= min_rows]
    for each in large:
        if each[metric.name] is None:
            sentence = f"{metric.title} is not defined in {_where(each)}: not judged"
            yield reason(slice=each["slice"], passed=True, value=None, sentence=sentence)
    judged = sorted(
        (each for each in large if each[metric.name] is not None),
        key=lambda each: -metric.distance(each[metric.name]),
    )
    failed = [each for each in judged if not metric.reaches(each[metric.name], floor)]
    for each in failed:
        sentence = _against_floor(metric, each[metric.name], floor, passed=False, where=f"in {_where(each)}")
        yield reason(slice=each["slice"], passed=False, value=each[metric.name], sentence=sentence)
    if not failed:
        yield _all_slices(metric, floor, judged, len(slices) - len(large))


def _where(part: Measured) -> str:
    return f"{slice_name(part['slice'])} ({part['rows']:,} rows)"


def _all_slices(metric: Metric, floor: float, judged: Sequence[Measured], small: int) -> Reason:
    """No slice failed: the one that came closest, and how many were too small to judge."""
    reason = partial(Reason, f"{metric.name} slice floor", metric.name, passed=True, limit=floor)
    left_out = f"; {small} smaller ones are not judged" if small else ""
    if not judged:
        return reason(value=None, sentence=f"no slice is large enough to judge{left_out}")
    weakest = judged[0]
    where = f"in the weakest of {len(judged)} slices, {slice_name(weakest['slice'])},"
    sentence = _against_floor(metric, weakest[metric.name], floor, passed=True, where=where) + left_out
    return reason(slice=weakest["slice"], value=weakest[metric.name], sentence=sentence)


def _against_floor(
    metric: Metric, value: float | None, floor: float, *, passed: bool, where: str = ""
) -> str:
    if value is None:
        return f"{metric.title} is not defined on these rows"
    shown, limit = _shown(value, floor)
    name = f"{metric.title} {shown}" + (f" {where}" if where else "")
    if metric.better == "closest to 1":
        distance, limit = _shown(metric.distance(value), floor)
        return f"{name} is {distance} away from 1, {'within' if passed else 'beyond'} {limit}"
    if metric.better == "lower":
        return f"{name} is {'at most' if passed else 'above'} the limit {limit}"
    return f"{name} is {'at least' if passed else 'below'} the floor {limit}"


def _against_champion(
    metric: Metric, value: float | None, before: float, allowed: float, *, passed: bool
) -> str:
    if value is None:
        return f"{metric.title} is not defined on these rows"
    shown, champions = _shown(value, before)
    name = f"{metric.title} {shown}"
    judgment = metric.judge(value, before)
    if judgment == "same":
        return f"{name} is as good as the champion's"
    if judgment == "better":
        return f"{name} is better than the champion's {champions}"
    amount, limit = _shown(metric.regression(value, before), allowed)
    return (
        f"{name} is {amount} worse than the champion's {champions}, "
        f"{'within' if passed else 'beyond'} {limit}"
    )


def _shown(value: float, other: float) -> tuple[str, str]:
    """Two figures with as many digits as it takes to tell them apart, four at least."""
    for digits in range(4, 9):
        texts = f"{value:.{digits}f}", f"{other:.{digits}f}"
        if texts[0] != texts[1] or abs(value - other) <= EQUAL:
            break
    return _trimmed(texts[0]), _trimmed(texts[1])


def _trimmed(figure: str) -> str:
    return figure.rstrip("0").rstrip(".") or "0"
