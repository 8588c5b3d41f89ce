"""What a run will start, and what that may cost: low to high, from list prices and expected durations.

Pure arithmetic over settings, prices and the bytes that the query scans; nothing is asked of anybody.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from configs.cloud import Cloud, OnlinePrediction, StageMachine
from configs.errors import BudgetError, SettingsError
from configs.prices import Prices, Range
from configs.settings import Settings
from pipelines.plan.machines import Shape, chips, hosts, shape
from pipelines.target import cloud_of, on_dataflow

STAGES = ("resolve", "ingest", "validate", "transform", "train", "evaluate", "deploy")
_BEAM = frozenset({"transform", "evaluate"})
_HOURS_A_MONTH = 730
_REDUCTION_MACHINE = "n1-highcpu-16"
_GB, _TIB = 10**9, 2**40
_DEFAULT_IDENTITY = "the project's default"


@dataclass(frozen=True)
class Cost:
    """USD, from the least to the most that is expected."""

    low: float
    high: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.low + other.low, self.high + other.high)

    def times(self, factor: Range) -> "Cost":
        """Both ends by both ends."""
        return Cost(self.low * factor.low, self.high * factor.high)


NOTHING = Cost(0.0, 0.0)


@dataclass(frozen=True)
class Scanned:
    """The bytes that the query scans.

    Args:
        low: At least.
        high: At most.
        told: How that is known.
        unknown: Why it is not.
    """

    low: int
    high: int
    told: str
    unknown: str = ""


@dataclass(frozen=True)
class Line:
    """One thing that a run starts, or that stands afterwards."""

    stage: str
    service: str
    machines: str
    cost: Cost
    identity: str
    accelerator: str = ""
    provisioning: str = ""
    minutes: Range | None = None


@dataclass(frozen=True)
class Plan:
    """A run before it is run."""

    use_case: str
    environment: str
    project: str
    location: str
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
        return _sum(line.cost for line in self.run)

    @property
    def month(self) -> Cost:
        """Of a month of what stands."""
        return _sum(line.cost for line in self.monthly)


def estimate(settings: Settings, prices: Prices, scanned: Scanned, today: datetime.date) -> Plan:
    """What a run of these settings will start, and what that may cost.

    Args:
        settings: Of an environment on Google Cloud.
        prices: List prices and durations.
        scanned: By the query.
        today: To tell how old the prices are.

    Raises:
        SettingsError: The environment is not on Google Cloud, or a machine has no price.
    """
    cloud = cloud_of(settings)
    estimator = _Estimator(cloud, prices, scanned)
    return Plan(
        use_case=settings.name,
        environment=settings.environment,
        project=cloud.project,
        location=cloud.location,
        scanned=scanned,
        run=tuple(estimator.run()),
        monthly=tuple(estimator.monthly()),
        budget_usd=cloud.budget_usd,
        notes=_notes(prices),
        warnings=tuple(_warnings(cloud, prices, scanned, today)),
    )


def check_budget(plan: Plan) -> None:
    """Refuse a run whose high estimate is above the budget.

    Raises:
        BudgetError: It is; the message has both figures and what costs most.
    """
    budget, cost = plan.budget_usd, plan.cost
    if budget is None or cost.high <= budget:
        return
    dearest = max(plan.run, key=lambda line: line.cost.high)
    raise BudgetError(
        f"a run of {plan.use_case} in {plan.environment}",
        expected=f"at most {budget:,.2f} USD (cloud.budget_usd)",
        got=f"an estimate of {cost.low:,.2f} to {cost.high:,.2f} USD",
        way_out=f"Most of it is {dearest.stage} on {dearest.service}, up to {dearest.cost.high:,.2f} USD: "
        "choose smaller, fewer or spot machines, shorten cloud.training.timeout_hours, or raise "
        f"cloud.budget_usd. All of it: python -m pipelines plan {plan.use_case} --env {plan.environment}",
    )


class _Estimator:
    """One environment's machines with their prices."""

    def __init__(self, cloud: Cloud, prices: Prices, scanned: Scanned) -> None:
        self.cloud, self.prices, self.scanned = cloud, prices, scanned
        self.factor = prices.region(cloud.location)
        self.who = cloud.identities.model_copy(
            update={role: _DEFAULT_IDENTITY for role, account in cloud.identities if not account}
        )

    # --- a run ----------------------------------------------------------------------------------

    def run(self) -> Iterator[Line]:
        """What a run starts, stage by stage."""
        special: dict[str, Callable[[], Iterator[Line]]] = {"ingest": self._queries, "train": self._training}
        yield Line(
            "all",
            "Vertex AI Pipelines",
            "one run",
            _exactly(self.prices.vertex.pipeline_run),
            self.who.pipeline,
        )
        for stage in STAGES:
            yield from special.get(stage, lambda: iter(()))()
            if stage in _BEAM and on_dataflow(self.cloud):
                yield self._workers(stage)
            if stage != "train":
                yield self._container(stage)

    def _queries(self) -> Iterator[Line]:
        scanned, price = self.scanned, self.prices.bigquery.scanned_tib / _TIB
        if scanned.high:
            cost = Cost(scanned.low * price, scanned.high * price).times(self.factor)
            yield Line("ingest", "BigQuery", "on demand", cost, self.who.pipeline)

    def _container(self, stage: str) -> Line:
        """A stage's own container; Vertex AI chooses a machine of that size."""
        machine = next((each for name, each in self.cloud.stages.items() if name == stage), StageMachine())
        size = Shape("e2", machine.cpus, machine.memory_gb)
        minutes = self.prices.minutes.of(stage)
        return Line(
            stage,
            "Vertex AI Pipelines",
            f"{machine.cpus} CPUs, {machine.memory_gb} GB",
            self._managed(size, "", 0).times(_hours(minutes)),
            self.who.pipeline,
            minutes=minutes,
        )

    def _workers(self, stage: str) -> Line:
        """Beam's workers; they are fewer than the most while the job starts and ends."""
        told, price, minutes = self.cloud.dataflow, self.prices.dataflow, self.prices.minutes.of(stage)
        size = shape(told.machine_type)
        compute = size.cpus * price.cpu_hour + size.memory_gb * price.gb_hour
        worker = compute * (price.flexrs if told.flexrs else 1.0) + told.disk_gb * price.disk_gb_hour
        most = told.workers if told.autoscaling == "NONE" else max(told.max_workers, told.workers)
        hours = _hours(minutes)
        number = Range(low=told.workers * hours.low, high=most * hours.high)
        shuffled = self._volume(price.shuffled_gb)
        return Line(
            stage,
            "Dataflow",
            f"{told.machine_type} x {_span(told.workers, most)}",
            _exactly(worker).times(self.factor).times(number) + shuffled,
            identity=self.who.dataflow,
            provisioning="FlexRS" if told.flexrs else "",
            minutes=minutes,
        )

    def _training(self) -> Iterator[Line]:
        told, prices = self.cloud.training, self.prices
        expected = prices.minutes.train
        most = min(expected.high, told.timeout_hours * 60.0)
        minutes = Range(low=min(expected.low, most), high=most)
        spot = prices.vertex.spot if told.provisioning == "SPOT" else Range(low=1.0, high=1.0)
        v5e = chips(told.machine_type, told.tpu_topology)
        accelerator, count = ("TPU_V5E", v5e) if v5e else (told.accelerator or "", told.accelerator_count)
        size = shape(told.machine_type)
        replicas = told.replicas * hosts(told.machine_type, told.tpu_topology)
        one = self._managed(size, accelerator, count).times(spot)
        disk = told.disk_gb * prices.vertex.disk_gb_month * prices.vertex.management / _HOURS_A_MONTH
        hourly = _times(one, told.replicas) + _times(_exactly(disk).times(self.factor), replicas)
        yield Line(
            "train",
            "Vertex AI custom job",
            f"{told.machine_type} x {replicas}",
            hourly.times(_hours(minutes)),
            identity=self.who.trainer,
            accelerator=f"{accelerator} x {count}" if accelerator else "",
            provisioning=told.provisioning.lower().replace("standard", ""),
            minutes=minutes,
        )
        if told.reduction_server_replicas:
            servers = self._managed(shape(_REDUCTION_MACHINE), "", 0).times(spot)
            yield Line(
                "train",
                "Vertex AI reduction server",
                f"{_REDUCTION_MACHINE} x {told.reduction_server_replicas}",
                _times(servers, told.reduction_server_replicas).times(_hours(minutes)),
                identity=self.who.trainer,
                minutes=minutes,
            )

    # --- a month --------------------------------------------------------------------------------

    def monthly(self) -> Iterator[Line]:
        """What stands after a run."""
        told = self.cloud.prediction
        yield Line(
            "deploy",
            "Vertex AI endpoint",
            f"{told.machine_type} x {_span(told.min_replicas, told.max_replicas)}",
            self._endpoint(told),
            identity=self.who.serving,
            accelerator=f"{told.accelerator} x {told.accelerator_count}" if told.accelerator else "",
        )
        yield Line(
            "all", "Cloud Storage", "of one run", self._volume(self.prices.storage.gb_month), identity="-"
        )

    def _endpoint(self, told: OnlinePrediction) -> Cost:
        """From the fewest replicas of one version to the most of two: champion and challenger."""
        node = self._managed(shape(told.machine_type), told.accelerator or "", told.accelerator_count)
        number = Range(low=told.min_replicas, high=2 * told.max_replicas)
        return _times(node, _HOURS_A_MONTH).times(number)

    # --- parts ----------------------------------------------------------------------------------

    def _managed(self, size: Shape, accelerator: str, count: int) -> Cost:
        """An hour of a machine under Vertex AI, with its accelerators."""
        family = self.prices.machines.get(size.family)
        each = self.prices.accelerators.get(accelerator, 0.0 if not accelerator else None)
        if family is None or each is None:
            raise SettingsError(
                f"the price of {accelerator if family else size.family}",
                expected="one in configs/prices.yaml",
                got="none",
                way_out=f"Add it under {'accelerators' if family else 'machines'}: what has no price "
                "cannot be held against a budget.",
            )
        hourly = size.cpus * family.cpu + size.memory_gb * family.gb + count * each
        return _exactly(hourly * self.prices.vertex.management).times(self.factor)

    def _volume(self, price_a_gb: float) -> Cost:
        """What a run keeps, or shuffles, at a price."""
        low, high = self.scanned.low / _GB * price_a_gb, self.scanned.high / _GB * price_a_gb
        return Cost(low, high).times(self.prices.storage.kept).times(self.factor)


