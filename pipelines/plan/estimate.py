"""What a run will start, and what that may cost: low to high, from list prices and expected durations.

Pure arithmetic over settings, prices and the bytes that the query scans; no service is called.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from configs.cloud import Cloud
from configs.errors import BudgetError
from configs.prices import Prices, months_between
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.plan.cost import Cost, total
from pipelines.plan.lines import Line, Lines, Scanned
from pipelines.runners.target import cloud_of

WHAT_IT_IS = "An estimate, list price, no discounts, no taxes"


@dataclass(frozen=True)
class Plan:
    """A run before it is run."""

    use_case: str
    environment: str
    project: str
    location: str
    pipeline: Pipeline
    scanned: Scanned
    run: tuple[Line, ...]
    monthly: tuple[Line, ...]
    """What costs by the month, whether or not anything runs."""
    budget_usd: float | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def cost(self) -> Cost:
        """Of one run."""
        return total(line.cost for line in self.run)

    @property
    def month(self) -> Cost:
        """Of a month of what stands."""
        return total(line.cost for line in self.monthly)


def estimate(
    settings: Settings,
    prices: Prices,
    scanned: Scanned,
    today: datetime.date,
    pipeline: Pipeline = "training",
) -> Plan:
    """What a run of these settings will start, and what that may cost.

    Args:
        settings: Of an environment on Google Cloud.
        prices: List prices and durations.
        scanned: By the query.
        today: To tell how old the prices are.
        pipeline: Which one runs.

    Raises:
        SettingsError: The environment is not on Google Cloud, or a machine has no price.
    """
    cloud = cloud_of(settings)
    lines = Lines(settings, prices, scanned, definitions.of(pipeline))
    run, monthly = tuple(lines.run()), tuple(lines.monthly())
    oldest = total(line.cost for line in (*run, *monthly)).as_of
    return Plan(
        use_case=settings.name,
        environment=settings.environment,
        project=cloud.project,
        location=cloud.location,
        pipeline=pipeline,
        scanned=scanned,
        run=run,
        monthly=monthly,
        budget_usd=cloud.budget_usd,
        notes=_notes(prices),
        warnings=tuple(_warnings(cloud, prices, scanned, months_between(oldest, today), oldest)),
    )


def check_budget(plan: Plan) -> None:
    """Stop a run whose high estimate is above the budget.

    Raises:
        BudgetError: It is; the message has both figures and what costs most.
    """
    budget, cost = plan.budget_usd, plan.cost
    if budget is None or cost.high <= budget:
        return
    dearest = max(plan.run, key=lambda line: line.cost.high)
    whole = f"python -m pipelines plan {plan.use_case} --env {plan.environment} --pipeline {plan.pipeline}"
    raise BudgetError(
        f"a {plan.pipeline} run of {plan.use_case} in {plan.environment}",
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


def _notes(prices: Prices) -> tuple[str, ...]:
    return (
        f"{WHAT_IT_IS}; never exact. Prices: {prices.about.strip()}",
        f"Durations: {prices.minutes.strip()}",
        "Stages that are taken from the cache cost nothing; a job that restarts costs again.",
    )
