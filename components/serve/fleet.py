"""The versions that serve, the share of the requests each gets, and how they change under way."""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from components.serve.batching import Batcher
from components.serve.model import Load, Model
from components.shared.files.place import Place
from components.shared.registry import open_registry
from configs.deployment import Serving
from configs.errors import PipelineError, RegistryError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """A model folder to be served; name and version are empty if it is not from a registry."""

    path: Place
    name: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} version {self.version}" if self.version else str(self.path)


Plan = Callable[[], dict[Target, int]]
"""Looks up what is to be served: percent of the requests by target."""


@dataclass(frozen=True)
class Deployed:
    """A target that is loaded."""

    target: Target
    model: Model
    batcher: Batcher


def only(path: Place) -> Plan:
    """One model, for ever."""
    return lambda: {Target(path): 100}


def endpoint(uri: str, name: str) -> Plan:
    """The traffic of a registry's endpoint, as it is at the time of asking."""
    registry = open_registry(uri)

    def plan() -> dict[Target, int]:
        traffic = registry.endpoint(name).traffic
        if not traffic:
            raise RegistryError(
                f"endpoint '{name}' in {uri}",
                expected="a deployed version",
                got="none",
                remedy="Deploy one: python -m pipelines run USE_CASE.",
            )
        return {
            Target(registry.version(name, number).model, name, str(number)): percent
            for number, percent in traffic.items()
        }

    return plan


class Fleet:
    """What is loaded now, behind a plan that may change.

    Args:
        plan: What to serve.
        load: Loads a model folder; runs in a thread.
        serving: Limits of batching, seconds between two looks at the plan.
    """

    def __init__(self, plan: Plan, load: Load, serving: Serving) -> None:
        self._plan, self._load, self._serving = plan, load, serving
        self.traffic: dict[Target, int] = {}
        """Percent by target, as planned."""
        self._random = random.Random()  # noqa: S311 - a share of traffic, no secret
        self._executor = ThreadPoolExecutor(thread_name_prefix="score")
        self._weights: list[int] = []
        self.deployed: list[Deployed] = []
        self.known: frozenset[str] = frozenset()
        """The fields an instance may have: the features of any version that serves."""

    @property
    def waiting(self) -> int:
        """Requests that wait for their batch to begin."""
        return sum(deployed.batcher.waiting for deployed in self.deployed)

    def choose(self) -> Deployed:
        """The version for the next request, at random by its share."""
        return self._random.choices(self.deployed, cum_weights=self._weights)[0]

    async def start(self) -> None:
        """Load what is planned.

        Raises:
            PipelineError: There is no plan, or a model does not load.
        """
        await self._follow(self._plan())

    async def follow(self) -> None:
        """Keep to the plan, for ever. What serves goes on serving until its successor is warm."""
        tried: dict[Target, int] = {}
        while True:
            await asyncio.sleep(self._serving.reload_seconds)
            try:
                plan = self._plan()
                if plan not in (self.traffic, tried):
                    tried = plan
                    await self._follow(plan)
            except PipelineError as error:
                log.error("the former versions serve on: %s: %s", type(error).__name__, error)  # noqa: TRY400 - one line says it
            except Exception:  # whatever it is, what serves must go on
                log.exception("the former versions serve on")

    async def _follow(self, plan: dict[Target, int]) -> None:
        loaded = {deployed.target: deployed for deployed in self.deployed}
        for target in plan:
            if target not in loaded:
                model = await asyncio.to_thread(self._load, target.path)
                limits = self._serving.micro_batch_rows, self._serving.max_wait_ms / 1000
                loaded[target] = Deployed(target, model, Batcher(model.scores, self._executor, *limits))
        self.traffic = plan
        self.deployed = [loaded[target] for target in plan]
        self._weights = list(itertools.accumulate(plan.values()))
        self.known = frozenset().union(*(deployed.model.features.columns for deployed in self.deployed))
        log.info("serving %s", ", ".join(f"{target} ({percent} %)" for target, percent in plan.items()))
