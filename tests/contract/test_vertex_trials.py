"""A new version on Vertex AI: on trial with a part of the traffic, and killed at any step of it."""

import contextlib
import copy
import datetime
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import pytest

from components.shared.registry import Ask
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.vertex.registry import VertexRegistry
from components.shared.registry.vertex.transition import TRIAL_SECONDS
from configs.errors import BusyError, EndpointError
from tests.contract.registries import ROWS, Killed, World, region, right, serving_cloud, submission, wrong
from tests.contract.vertex.server import VertexServer

pytest.importorskip("google.cloud.aiplatform")

# --- on trial ---------------------------------------------------------------------------------


def test_a_version_is_queried_with_a_part_of_the_traffic_before_it_gets_all(world: World) -> None:
    registry = world.champions("a")
    number = world.registered(registry, "b")
    seen: list[dict[str, int]] = []

    def check(ask: Ask) -> None:
        seen.append(world.split)
        assert registry.champion("flights").number == 1  # type: ignore[union-attr]
        assert registry.version("flights", number).status == "on trial"
        assert ask(ROWS) == [2.0, 2.0]

    assert registry.deploy("flights", number, 100, "1", check).traffic == {2: 100}
    assert seen == [{"1": 90, "2": 10}]
    assert "trial" not in world.message.labels
    assert world.split == {"2": 100}


@pytest.mark.parametrize("percent", [100, 25])
def test_a_version_that_answers_wrongly_is_taken_back_and_all_is_as_before(
    world: World, percent: int
) -> None:
    registry = world.champions("a")
    registry.deploy("flights", world.registered(registry, "b"), 20)
    before = registry.endpoint("flights")
    number = world.registered(registry, "c")
    with pytest.raises(EndpointError, match="another score"):
        registry.deploy("flights", number, percent, check=wrong)
    assert registry.endpoint("flights") == before
    assert world.split == {"1": 80, "2": 20}
    assert world.running == {1, 2}
    assert registry.version("flights", number).status == "registered"
    assert [event.event for event in registry.history("flights")][-1] == "register"
    assert registry.deploy("flights", number, percent, check=right(number)).traffic[number] == percent


def test_a_first_version_that_answers_wrongly_leaves_the_endpoint_empty(world: World) -> None:
    registry = world.open()
    number = world.registered(registry, "a")
    with pytest.raises(EndpointError, match="another score"):
        registry.deploy("flights", number, 100, check=wrong)
    assert (world.running, world.split, registry.endpoint("flights")) == (set(), {}, Endpoint())


def test_a_server_that_fails_on_requests_is_taken_back(world: World) -> None:
    registry = world.champions("a")
    number = world.registered(registry, "b")

    def fails(model: Any, instances: Sequence[Any], _: Any) -> Sequence[float]:
        if model.version_id == "2":
            raise FloatingPointError
        return [1.0] * len(instances)

    world.vertex.endpoints.predictor = fails
    with pytest.raises(EndpointError, match=r"got 500.*traffic was taken back"):
        registry.deploy("flights", number, 50, check=right(2))
    assert (world.running, world.split) == ({1}, {"1": 100})


def test_a_killed_trial_is_taken_back_by_the_next_run_when_it_is_surely_dead(world: World) -> None:
    registry = world.champions("a")
    killed(world, registry, world.registered(registry, "b"))
    other = world.registered(registry, "c")
    with pytest.raises(BusyError, match=r"version 2, on trial since .*rollback flights"):
        registry.deploy("flights", other, 100, check=right(3))
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=TRIAL_SECONDS + 1)
    later = VertexRegistry(region(world.vertex), serving_cloud(world.bucket), lambda: now)
    later.reconcile("flights")
    assert (world.running, world.split) == ({1}, {"1": 100})
    assert later.deploy("flights", other, 100, check=right(3)).traffic == {3: 100}


def test_a_killed_trial_is_ended_by_a_person(world: World) -> None:
    registry = world.champions("a")
    killed(world, registry, world.registered(registry, "b"))
    assert registry.roll_back("flights").traffic == {1: 100}
    assert registry.version("flights", 2).status == "rolled back"
    killed(world, registry, world.registered(registry, "c"))
    assert registry.promote("flights", 3).traffic == {3: 100}
    assert "trial" not in world.message.labels


def killed(world: World, registry: VertexRegistry, number: int) -> None:
    """Deploy with a process that dies during the trial."""
    dying = world.dying()

    def check(_: Ask) -> None:
        dying.life.dead = True
        raise Killed

    with pytest.raises(Killed):
        VertexRegistry(dying, serving_cloud(world.bucket)).deploy("flights", number, 10, check=check)
    assert registry.endpoint("flights").trial == number


# --- killed -----------------------------------------------------------------------------------


