"""What `plan` does, and the check of the budget that `run` makes before it submits."""

import datetime

from configs.prices import load_prices
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.plan import scanning
from pipelines.plan.estimate import Plan, check_budget, estimate
from pipelines.plan.table import show
from pipelines.runners.target import cloud_of
from pipelines.view import open_console


def make_plan(settings: Settings, pipeline: Pipeline = "training") -> Plan:
    """The plan of a run, with the bytes that its query would scan.

    Args:
        settings: Of an environment on Google Cloud.
        pipeline: Which one would run.

    Raises:
        SettingsError: The environment is not on Google Cloud, or a machine has no price.
        QueryError: The query could not run.
    """
    cloud = cloud_of(settings)
    prices = load_prices()
    today = datetime.datetime.now(datetime.UTC).date()
    return estimate(settings, prices, scanning.scan(settings, cloud, pipeline), today, pipeline)


def print_plan(settings: Settings, pipeline: Pipeline) -> None:
    """Show what a run would start and cost; above the budget too, which only stops `run`."""
    show(open_console(), make_plan(settings, pipeline))


def check(settings: Settings, pipeline: Pipeline = "training") -> Plan | None:
    """Stop a run that may cost more than the budget; without a budget nothing is estimated.

    Args:
        settings: What and where.
        pipeline: Which one is to run.

    Raises:
        BudgetError: Its high estimate is above `cloud.budget_usd`.
    """
    if settings.cloud is None or settings.cloud.budget_usd is None:
        return None
    plan = make_plan(settings, pipeline)
    check_budget(plan)
    return plan
