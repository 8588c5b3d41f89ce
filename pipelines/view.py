"""What a person sees of a run: the stages as they go, the verdict, the figures, the next command."""

import datetime
import json
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from components.shared.registry import Registry
from configs.metrics import METRICS, slice_name
from configs.prediction import PREDICTED
from configs.stages import stage_spec

_REFRESH_PER_SECOND = 8
_PIPE_WIDTH = 160
_OF_THE_RUN = ("model_name", "model_version", "scored_at", "run_id")


class Stages:
    """The state of a run's stages, read from their records at every look."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names
        self.spinner = Spinner("dots", style="cyan")
        self.ended = False

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=2)
        table.add_column(style="bold", width=10)
        table.add_column(ratio=1)
        table.add_column(justify="right", width=8)
        records = {name: self.record(name) for name in self.names}
        for name, record in records.items():
            table.add_row(*self._row(name, record, cached=record is None and self.passed(name, records)))
        return table

    def passed(self, name: str, records: Mapping[str, Mapping[str, Any] | None]) -> bool:
        """Whether a stage has ended, or must have been taken from the cache: a later one has a record."""
        record = records[name]
        if record:
            return bool(record["state"] != "running")
        later = self.names[self.names.index(name) + 1 :]
        return any(records[each] for each in later if not stage_spec(each).last)

    def _row(
        self, name: str, record: Mapping[str, Any] | None, *, cached: bool
    ) -> tuple[RenderableType, ...]:
        if cached or (record and record.get("cached")):
            return "[green]≡", name, "[dim]taken from the cache", ""
        if record is None:
            return "[dim]·", name, "", ""
        seconds = _seconds(record)
        if record["state"] == "done":
            return "[green]✓", name, f"[dim]{facts(record['summary'])}", seconds
        if record["state"] == "failed" or self.ended:
            return "[red]✗", name, "[red]failed", seconds
        return self.spinner, name, self._progress(name), seconds

    def _progress(self, name: str) -> RenderableType:
        progress = _read(self.folder / f"{name}.progress.json")
        if progress is None:
            return "[dim]starting"
        row = Table.grid(padding=(0, 1))
        done, total = progress["done"], progress["total"]
        if total:
            row.add_row(ProgressBar(total, done, width=24), f"{done:,} of {total:,}", progress["what"])
        else:
            row.add_row(f"{done:,}" if done else "", progress["what"])
        return row

    def record(self, name: str) -> dict[str, Any] | None:
        """What a stage has recorded so far; None if it has not started."""
        return _read(self.folder / f"{name}.stage.json")


@contextmanager
def watched(console: Console, folder: Path, names: Sequence[str]) -> Iterator[None]:
    """Show the stages of the run in `folder` while the body runs: live, or a line each off a terminal."""
    stages = Stages(folder, names)
    if console.is_terminal:
        with Live(stages, console=console, refresh_per_second=_REFRESH_PER_SECOND):
            try:
                yield
            finally:
                stages.ended = True
        return
    stop = threading.Event()
    reporter = threading.Thread(target=_report_lines, args=(console, stages, stop), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        stop.set()
        reporter.join()


def _report_lines(console: Console, stages: Stages, stop: threading.Event) -> None:
    """One line when a stage ends: for logs and pipes."""
    printed: set[str] = set()
    while True:
        last_look = stop.is_set()
        records = {name: stages.record(name) for name in stages.names}
        for name in stages.names:
            if name not in printed and stages.passed(name, records):
                console.print(_line(name, records[name]), soft_wrap=True)
                printed.add(name)
        if last_look:
            return
        stop.wait(1 / _REFRESH_PER_SECOND)


def _line(name: str, record: Mapping[str, Any] | None) -> str:
    if record is None or record.get("cached"):
        return f"cached  {name}"
    return f"{record['state']:>6}  {name:<10} {_seconds(record):>8}  {facts(record['summary'])}"


def facts(summary: Mapping[str, Any], most: int = 5) -> str:
    """The first counts and figures of a stage, on one line."""
    shown = [(name.replace("_", " "), value) for name, value in summary.items() if value != ""]
    return " · ".join(f"{name} {_figure(value)}" for name, value in shown[:most])


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if not value.is_integer() else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime.datetime) else str(value)
    return text if len(text) <= 24 else text[:11] + "…" + text[-12:]


def _seconds(record: Mapping[str, Any]) -> str:
    if record["state"] == "running":
        return f"{time.time() - record['started_at']:.1f} s"
    return f"{sum(record['seconds'].values()):.1f} s"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return content


# --- after the run ------------------------------------------------------------------------------


def verdict_panel(verdict: Mapping[str, Any]) -> Panel:
    """The decision with every reason."""
    passed = verdict["decision"] == "deploy"
    lines = Text()
    for reason in verdict["reasons"]:
        lines.append("✓ " if reason["passed"] else "✗ ", style="green" if reason["passed"] else "bold red")
        lines.append(reason["sentence"] + "\n")
    lines.rstrip()
    return Panel(
        lines,
        title="passed: the candidate may serve" if passed else "rejected: nothing is deployed",
        border_style="green" if passed else "red",
        title_align="left",
    )


def metrics_table(metrics: Mapping[str, Any]) -> Table:
    """Candidate against champion on the same rows, and the weakest slices."""
    table = Table(title=f"test split, {metrics['rows']:,} rows", title_justify="left", box=None)
    table.add_column("")
    for metric in METRICS.values():
        table.add_column(metric.title, justify="right")
    table.add_row("candidate", *_values(metrics["candidate"]["overall"]), style="bold")
    if metrics["champion"]:
        version = metrics["champion_version"]
        table.add_row(f"champion (version {version})", *_values(metrics["champion"]["overall"]))
    judged = [s for s in metrics["candidate"]["slices"] if s.get("auc") is not None]
    for weak in sorted(judged, key=lambda s: float(s["auc"]))[:3]:
        table.add_row("weakest: " + slice_name(weak["slice"]), *_values(weak), style="dim")
    return table


def _values(metrics: Mapping[str, Any]) -> list[str]:
    return ["" if metrics.get(name) is None else f"{metrics[name]:.4f}" for name in METRICS]


def predictions_line(summary: Mapping[str, Any]) -> str:
    """What holds for all predictions of a run."""
    share = summary["positives"] / max(summary["predictions"], 1)
    return (
        f"{summary['predictions']:,} predictions of version {summary['model_version']}, "
        f"{share:.1%} positive (from {summary['threshold']:g} on)"
    )


def predictions_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The first predictions of a run."""
    table = Table(box=None)
    shown = [name for name in (rows[0] if rows else ()) if name not in _OF_THE_RUN]
    for name in shown:
        table.add_column(name.replace("_", " "), justify="right" if name in PREDICTED else "left")
    for row in rows:
        table.add_row(*(escape(_figure(row[name])) for name in shown))
    return table


