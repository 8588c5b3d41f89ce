"""What the command `schedule` does, between the settings and the screen."""

from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table

from components.shared.gcp import links
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines import view
from pipelines.runners import cron, schedules


def create(settings: Settings, timing: cron.Timing, pipeline: Pipeline) -> None:
    """Make the schedule, or bring the one that is there up to date; its errors: `schedules.create`."""
    made, done = schedules.create(settings, timing, pipeline)
    _show(view.open_console(), f"{made.name}: {done}", [made])


def act(action: schedules.Action | Literal["list"], settings: Settings, pipeline: Pipeline | None) -> None:
    """List the schedules, or pause, resume or delete the use case's own.

    Without a pipeline a list is of all of them, and all else is about training's.

    Raises:
        CloudError: There is none, or the service does not answer.
    """
    if action == "list":
        _show(view.open_console(), "", schedules.listed(settings, pipeline))
        return
    found = schedules.act(action, settings, pipeline or "training")
    _show(view.open_console(), f"{found.name}: {action}d", [] if action == "delete" else [found])


def _show(console: Console, said: str, found: Sequence[schedules.Schedule]) -> None:
    if said:
        console.print(f"[bold]{said}[/]\n")
    if not found:
        console.print("" if said else "no schedule")
        return
    table = Table(box=None, pad_edge=False)
    for header in ("schedule", "state", "cron", "time zone", "at once", "runs", "next (UTC)"):
        table.add_column(header)
    for each in found:
        counts = str(each.max_concurrent), str(each.runs)
        table.add_row(each.name, each.state, each.cron, each.time_zone, *counts, each.next_run or "-")
    console.print(table)
    console.print()
    places = {each.name: page for each in found for page in links.of(each.resource).values()}
    view.show_places(console, places)