def _warnings(cloud: Cloud, prices: Prices, scanned: Scanned, today: datetime.date) -> Iterator[str]:
    if scanned.unknown:
        yield f"BigQuery was not asked what the query scans: {scanned.unknown}"
    months = prices.months_old(today)
    if months >= prices.stale_after_months:
        yield (
            f"the prices are {months} months old ({prices.as_of}): hold configs/prices.yaml against "
            "https://cloud.google.com/pricing/list"
        )
    if cloud.location not in prices.regions:
        yield f"no factor for {cloud.location} in configs/prices.yaml: the range of all regions is taken"
    missing = [role for role, account in cloud.identities if not account]
    if missing:
        yield (
            f"no service account for {', '.join(missing)}: the project's default one is taken, which may do "
            "far too much; set cloud.identities"
        )


def _notes(prices: Prices) -> tuple[str, ...]:
    return (
        f"An estimate, not an offer. Prices of {prices.as_of}: {prices.basis.strip()}",
        f"Durations: {prices.minutes.basis.strip()}",
        "Stages that are taken from the cache cost nothing; a training job that restarts costs again.",
    )


def _sum(costs: Iterator[Cost]) -> Cost:
    total = NOTHING
    for cost in costs:
        total += cost
    return total


def _exactly(usd: float) -> Cost:
    return Cost(usd, usd)


def _times(cost: Cost, number: float) -> Cost:
    return Cost(cost.low * number, cost.high * number)


def _hours(minutes: Range) -> Range:
    return Range(low=minutes.low / 60, high=minutes.high / 60)


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low}..{high}"