def deployment_line(deployment: Mapping[str, Any]) -> Text:
    """What became of the candidate, on one line."""
    traffic = deployment.get("endpoint", {}).get("traffic", {})
    shares = ", ".join(f"version {version} {share} %" for version, share in traffic.items())
    line = Text.assemble((f"{deployment['action'].replace('_', ' ')}", "bold"))
    if deployment.get("version"):
        line.append(f"  version {deployment['version']}")
    return line.append(f"  traffic: {shares}" if shares else "")


def runs_table(manifests: Sequence[Mapping[str, Any]]) -> Table:
    """The runs, the newest last."""
    table = Table(title="runs", title_justify="left", box=None)
    for column in ("run", "state", "started (UTC)", "seconds", "stages"):
        table.add_column(
            column, justify="right" if column == "seconds" else "left", no_wrap=column != "stages"
        )
    for manifest in manifests:
        state = manifest["state"]
        style = {"done": "green", "failed": "red"}.get(state, "yellow")
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(manifest["started_at"]))
        ran = " ".join(r["stage"] for r in manifest["stages"] if not r["cached"])
        seconds = f"{manifest['seconds']:.1f}" if "seconds" in manifest else ""
        table.add_row(manifest["run_id"], f"[{style}]{state}", started, seconds, f"[dim]{ran}")
    return table


def versions_table(registry: Registry, name: str) -> Table:
    """The versions of a model: who serves, with how much of the traffic."""
    table = Table(title=f"versions of {name}", title_justify="left", box=None)
    for column in ("version", "status", "traffic", "created (UTC)", "run"):
        table.add_column(column, justify="right" if column in ("version", "traffic") else "left")
    traffic = registry.endpoint(name).traffic
    for version in registry.versions(name):
        share = f"{traffic[version.number]} %" if version.number in traffic else ""
        created = version.created_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(version.number), version.status, share, created, version.lineage.get("run_id", ""))
    return table


def show_places(console: Console, places: Mapping[str, str]) -> None:
    """Where everything lies, one line each: never wrapped, so that a path can be copied."""
    width = max(map(len, places), default=0)
    here = Path.cwd()
    for name, place in places.items():
        path = Path(place)
        inside = "://" not in place and path.is_relative_to(here)
        shown = path.relative_to(here) if inside else place
        console.print(Text.assemble((f"{name:<{width}}  ", "dim"), str(shown)), soft_wrap=True)


def open_console() -> Console:
    """A console on a copy of the standard output, open as long as it, also when the output goes to a log.

    Off a terminal its lines are long: they are read by programs, or in a file.
    """
    file = os.fdopen(os.dup(1), "w")
    console = Console(file=file, highlight=False, width=None if file.isatty() else _PIPE_WIDTH)
    weakref.finalize(console, file.close)
    return console


def show_prediction(instance: Mapping[str, Any], score: float, version: str) -> None:
    """One answer of the server, a line: the score first, then the instance."""
    values = ", ".join(f"{name}={_figure(value)}" for name, value in instance.items() if value is not None)
    served_by = f"  version {version}" if version else ""
    open_console().print(f"[bold]{score:.4f}[/]{served_by}  [dim]{values}", soft_wrap=True)
