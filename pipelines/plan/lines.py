"""What a run starts and what stands after it, a line each, with what it may cost."""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from components.deliver.settings import DeliverStage
from configs.cloud import OnlinePrediction
from configs.errors import SettingsError
from configs.prices import Dated, Factor, Price, Prices, Range, stage_minutes
from configs.settings import Settings
from pipelines.graph.custom_job import REDUCTION_MACHINE
from pipelines.graph.definitions import Definition
from pipelines.graph.machines import Shape, chips, hosts, shape, stage_machine
from pipelines.runners.target import cloud_of, on_dataflow

_HOURS_A_MONTH = 730
_GB, _TIB = 10**9, 2**40
_DEFAULT_IDENTITY = "the project's default"


@dataclass(frozen=True)
class Cost:
    """USD, from the least to the most that is expected, with how old and how well founded its prices are."""

    low: float
    high: float
    remembered: float = field(default=0.0, compare=False)
    """Of `high`, what stands on prices from memory."""
    as_of: datetime.date = field(default=datetime.date.max, compare=False)
    """The day of the oldest price in it."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.low + other.low,
            self.high + other.high,
            self.remembered + other.remembered,
            min(self.as_of, other.as_of),
        )

    def times(self, factor: Range | float) -> "Cost":
        """Both ends by both ends."""
        low, high = (factor.low, factor.high) if isinstance(factor, Range) else (factor, factor)
        return replace(self, low=self.low * low, high=self.high * high, remembered=self.remembered * high)

    def at(self, factor: Factor) -> "Cost":
        """The same by a factor that is itself listed, computed or from memory."""
        found = self.times(factor)
        remembered = found.high if factor.basis == "memory" else found.remembered
        return replace(found, remembered=remembered, as_of=min(self.as_of, factor.as_of))

    @property
    def share_remembered(self) -> float:
        """Of the high end, 0 to 1."""
        return self.remembered / self.high if self.high else 0.0


NOTHING = Cost(0.0, 0.0)


def _priced(price: Dated, usd: float) -> Cost:
    """So much, as this price says; what costs nothing stands on no price."""
    if not usd:
        return NOTHING
    return Cost(usd, usd, usd if price.basis == "memory" else 0.0, price.as_of)


@dataclass(frozen=True)
class Scanned:
    """The bytes that the query scans, from `low` to `high`."""

    low: int
    high: int
    basis: str
    """How that is known."""
    unknown: str = ""
    """Why it is not."""


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


class Lines:
    """The lines of one pipeline in one environment."""

    def __init__(self, settings: Settings, prices: Prices, scanned: Scanned, pipeline: Definition) -> None:
        self.settings, self.prices, self.scanned, self.pipeline = settings, prices, scanned, pipeline
        self.cloud = cloud_of(settings)
        self.factor: Factor = prices.region(self.cloud.location)
        self.who = self.cloud.identities.model_copy(
            update={role: _DEFAULT_IDENTITY for role, account in self.cloud.identities if not account}
        )

    # --- a run ----------------------------------------------------------------------------------

    def run(self) -> Iterator[Line]:
        """What a run starts, stage by stage."""
        special: dict[str, Callable[[], Iterator[Line]]] = {
            self.pipeline.query_stage: self._queries,
            "train": self._training,
            "deliver": self._merge,
        }
        once = self.prices.vertex.pipeline_run
        yield Line("all", "Vertex AI Pipelines", "one run", _priced(once, once.usd), self.who.pipeline)
        for spec in self.pipeline.specs:
            yield from special.get(spec.name, lambda: iter(()))()
            if spec.beam and on_dataflow(self.cloud):
                yield self._workers(spec.name)
            if not spec.custom_job:
                yield self._container(spec.name)

    def _queries(self) -> Iterator[Line]:
        scanned, price = self.scanned, self.prices.bigquery.scanned_tib
        if scanned.high:
            cost = _priced(price, price.usd / _TIB).times(Range(low=scanned.low, high=scanned.high))
            where = self.pipeline.query_stage
            yield Line(where, "BigQuery", "on demand", cost.at(self.factor), self.who.pipeline)

    def _merge(self) -> Iterator[Line]:
        """Predictions into a table: reads about what the run keeps."""
        price = self.prices.bigquery.scanned_tib
        if self._into_a_table and self.scanned.high:
            cost = self._volume(price, price.usd * _GB / _TIB)
            yield Line("deliver", "BigQuery", "MERGE of one day", cost, self.who.pipeline)

    @property
    def _into_a_table(self) -> bool:
        return DeliverStage.of(self.settings).output.startswith("bq://")

    def _container(self, stage: str) -> Line:
        """A stage's own container; Vertex AI chooses a machine of that size."""
        machine = stage_machine(self.cloud, stage)
        minutes = stage_minutes(stage)
        hour = self._machine_hour(Shape("e2", machine.cpus, machine.memory_gb))
        return Line(
            stage,
            "Vertex AI Pipelines",
            f"{machine.cpus} CPUs, {machine.memory_gb} GB",
            hour.times(_hours(minutes)),
            self.who.pipeline,
            minutes=minutes,
        )

    def _workers(self, stage: str) -> Line:
        """Beam's workers; they are fewer than the most while the job starts and ends."""
        job, price, minutes = self.cloud.dataflow, self.prices.dataflow, stage_minutes(stage)
        size = shape(job.machine_type)
        cpu, memory = price.cpu_hour, price.gb_hour
        if job.flexrs:
            cpu, memory = price.flexrs_cpu_hour, price.flexrs_gb_hour
        worker = (
            _priced(cpu, size.cpus * cpu.usd)
            + _priced(memory, size.memory_gb * memory.usd)
            + _priced(price.disk_gb_hour, job.disk_gb * price.disk_gb_hour.usd)
        )
        most = job.workers if job.autoscaling == "NONE" else max(job.max_workers, job.workers)
        hours = _hours(minutes)
        number = Range(low=job.workers * hours.low, high=most * hours.high)
        shuffled = self._volume(price.shuffled_gb, price.shuffled_gb.usd)
        return Line(
            stage,
            "Dataflow",
            f"{job.machine_type} x {_span(job.workers, most)}",
            worker.at(self.factor).times(number) + shuffled,
            identity=self.who.dataflow,
            provisioning="FlexRS" if job.flexrs else "",
            minutes=minutes,
        )

    def _training(self) -> Iterator[Line]:
        job, prices = self.cloud.training, self.prices
        expected = stage_minutes("train")
        most = min(expected.high, job.timeout_hours * 60.0)
        minutes = Range(low=min(expected.low, most), high=most)
        v5e = chips(job.machine_type, job.tpu_topology)
        accelerator, count = ("TPU_V5E", v5e) if v5e else (job.accelerator or "", job.accelerator_count)
        replicas = job.replicas * hosts(job.machine_type, job.tpu_topology)
        one = self._spot(
            self._machine_hour(job.machine_type, prices.vertex.training)
            + self._accelerator_hour(accelerator).times(count)
        )
        hourly = one.times(job.replicas) + self._disk_hour(job.disk_gb).times(replicas)
        yield Line(
            "train",
            "Vertex AI custom job",
            f"{job.machine_type} x {replicas}",
            hourly.times(_hours(minutes)),
            identity=self.who.trainer,
            accelerator=f"{accelerator} x {count}" if accelerator else "",
            provisioning=job.provisioning.lower().replace("standard", ""),
            minutes=minutes,
        )
        if job.reduction_server_replicas:
            server = self._spot(self._machine_hour(REDUCTION_MACHINE))
            yield Line(
                "train",
                "Vertex AI reduction server",
                f"{REDUCTION_MACHINE} x {job.reduction_server_replicas}",
                server.times(job.reduction_server_replicas).times(_hours(minutes)),
                identity=self.who.trainer,
                minutes=minutes,
            )

    # --- a month --------------------------------------------------------------------------------

    def monthly(self) -> Iterator[Line]:
        """What stands after a run."""
        if self.pipeline.leaves_endpoint:
            yield self._endpoint(self.cloud.prediction)
        stored, table = self.prices.storage.gb_month, self.prices.bigquery.stored_gb_month
        yield Line("all", "Cloud Storage", "of one run", self._volume(stored, stored.usd), identity="-")
        if "deliver" in self.pipeline.stages and self._into_a_table:
            yield Line("deliver", "BigQuery", "of one run", self._volume(table, table.usd), identity="-")

    def _endpoint(self, server: OnlinePrediction) -> Line:
        """From the fewest replicas of one version to the most of two: champion and challenger."""
        accelerator = server.accelerator or ""
        node = self._machine_hour(server.machine_type, self.prices.vertex.prediction)
        node += self._accelerator_hour(accelerator).times(server.accelerator_count)
        number = Range(low=server.min_replicas, high=2 * server.max_replicas)
        return Line(
            "deploy",
            "Vertex AI endpoint",
            f"{server.machine_type} x {_span(server.min_replicas, server.max_replicas)}",
            node.times(_HOURS_A_MONTH).times(number),
            identity=self.who.serving,
            accelerator=f"{accelerator} x {server.accelerator_count}" if accelerator else "",
        )

    # --- parts ----------------------------------------------------------------------------------

    def _machine_hour(self, machine: str | Shape, listed: Mapping[str, Price] | None = None) -> Cost:
        """Vertex AI's own price of a machine, or else Compute Engine's with the management fee."""
        if isinstance(machine, str) and listed and machine in listed:
            return _priced(listed[machine], listed[machine].usd).at(self.factor)
        size = shape(machine) if isinstance(machine, str) else machine
        family = self.prices.machines.get(size.family)
        if family is None:
            raise _without_price(size.family, "machines")
        hour = _priced(family, size.cpus * family.cpu + size.memory_gb * family.gb)
        return hour.at(self.prices.vertex.management).at(self.factor)

    def _accelerator_hour(self, accelerator: str) -> Cost:
        """Likewise of one accelerator; NOTHING without one."""
        if not accelerator:
            return NOTHING
        if listed := self.prices.vertex.accelerators.get(accelerator):
            return _priced(listed, listed.usd).at(self.factor)
        price = self.prices.accelerators.get(accelerator)
        if price is None:
            raise _without_price(accelerator, "accelerators")
        return _priced(price, price.usd).at(self.prices.vertex.management).at(self.factor)

    def _spot(self, hour: Cost) -> Cost:
        return hour.at(self.prices.vertex.spot) if self.cloud.training.provisioning == "SPOT" else hour

    def _disk_hour(self, disk_gb: int) -> Cost:
        price = self.prices.vertex.disk_gb_month
        month = _priced(price, disk_gb * price.usd).at(self.prices.vertex.management)
        return month.at(self.factor).times(1 / _HOURS_A_MONTH)

    def _volume(self, price: Price, usd_a_gb: float) -> Cost:
        """What a run keeps, or shuffles, at a price."""
        scanned = Range(low=self.scanned.low / _GB, high=self.scanned.high / _GB)
        return _priced(price, usd_a_gb).times(scanned).times(self.prices.storage.kept).at(self.factor)


def _without_price(what: str, section: str) -> SettingsError:
    return SettingsError(
        f"the price of {what}",
        expected="one in configs/prices.yaml",
        got="none",
        remedy=f"Add it under {section}: what has no price cannot be compared with a budget.",
    )


def _hours(minutes: Range) -> Range:
    return Range(low=minutes.low / 60, high=minutes.high / 60)


def _span(low: int, high: int) -> str:
    return f"{low}" if low == high else f"{low}..{high}"
