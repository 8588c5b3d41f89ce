"""The curves: ROC, precision-recall and calibration on the test rows, and how the model learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.geometry import (
    Axis,
    Chart,
    Line,
    Mark,
    Plane,
    Point,
    Scale,
    Tick,
    padded,
    path,
    plane,
    ticks,
)
from components.report.numbers import count, known, metric, percent
from components.report.reading import Missing, Run

_UNIT = (0.0, 1.0)
_MEASURES = (
    ("loss", "Loss", (("loss", "train"), ("eval_loss", "eval"))),
    ("auc", "AUC", (("auc", "train"), ("eval_auc", "eval"))),
    ("learning-rate", "Learning rate", (("learning_rate", "other"),)),
)


@dataclass(frozen=True)
class Curves:
    """The three charts; the candidate's line always, the champion's where there is one."""

    charts: tuple[Chart, ...]
    champion: str
    """The champion's version; empty if the candidate is alone."""


def curves(run: Run) -> Curves | Missing:
    """The charts of `curves.json`."""
    content = run.json("evaluation", "curves.json")
    if not content or not content.get("candidate"):
        return run.absent("evaluation")
    metrics = run.json("evaluation", "metrics.json") or {}
    models = {role: content[role] for role in ("champion", "candidate") if content.get(role)}
    charts = [_roc(models, metrics), _pr(models, metrics), _calibration(models)]
    version = str(metrics.get("champion_version") or "")
    return Curves(tuple(chart for chart in charts if chart), version if "champion" in models else "")


def _roc(models: Mapping[str, Any], metrics: Mapping[str, Any]) -> Chart | None:
    area = plane(_UNIT, _UNIT)
    lines = _lines(area, models, "roc", ("fpr", "tpr"))
    content = {
        "slug": "roc",
        "title": "ROC",
        "summary": f"True against false positive rate. Area under the curve: {_values(metrics, 'auc')}.",
        "marks": _operating(area, metrics, "roc"),
        "guide": path(area.points([(0, 0), (1, 1)])),
    }
    return area.chart("false positive rate", "true positive rate", lines=lines, **content) if lines else None


def _pr(models: Mapping[str, Any], metrics: Mapping[str, Any]) -> Chart | None:
    area, rate = plane(_UNIT, _UNIT), _base_rate(metrics)
    lines = _lines(area, models, "pr", ("recall", "precision"))
    content = {
        "slug": "pr",
        "title": "Precision and recall",
        "summary": f"Precision against recall. Area under the curve: {_values(metrics, 'pr_auc')}.",
        "marks": _operating(area, metrics, "pr"),
        "guide": path(area.points([(0, rate), (1, rate)])) if rate is not None else "",
    }
    return area.chart("recall", "precision", lines=lines, **content) if lines else None


def _calibration(models: Mapping[str, Any]) -> Chart | None:
    points = {
        role: _points(model, "calibration", ("predicted", "observed")) for role, model in models.items()
    }
    shown = [value for role in points for point in points[role] for value in point]
    if not shown:
        return None
    top = min(1.0, max(shown) * 1.08)
    area = plane((0.0, top), (0.0, top))
    return area.chart(
        "mean score",
        "share of positives",
        slug="calibration",
        title="Calibration",
        summary="Share of positives against the mean score, by groups of rows with similar scores; "
        "a perfectly calibrated model lies on the diagonal.",
        lines=tuple(area.line(role, role, points[role], dots=True) for role in points),
        guide=path(area.points([(0, 0), (top, top)])),
    )


def _lines(area: Plane, models: Mapping[str, Any], curve: str, names: tuple[str, str]) -> tuple[Line, ...]:
    """The champion first, so that the candidate is drawn over it."""
    points = {role: _points(model, curve, names) for role, model in models.items()}
    return tuple(area.line(role, role, points[role]) for role in points if points[role])


def _points(model: Mapping[str, Any], curve: str, names: tuple[str, str]) -> list[Point]:
    pairs = ((point.get(names[0]), point.get(names[1])) for point in model.get(curve) or ())
    return sorted((float(x), float(y)) for x, y in pairs if known(x) and known(y))


def _operating(area: Plane, metrics: Mapping[str, Any], curve: str) -> tuple[Mark, ...]:
    """The candidate's place at the operating threshold."""
    overall = (metrics.get("candidate") or {}).get("overall") or {}
    precision, recall = overall.get("precision"), overall.get("recall")
    rate = _base_rate(metrics)
    if not (known(precision) and known(recall) and rate):
        return ()
    text = f"threshold {metrics.get('threshold', '')}"
    if curve == "pr":
        return (Mark("candidate", text, area.x(recall), area.y(precision), above=True),)
    false = _false_positive_rate(precision, recall, rate)
    return (Mark("candidate", text, area.x(false), area.y(recall)),)


