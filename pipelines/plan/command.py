"""What a run will start and may cost, low to high: the command `plan`, and the check before `run` submits.

From list prices and expected durations; no service is called but for the bytes that the query scans.
"""

import datetime
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from components.shared.gcp.endpoints import VARIABLES, stands_in_for_google
from configs.cloud import Cloud
from configs.errors import BudgetError, BusyError, QueryError, SourceError
from configs.prices import Prices, load_prices, months_between
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.plan.lines import NOTHING, Cost, Line, Lines, Scanned
from pipelines.runners.target import cloud_of
from pipelines.view import open_console


@dataclass(frozen=True)
class Plan:
    """A run before it is run."""

    settings: Settings
    cloud: Cloud
    pipeline: Pipeline
    scanned: Scanned
    run: tuple[Line, ...]
    monthly: tuple[Line, ...]
    """What costs by the month, whether or not anything runs."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def cost(self) -> Cost:
        """Of one run."""
        return sum((line.cost for line in self.run), start=NOTHING)

    @property
    def month(self) -> Cost:
        """Of a month of what stands."""
        return sum((line.cost for line in self.monthly), start=NOTHING)


def estimate(
    settings: Settings,
    prices: Prices,
    scanned: Scanned,
    today: datetime.date,
    pipeline: Pipeline = "training",
) -> Plan:
    """What a run of these settings will start, and what that may cost; `today` tells how old the prices are.

    Raises:
        SettingsError: The environment is not on Google Cloud, or a machine has no price.
    """
    cloud = cloud_of(settings)
    lines = Lines(settings, prices, scanned, definitions.of(pipeline))
    run, monthly = tuple(lines.run()), tuple(lines.monthly())
    oldest = sum((line.cost for line in (*run, *monthly)), start=NOTHING).as_of
    return Plan(
        settings=settings,
        cloud=cloud,
        pipeline=pipeline,
        scanned=scanned,
        run=run,
        monthly=monthly,
        notes=(
            f"An estimate, list price, no discounts, no taxes; never exact. Prices: {prices.about.strip()}",
            f"Durations: {prices.minutes.strip()}",
            "Stages that are taken from the cache cost nothing; a job that restarts costs again.",
        ),
        warnings=tuple(_warnings(cloud, prices, scanned, months_between(oldest, today), oldest)),
    )


def check_budget(plan: Plan) -> None:
    """Stop a run whose high estimate is above the budget.

    Raises:
        BudgetError: It is; the message has both figures and what costs most.
    """
    budget, cost = plan.cloud.budget_usd, plan.cost
    use_case, environment = plan.settings.name, plan.settings.environment
    if budget is None or cost.high <= budget:
        return
    dearest = max(plan.run, key=lambda line: line.cost.high)
    whole = f"python -m pipelines plan {use_case} --env {environment} --pipeline {plan.pipeline}"
    raise BudgetError(
        f"a {plan.pipeline} run of {use_case} in {environment}",
        expected=f"at most {budget:,.2f} USD (cloud.budget_usd)",
        got=f"an estimate of {cost.low:,.2f} to {cost.high:,.2f} USD",
        remedy=f"Most of it is {dearest.stage} on {dearest.service}, up to {dearest.cost.high:,.2f} USD: "
        f"{definitions.of(plan.pipeline).cheaper}, or raise cloud.budget_usd. All of it: {whole}",
    )


def _warnings(
    cloud: Cloud, prices: Prices, scanned: Scanned, months_old: int, oldest: datetime.date
) -> Iterator[str]:
    if scanned.unknown:
        yield f"what the query scans is unknown: {scanned.unknown}"
    if months_old >= prices.stale_after_months:
        yield (
            f"the oldest price here is {months_old} months old ({oldest}): compare configs/prices.yaml with "
            "https://cloud.google.com/pricing/list"
        )
    if cloud.location not in {prices.regions.home, *prices.regions.factors}:
        yield f"no factor for {cloud.location} in configs/prices.yaml: the range of all regions is taken"
    missing = [role for role, account in cloud.identities if not account]
    if missing:
        yield (
            f"no service account for {', '.join(missing)}: the project's default one is taken, which may do "
            "far too much; set cloud.identities"
        )


def make_plan(settings: Settings, pipeline: Pipeline = "training") -> Plan:
    """The plan of a run, with the bytes that its query would scan.

    Raises:
        SettingsError: The environment is not on Google Cloud, or a machine has no price.
        QueryError: The query is wrong, names what is not there, or would scan more than is allowed.
    """
    cloud = cloud_of(settings)
    prices = load_prices()
    today = datetime.datetime.now(datetime.UTC).date()
    return estimate(settings, prices, _scan(settings, cloud, pipeline), today, pipeline)


def print_plan(settings: Settings, pipeline: Pipeline) -> None:
    """Show what a run would start and cost; above the budget too, which only stops `run`."""
    console, plan = open_console(), make_plan(settings, pipeline)
    console.print(
        f"[bold]{settings.name}[/], {pipeline}, in {settings.environment}: project {plan.cloud.project}, "
        f"{plan.cloud.location}\n"
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


def check(settings: Settings, pipeline: Pipeline = "training") -> Plan | None:
    """Stop a run that may cost more than the budget; without a budget nothing is estimated.

    Raises:
        BudgetError: Its high estimate is above `cloud.budget_usd`.
    """
    if settings.cloud is None or settings.cloud.budget_usd is None:
        return None
    plan = make_plan(settings, pipeline)
    check_budget(plan)
    return plan


def _scan(settings: Settings, cloud: Cloud, pipeline: Pipeline) -> Scanned:
    """The bytes of a pipeline's query, from a dry run in BigQuery: free, and nothing runs.

    Without an answer they are from none to the most that is allowed.
    """
    source, how, access = definitions.of(pipeline).reads(settings)
    if not source.uri.startswith("bq://"):
        return Scanned(0, 0, f"none: the rows come from {source.uri}")
    limit = cloud.bigquery.maximum_bytes_billed
    if stands_in_for_google() and not os.environ.get("BIGQUERY_EMULATOR_HOST"):
        return Scanned(0, limit, "unknown", f"{VARIABLES['aiplatform']} stands in for Google Cloud")
    from components.shared.sources import open_source

    try:
        with open_source(source.uri, how, access).rows(source) as rows:
            scanned = rows.estimate.get("scanned_bytes", 0)
    except QueryError:
        raise
    except (SourceError, BusyError) as error:  # nobody is logged in, or nobody answers
        return Scanned(0, limit, "unknown", str(error))
    return Scanned(scanned, scanned, "dry run")


# --- on the screen --------------------------------------------------------------------------------


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
            line.identity.removesuffix(".iam.gserviceaccount.com"),
            f"{line.minutes.low:g}..{line.minutes.high:g}" if line.minutes else "-",
            _usd(line.cost),
        )
    return table


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
    budget = plan.cloud.budget_usd
    if budget is None:
        return "no budget: set cloud.budget_usd to stop runs that may cost more"
    inside = plan.cost.high <= budget
    word = "[green]within[/]" if inside else "[bold red]above[/]"
    return f"the high estimate of one run is {word} the budget of {budget:,.2f} USD (cloud.budget_usd)"
