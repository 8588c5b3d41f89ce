"""Gates: whether a candidate may serve, from its metrics alone, with a reason for every rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from configs.evaluation import Gate

Decision = Literal["deploy", "hold"]
Measured = Mapping[str, Any]
"""The metrics of the whole split or of a slice, by name; None where one is not defined."""

NAMES = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "precision": "precision",
    "recall": "recall",
    "log_loss": "log loss",
    "calibration": "calibration",
}
_EQUAL = 1e-9
"""What differs by less is equal: 0.705 - 0.005 is 0.70000000000000007."""


@dataclass(frozen=True)
class Reason:
    """One rule and how it came out.

    Args:
        gate: The metric and the rule: `auc floor`, `auc regression`, `auc slice floor`.
        metric: As in the settings.
        held: The rule held, or could not be applied and does not stand in the way.
        value: The candidate's metric; None where it is not defined.
        limit: The worst value that would have held, for calibration the largest distance from 1;
            None where there is nothing to compare with.
        sentence: The same in words.
        slice: The slice by column; None for the whole split.
    """

    gate: str
    metric: str
    held: bool
    value: float | None
    limit: float | None
    sentence: str
    slice: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Verdict:
    """Deploy if every reason held."""

    reasons: tuple[Reason, ...]

    @property
    def decision(self) -> Decision:
        """What is to be done."""
        return "deploy" if all(reason.held for reason in self.reasons) else "hold"

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
        if gate.floor is not None:
            reasons.append(_floor(gate, gate.floor, candidate["overall"]))
        if gate.max_regression is not None:
            overall = champion["overall"] if champion else None
            reasons.append(_regression(gate, gate.max_regression, candidate["overall"], overall))
        if gate.slice_floor is not None:
            reasons += _slice_floor(gate, gate.slice_floor, candidate["slices"], min_slice_rows)
    return Verdict(tuple(reasons))


def _floor(gate: Gate, floor: float, overall: Measured) -> Reason:
    value = overall[gate.metric]
    reason = partial(Reason, f"{gate.metric} floor", gate.metric)
    if value is None:
        return reason(
            held=False, value=None, limit=floor, sentence=f"{NAMES[gate.metric]} is not defined on these rows"
        )
    held = _badness(gate, value) <= _worst(gate, floor) + _EQUAL
    return reason(held=held, value=value, limit=floor, sentence=_against_floor(gate, value, floor, held=held))


def _regression(gate: Gate, allowed: float, candidate: Measured, champion: Measured | None) -> Reason:
    value, name = candidate[gate.metric], NAMES[gate.metric]
    reason = partial(Reason, f"{gate.metric} regression", gate.metric)
    if champion is None:
        return reason(
            held=True, value=value, limit=None, sentence=f"no champion yet to compare the {name} with"
        )
    before = champion[gate.metric]
    if before is None:
        return reason(
            held=True, value=value, limit=None, sentence=f"the champion's {name} is not defined on these rows"
        )
    limit = before + (allowed if gate.metric == "log_loss" else -allowed)
    if gate.metric == "calibration":
        limit = _badness(gate, before) + allowed
    if value is None:
        return reason(held=False, value=None, limit=limit, sentence=f"{name} is not defined on these rows")
    worse = _badness(gate, value) - _badness(gate, before)
    held = worse <= allowed + _EQUAL
    sentence = _against_champion(gate, value, before, allowed, held=held)
    return reason(held=held, value=value, limit=limit, sentence=sentence)


def _slice_floor(gate: Gate, floor: float, slices: Sequence[Measured], min_rows: int) -> Iterator[Reason]:
    """Each slice that fails or cannot be judged; the weakest of the others where none fails."""
    reason = partial(Reason, f"{gate.metric} slice floor", gate.metric)
    large = [each for each in slices if each["rows"] >= min_rows]
    for each in large:
        if each[gate.metric] is None:
            where = f"{slice_name(each['slice'])} ({each['rows']:,} rows)"
            yield reason(
                slice=each["slice"],
                held=True,
                value=None,
                limit=floor,
                sentence=f"{NAMES[gate.metric]} is not defined in {where}: not judged",
            )
    judged = sorted(
        (each for each in large if each[gate.metric] is not None),
        key=lambda each: -_badness(gate, each[gate.metric]),
    )
    failed = [each for each in judged if _badness(gate, each[gate.metric]) > _worst(gate, floor) + _EQUAL]
    for each in failed:
        where = f"in {slice_name(each['slice'])} ({each['rows']:,} rows)"
        sentence = _against_floor(gate, each[gate.metric], floor, held=False, where=where)
        yield reason(slice=each["slice"], held=False, value=each[gate.metric], limit=floor, sentence=sentence)
    if not failed:
        yield _all_slices(gate, floor, judged, len(slices) - len(large))


def _all_slices(gate: Gate, floor: float, judged: Sequence[Measured], small: int) -> Reason:
    """No slice failed: say which came closest, and how many were too small to tell."""
    reason = partial(Reason, f"{gate.metric} slice floor", gate.metric)
    left_out = f"; {small} smaller ones are not judged" if small else ""
    if not judged:
        return reason(
            held=True, value=None, limit=floor, sentence=f"no slice is large enough to judge{left_out}"
        )
    weakest = judged[0]
    where = f"in the weakest of {len(judged)} slices, {slice_name(weakest['slice'])},"
    sentence = _against_floor(gate, weakest[gate.metric], floor, held=True, where=where) + left_out
    return reason(
        slice=weakest["slice"], held=True, value=weakest[gate.metric], limit=floor, sentence=sentence
    )


def slice_name(slice_: Mapping[str, Any]) -> str:
    """`carrier=UA, origin=EWR`."""
    return ", ".join(f"{column}={value}" for column, value in slice_.items())


def _badness(gate: Gate, value: float) -> float:
    """Larger is worse, in the metric's own unit."""
    if gate.metric == "calibration":
        return abs(value - 1.0)
    return value if gate.metric == "log_loss" else -value


