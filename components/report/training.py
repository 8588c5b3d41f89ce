"""How the model learned: loss, AUC and learning rate by epoch, from `history.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.geometry import Axis, Chart, Mark, Scale, Tick, padded, plane, ticks
from components.report.numbers import known, metric
from components.report.reading import Missing, Run

_MEASURES = (
    ("loss", "Loss", (("loss", "train"), ("eval_loss", "eval"))),
    ("auc", "AUC", (("auc", "train"), ("eval_auc", "eval"))),
    ("learning-rate", "Learning rate", (("learning_rate", "other"),)),
)


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
