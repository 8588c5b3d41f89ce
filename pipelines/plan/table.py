"""The plan on the screen: who runs what where, and the cost from low to high."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from pipelines.plan.cost import Cost
from pipelines.plan.estimate import Plan
from pipelines.plan.lines import Line


def show(console: Console, plan: Plan) -> None:
    """Print it."""
    console.print(
        f"[bold]{plan.use_case}[/], {plan.pipeline}, in {plan.environment}: project {plan.project}, "
        f"{plan.location}\n"
    )
    console.print(_table(plan.run, plan.cost, "one run"))
    console.print(f"\n[bold]the query scans[/] {_bytes(plan)}\n", soft_wrap=True)
    console.print(_table(plan.monthly, plan.month, "a month, whether or not anything runs"))
    console.print(f"\n[bold]the prices[/] {_prices(plan)}", soft_wrap=True)
    console.print(_budget(plan), soft_wrap=True)
    for warning in plan.warnings:
        console.print(f"[yellow]warning:[/] {warning}", soft_wrap=True)
    for note in plan.notes:
        console.print(f"[dim]{note}[/]", soft_wrap=True)


def _table(lines: Sequence[Line], total: Cost, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_footer=True)
    table.add_column("stage", "in all", style="bold", no_wrap=True)
    for header in ("service", "machines", "accelerator", "as", "min"):
        table.add_column(header, overflow="fold")
    table.add_column("about USD", _usd(total), justify="right", no_wrap=True)
    for line in lines:
        table.add_row(
            line.stage,
            line.service,
            " ".join(filter(None, (line.machines, line.provisioning))),
            line.accelerator or "-",
            _account(line.identity),
            f"{line.minutes.low:g}..{line.minutes.high:g}" if line.minutes else "-",
            _usd(line.cost),
        )
    return table


def _account(identity: str) -> str:
    """Without what every service account's name ends in."""
    return identity.removesuffix(".iam.gserviceaccount.com")


def _usd(cost: Cost) -> str:
    return f"{cost.low:,.2f} .. {cost.high:,.2f}"


def _bytes(plan: Plan) -> str:
    from components.shared.sources.bigquery.errors import size

    scanned = plan.scanned
    if not scanned.high:
        return scanned.basis
    if scanned.low == scanned.high:
        return f"{size(scanned.high)} ({scanned.basis})"
    return f"{scanned.basis}, at most {size(scanned.high)} (cloud.bigquery.maximum_bytes_billed)"


def _prices(plan: Plan) -> str:
    """How old they are, and how much of the sums nobody has read off a list."""
    oldest = min(plan.cost.as_of, plan.month.as_of)
    run, month = plan.cost.share_remembered, plan.month.share_remembered
    return (
        f"the oldest is of {oldest}; {run:.0%} of one run's high estimate stands on memory, "
        f"{month:.0%} of a month's (configs/prices.yaml)"
    )


def _budget(plan: Plan) -> str:
    if plan.budget_usd is None:
        return "no budget: set cloud.budget_usd to stop runs that may cost more"
    inside = plan.cost.high <= plan.budget_usd
    word = "[green]within[/]" if inside else "[bold red]above[/]"
    return (
        f"the high estimate of one run is {word} the budget of {plan.budget_usd:,.2f} USD (cloud.budget_usd)"
    )