def _false_positive_rate(precision: float, recall: float, rate: float) -> float:
    """FP / N, from TP = recall · P and FP = TP · (1 - precision) / precision."""
    if not precision or rate >= 1:
        return 0.0
    return recall * rate * (1 - precision) / precision / (1 - rate)


def _base_rate(metrics: Mapping[str, Any]) -> float | None:
    rows, positives = metrics.get("rows"), metrics.get("positives")
    return positives / rows if known(rows) and known(positives) and rows else None


def _values(metrics: Mapping[str, Any], name: str) -> str:
    models = [("candidate", metrics.get("candidate")), ("champion", metrics.get("champion"))]
    return ", ".join(f"{role} {metric(m['overall'].get(name))}" for role, m in models if m)


def positives_in_words(metrics: Mapping[str, Any]) -> str:
    """What the operating threshold means, for people: who is found, and how often an alarm is right."""
    overall = (metrics.get("candidate") or {}).get("overall") or {}
    rows, positives = metrics.get("rows"), metrics.get("positives")
    precision, recall = overall.get("precision"), overall.get("recall")
    if not (known(rows) and known(positives) and known(recall) and known(precision) and rows):
        return ""
    found = recall * positives
    flagged = found / precision if precision else 0.0
    return (
        f"At the threshold {metrics.get('threshold')}, the candidate flags {count(flagged)} of "
        f"{count(rows)} rows ({percent(flagged / rows)}). It finds {percent(recall)} of the "
        f"{count(positives)} positives, and {percent(precision)} of what it flags is right."
    )


# --- by epoch -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """The charts, and one row of figures an epoch."""

    charts: tuple[Chart, ...]
    epochs: tuple[Mapping[str, Any], ...]
    best_epoch: int | None
    notes: tuple[str, ...]


def training(run: Run) -> Training | Missing:
    """The charts of the training log."""
    history = run.json("training_log", "history.json")
    if not history or not history.get("epochs"):
        return run.absent("training_log")
    epochs: tuple[Mapping[str, Any], ...] = tuple(history["epochs"])
    best = history.get("best_epoch")
    charts = (_chart(slug, title, lines, epochs, best) for slug, title, lines in _MEASURES)
    return Training(tuple(chart for chart in charts if chart), epochs, best, tuple(_notes(history, epochs)))


def _notes(history: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = [f"{len(epochs)} epochs" if len(epochs) > 1 else "1 epoch"]
    best = history.get("best_epoch")
    if best is not None:
        chosen = next((epoch for epoch in epochs if epoch.get("epoch") == best), {})
        notes.append(f"best epoch {best} (eval AUC {metric(chosen.get('eval_auc'))})")
    notes.append("stopped early" if history.get("stopped_early") else "ran to the last epoch")
    if history.get("resumed_from") is not None:
        notes.append(f"resumed from epoch {history['resumed_from']}")
    return notes


def _chart(
    slug: str,
    title: str,
    lines: Sequence[tuple[str, str]],
    epochs: Sequence[Mapping[str, Any]],
    best: int | None,
) -> Chart | None:
    numbers = [float(epoch["epoch"]) for epoch in epochs]
    values = {
        key: [
            (number, float(epoch[key]))
            for number, epoch in zip(numbers, epochs, strict=True)
            if known(epoch.get(key))
        ]
        for key, _ in lines
    }
    shown = [value for pairs in values.values() for _, value in pairs]
    if not shown:
        return None
    low, high = padded(shown)
    if slug == "learning-rate":
        low = 0.0
    area = plane((min(numbers) - 0.25, max(numbers) + 0.25), (low, high), height=220)
    last = {key: pairs[-1][1] for key, pairs in values.items() if pairs}
    return area.chart(
        Axis("epoch", _whole(area.x, numbers)),
        "",
        slug=f"training-{slug}",
        title=title,
        summary=f"{title} by epoch; at the end "
        + ", ".join(f"{role} {last[key]:.4g}" for key, role in lines if key in last)
        + ".",
        lines=tuple(area.line(role, role, values[key], dots=True) for key, role in lines if values[key]),
        marks=(Mark("best", "best", area.x(best)),) if best in numbers and best is not None else (),
    )


def _whole(scale: Scale, epochs: Sequence[float]) -> tuple[Tick, ...]:
    """Ticks at whole epochs, not too many."""
    every = max(1, round(ticks(0, max(len(epochs) / 8, 1), 1)[-1]))
    return tuple(Tick(scale(epoch), f"{epoch:.0f}") for epoch in epochs if (epoch - 1) % every == 0)