def candidate_deployed(world: World, registry: VertexRegistry, percent: int) -> None:
    """What the deploy stage does with a candidate."""
    registry.reconcile("flights")
    version = registry.register("flights", submission(world.folder, "c"))
    if version.status not in {"champion", "challenger"}:
        registry.deploy("flights", version.number, percent, check=right(3))


def rolled_back_once(registry: VertexRegistry) -> None:
    """A person's rollback, not repeated once it is seen to be done."""
    registry.reconcile("flights")
    if registry.endpoint("flights").champion == 2:
        registry.roll_back("flights")


CHANGES: dict[str, tuple[Callable[[World, VertexRegistry], Any], dict[int, int]]] = {
    "deploy 100": (lambda world, registry: candidate_deployed(world, registry, 100), {3: 100}),
    "deploy 20": (lambda world, registry: candidate_deployed(world, registry, 20), {2: 80, 3: 20}),
    "promote": (lambda _, registry: registry.promote("flights", 1), {1: 100}),
    "rollback": (lambda _, registry: rolled_back_once(registry), {1: 100}),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_killed_at_any_step_leaves_a_server_and_is_finished_by_the_next(
    world: World, kind: str
) -> None:
    """Each round kills it after one more call that changed something; then the world is put back."""
    change, expected = CHANGES[kind]
    world.champions("a", "b")
    store, models = world.vertex.store, world.vertex.models
    kept = copy.deepcopy((store.messages, models.versions, models._uploads))
    for steps in range(1, 100):
        dying = world.dying(steps)
        with contextlib.suppress(Killed):
            change(world, VertexRegistry(dying, serving_cloud(world.bucket)))
        assert sum(world.split.values()) == 100, "somebody serves"
        assert set(world.split) <= {each.id for each in world.message.deployed_models}
        change(world, world.open())
        must_be_settled(world, expected, kind.partition(" ")[0])
        if not dying.life.dead:
            break
        store.messages, models.versions, models._uploads = copy.deepcopy(kept)
    assert not dying.life.dead
    assert steps > 2, "there were steps to be killed at"


def must_be_settled(world: World, expected: dict[int, int], event: str) -> None:
    """As if nothing had happened on the way: traffic, aliases, servers and history."""
    endpoint = world.open().endpoint("flights")
    assert (endpoint.traffic, endpoint.trial) == (expected, None)
    aliases = {str(alias): str(number) for alias, number in endpoint.aliases.items()}
    assert world.aliases == {**aliases, "default": str(endpoint.champion)}
    assert world.running == {*expected, *endpoint.former[-1:]}
    assert world.open().history("flights")[-1].event == event


# --- while it is used -------------------------------------------------------------------------


class Callers:
    """Threads that ask the endpoint all the time, until they have asked `requests` times.

    They speak plain HTTP: what is proved is the endpoint, and the client's own work would take the time.
    """

    def __init__(self, vertex: VertexServer, requests: int, threads: int = 4) -> None:
        self._address = vertex.url.removeprefix("http://")
        path = f"/v1/projects/{vertex.project}/locations/{vertex.location}/endpoints/flights:predict"
        self._path, self._left = path, itertools.repeat(None, requests)
        self.answers: list[tuple[float, float, int, Any]] = []
        """When it was asked and answered, the status and the version that answered."""
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._address)
        body, headers = json.dumps({"instances": [{"distance": 1.0}]}), {"content-type": "application/json"}
        for _ in self._left:
            began = time.monotonic()
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
            attempt = (began, time.monotonic(), answer.status, content.get("predictions", [None])[0])
            self.answers.append(attempt)
        connection.close()


@pytest.mark.parametrize(
    ("move", "before", "after"),
    [("promote", {2, 3}, 3), ("rollback", {2, 3}, 2)],
    ids=["promote", "rollback"],
)
def test_no_request_fails_or_is_answered_by_a_version_that_is_gone(
    world: World, move: str, before: set[int], after: int
) -> None:
    """10,000 requests while the traffic moves and a server is undeployed."""
    registry = world.champions("a", "b")
    registry.deploy("flights", world.registered(registry, "c"), 30)
    world.vertex.faults.slow("UndeployModel", polls=6)
    with Callers(world.vertex, 10_000) as callers:
        while len(callers.answers) < 2_000:
            time.sleep(0.01)
        began = time.monotonic()
        if move == "promote":
            registry.promote("flights")
        else:
            registry.roll_back("flights")
        ended = time.monotonic()
        assert len(callers.answers) < 10_000, "it moved while requests came in"
    assert len(callers.answers) == 10_000
    assert {status for _, _, status, _ in callers.answers} == {200}
    assert {version for _, end, _, version in callers.answers if end < began} == before
    assert {version for _, _, _, version in callers.answers} == before
    assert {version for start, _, _, version in callers.answers if start > ended} == {after}
    gone = {1} if move == "promote" else {3}
    assert not gone & world.running