def _worst(gate: Gate, floor: float) -> float:
    """The largest badness a floor allows."""
    return floor if gate.metric in ("log_loss", "calibration") else -floor


def _against_floor(gate: Gate, value: float, floor: float, *, held: bool, where: str = "") -> str:
    shown, limit = _shown(value, floor)
    name = f"{NAMES[gate.metric]} {shown}" + (f" {where}" if where else "")
    if gate.metric == "calibration":
        distance, limit = _shown(abs(value - 1.0), floor)
        return f"{name} is {distance} away from 1, {'within' if held else 'beyond'} {limit}"
    if gate.metric == "log_loss":
        return f"{name} is {'at most' if held else 'above'} the limit {limit}"
    return f"{name} is {'at least' if held else 'below'} the floor {limit}"


def _against_champion(gate: Gate, value: float, before: float, allowed: float, *, held: bool) -> str:
    shown, champions = _shown(value, before)
    name = f"{NAMES[gate.metric]} {shown}"
    worse = _badness(gate, value) - _badness(gate, before)
    if abs(worse) <= _EQUAL:
        return f"{name} is as good as the champion's"
    if worse < 0:
        return f"{name} is better than the champion's {champions}"
    amount, limit = _shown(worse, allowed)
    return (
        f"{name} is {amount} worse than the champion's {champions}, {'within' if held else 'beyond'} {limit}"
    )


def _shown(value: float, other: float) -> tuple[str, str]:
    """Two figures with as many digits as it takes to tell them apart, four at least."""
    for digits in range(4, 9):
        texts = f"{value:.{digits}f}", f"{other:.{digits}f}"
        if texts[0] != texts[1] or abs(value - other) <= _EQUAL:
            break
    return _trimmed(texts[0]), _trimmed(texts[1])


def _trimmed(figure: str) -> str:
    return figure.rstrip("0").rstrip(".") or "0"
