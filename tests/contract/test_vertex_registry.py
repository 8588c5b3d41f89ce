"""The registry on Vertex AI: what the service is asked for, and what holds when something goes wrong."""

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.registry import Ask, open_registry
from components.registry import vertex_labels as labels
from components.registry.endpoint import Endpoint
from components.registry.vertex import TRIAL_SECONDS, VertexRegistry
from components.registry.vertex_labels import Moved, State
from components.vertex import Region
from configs.errors import BusyError, CloudError, EndpointError, PipelineError, RegistryError
from tests.contract.registries import IMAGE, region, serving_cloud, submission, vertex_registry
from tests.contract.vertex.refusals import Status
from tests.contract.vertex.server import VertexServer

pytest.importorskip("google.cloud.aiplatform")
ROWS = [{"distance": 100.0}, {"distance": 200.0}]


def by_version(model: Any, instances: Sequence[Any], _: Any) -> Sequence[float]:
    """What the deployed versions answer: their own number."""
    return [float(model.version_id)] * len(instances)


@dataclass
class World:
    """A registry, the server behind it and submissions for it."""

    vertex: VertexServer
    bucket: Path
    folder: Path

    def open(self, **changes: Any) -> VertexRegistry:
        """The registry, in an environment of these settings."""
        return vertex_registry(self.vertex, self.bucket, **changes)

    def champions(self, *weights: str, registry: VertexRegistry | None = None) -> VertexRegistry:
        """Versions that were champion one after the other."""
        registry = registry or self.open()
        for each in weights:
            registry.deploy("flights", self.registered(registry, each), 100)
        return registry

    def registered(self, registry: VertexRegistry, weights: str) -> int:
        """The number of a version that was registered."""
        return registry.register("flights", submission(self.folder, weights)).number

    @property
    def message(self) -> Any:
        """The endpoint as the server has it."""
        return self.vertex.store.get(f"{self.vertex.parent}/endpoints/flights")

    @property
    def running(self) -> set[int]:
        """Versions whose servers run."""
        return {int(each.model_version_id) for each in self.message.deployed_models}

    @property
    def split(self) -> dict[str, int]:
        """The traffic, by deployed model."""
        return {key: share for key, share in self.message.traffic_split.items() if share}

    @property
    def aliases(self) -> dict[str, str]:
        """The version of each alias in the Model Registry."""
        versions = self.vertex.models.versions[f"{self.vertex.parent}/models/flights"].values()
        return {alias: each.version_id for each in versions for alias in each.version_aliases}


@pytest.fixture
def world(vertex: VertexServer, bucket: Path, tmp_path: Path) -> World:
    vertex.endpoints.predictor = by_version
    return World(vertex, bucket, tmp_path)


def right(version: int) -> Callable[[Ask], None]:
    """A check that a version answers itself."""

    def check(ask: Ask) -> None:
        assert ask(ROWS) == [version, version]

    return check


def wrong(ask: Ask) -> None:
    """A check that does not like the answers."""
    ask(ROWS)
    raise EndpointError("golden request 0", expected="another score")


# --- what the service is told -----------------------------------------------------------------


def test_a_version_carries_its_container_its_labels_and_its_evaluation(world: World) -> None:
    key = "projects/local-project/locations/us-central1/keyRings/r/cryptoKeys/k"
    registry = world.open(kms_key=key, serving={"threads": 3})
    version = registry.register(
        "flights",
        submission(world.folder, "a", run_id="flights-20260101-120000-ab", source="SQL: " + "x" * 99),
    )
    (request,) = world.vertex.asked("UploadModel")
    model = request.model
    assert (request.model_id, request.parent_model, model.display_name) == ("flights", "", "flights")
    container = model.container_spec
    assert container.image_uri == IMAGE
    assert list(container.command) == ["python", "-m", "components.serve"]
    assert list(container.args[:2]) == ["--host", "0.0.0.0"]  # noqa: S104 - in the container
    assert '"threads":3' in container.args[3]
    assert (container.health_route, container.predict_route) == ("/health", "/predict")
    assert [port.container_port for port in container.ports] == [8080]
    assert container.deployment_timeout.seconds == 1800
    assert model.encryption_spec.kms_key_name == key
    assert model.artifact_uri == f"{version.folder}/model"
    assert model.artifact_uri.startswith(f"{world.bucket}".rstrip("/") + "/registry/flights/versions/")
    assert model.labels["run_id"] == "flights-20260101-120000-ab"
    assert model.labels["model_digest"] == version.model_digest
    assert model.labels["environment"] == "test"
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", value) for value in model.labels.values())
    assert version.lineage["source"] == "SQL: " + "x" * 99, "the whole of it lies beside the files"
    (evaluation,) = world.vertex.asked("ImportModelEvaluation")
    assert evaluation.parent.endswith("models/flights@1")
    metrics = evaluation.model_evaluation.metrics.struct_value
    assert metrics["auRoc"] == 0.8
    assert dict(metrics["confidenceMetrics"][0]) == {"confidenceThreshold": 0.4}
    batches = world.vertex.asked("BatchImportModelEvaluationSlices")
    assert [len(batch.model_evaluation_slices) for batch in batches] == [50, 10]
    first = batches[0].model_evaluation_slices[0].slice
    assert (first.dimension, first.value) == ("slice", "carrier=C0, month=11")
    assert first.slice_spec.configs["month"].value.float_value == 11


def test_the_next_version_has_the_same_parent_and_is_not_the_default(world: World) -> None:
    registry = world.champions("a")
    world.registered(registry, "b")
    assert world.vertex.asked("UploadModel")[1].parent_model.endswith("/models/flights")
    assert world.aliases == {"default": "1", "champion": "1"}


def test_aliases_follow_the_endpoint(world: World) -> None:
    registry = world.champions("a")
    registry.deploy("flights", world.registered(registry, "b"), 25)
    assert world.aliases == {"default": "1", "champion": "1", "challenger": "2"}
    registry.promote("flights")
    assert world.aliases == {"default": "2", "champion": "2"}
    registry.roll_back("flights")
    assert world.aliases == {"default": "1", "champion": "1"}


def test_the_endpoint_says_itself_who_serves(world: World) -> None:
    registry = world.champions("a", "b")
    registry.deploy("flights", world.registered(registry, "c"), 30)
    assert world.split == {"2": 70, "3": 30}
    told = dict(world.message.labels)
    assert told.pop("moved").startswith("deploy_3_")
    assert told == {
        "use_case": "flights", "environment": "test", "managed_by": "pipelines",
        "champion": "2", "challenger": "3", "former": "1",
    }  # fmt: skip


def test_a_server_is_deployed_on_its_machines_without_traffic(world: World) -> None:
    account = "serving@local-project.iam.gserviceaccount.com"
    machines = {
        "machine_type": "n1-standard-8", "accelerator": "NVIDIA_TESLA_T4", "accelerator_count": 1,
        "min_replicas": 2, "max_replicas": 5,
    }  # fmt: skip
    world.champions("a", registry=world.open(service_account=account, prediction=machines))
    (request,) = world.vertex.asked("DeployModel")
    deployed = request.deployed_model
    assert not request.traffic_split
    assert (deployed.id, deployed.model.endswith("flights@1")) == ("1", True)
    assert deployed.service_account == account
    resources = deployed.dedicated_resources
    assert (resources.min_replica_count, resources.max_replica_count) == (2, 5)
    machine = resources.machine_spec
    assert (machine.machine_type, machine.accelerator_count) == ("n1-standard-8", 1)


@pytest.mark.parametrize("kind", ["shared", "dedicated", "private"])
def test_an_endpoint_is_of_the_configured_kind_and_stays_it(world: World, kind: str) -> None:
    allowed = {"psc_projects": ["consumer-project"]} if kind == "private" else {}
    registry = world.open(prediction={"kind": kind, **allowed})
    number = world.registered(registry, "a")
    registry.deploy("flights", number, 100, check=right(1))
    (request,) = world.vertex.asked("CreateEndpoint")
    assert request.endpoint_id == "flights"
    made = request.endpoint
    assert made.dedicated_endpoint_enabled == (kind == "dedicated")
    private = made.private_service_connect_config
    assert private.enable_private_service_connect == (kind == "private")
    assert list(private.project_allowlist) == ([*allowed["psc_projects"]] if allowed else [])
    asked = bool(world.vertex.asked("Predict"))
    assert asked == (kind != "private"), "a private one cannot be asked from here"
    another = world.open(prediction={"kind": "dedicated" if kind == "shared" else "shared"})
    with pytest.raises(RegistryError, match=rf"got a {kind} one.*cloud\.prediction\.kind={kind}"):
        another.promote("flights", number)


def test_requests_are_logged_as_configured_also_by_an_endpoint_that_is_there(world: World) -> None:
    world.champions("a")
    assert not world.message.predict_request_response_logging_config.enabled
    table = "bq://local-project.serving.requests"
    registry = world.open(prediction={"request_log": {"table": table, "sampling": 0.25}})
    world.champions("b", registry=registry)
    config = world.message.predict_request_response_logging_config
    assert (config.enabled, config.sampling_rate) == (True, 0.25)
    assert config.bigquery_destination.output_uri == table
    changes = len(world.vertex.asked("UpdateEndpoint"))
    registry.promote("flights", 2)
    assert len(world.vertex.asked("UpdateEndpoint")) == changes, "there is nothing to change"


def test_old_servers_give_their_machines_back_but_a_rollback_finds_its_own(world: World) -> None:
    registry = world.champions("a", "b", "c")
    assert world.running == {2, 3}
    assert registry.roll_back("flights").traffic == {2: 100}
    assert world.running == {1, 2}, "deployed anew for the next rollback is 1 not; the withdrawn 3 is gone"


def test_old_servers_stay_where_that_is_configured(world: World) -> None:
    registry = world.open(prediction={"undeploy_after_promotion": False})
    world.champions("a", "b", "c", registry=registry)
    assert world.running == {1, 2, 3}


def test_the_endpoint_answers_with_the_version(world: World) -> None:
    registry = world.champions("a")
    assert registry.predict("flights", [*ROWS] * 700) == [(1.0, "1")] * 1400
    with pytest.raises(EndpointError, match="expected an endpoint, got none"):
        registry.predict("trips", ROWS)


def test_a_vertex_uri_opens_it_and_needs_a_cloud(world: World) -> None:
    world.champions("a")
    uri = f"vertex://{world.vertex.project}/{world.vertex.location}"
    registry = open_registry(uri, serving_cloud(world.vertex, world.bucket))
    assert registry.names() == ["flights"]
    with pytest.raises(RegistryError, match="section `cloud`"):
        open_registry(uri)


# --- on trial ---------------------------------------------------------------------------------


def test_a_version_is_asked_with_a_part_of_the_traffic_before_it_gets_all(world: World) -> None:
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
    with pytest.raises(EndpointError, match="got 500.*traffic was taken back"):
        registry.deploy("flights", number, 50, check=right(2))
    assert (world.running, world.split) == ({1}, {"1": 100})


def test_a_killed_trial_is_taken_back_by_the_next_run_when_it_is_surely_dead(world: World) -> None:
    registry = world.champions("a")
    killed(world, registry, world.registered(registry, "b"))
    other = world.registered(registry, "c")
    with pytest.raises(BusyError, match="version 2, on trial since .*rollback flights"):
        registry.deploy("flights", other, 100, check=right(3))
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=TRIAL_SECONDS + 1)
    later = VertexRegistry(region(world.vertex), serving_cloud(world.vertex, world.bucket), lambda: now)
    later.settle("flights")
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
    dying = Dying(world.vertex.project, world.vertex.location, world.vertex.url, 5.0)

    def check(_: Ask) -> None:
        dying.life.dead = True
        raise Killed

    with pytest.raises(Killed):
        VertexRegistry(dying, serving_cloud(world.vertex, world.bucket)).deploy(
            "flights", number, 10, check=check
        )
    assert registry.endpoint("flights").trial == number


# --- killed -----------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nobody handles this."""


@dataclass(eq=False)
class Life:
    """How many calls a process still makes; with `answered`, the last one is done and its answer read."""

    calls: int = 10_000
    answered: bool = False
    dead: bool = False

    def before(self) -> None:
        """A call begins."""
        self.calls -= 1
        if self.dead or (self.calls < 0 and not self.answered):
            self.dead = True
            raise Killed

    def after(self) -> None:
        """A call is done."""
        if self.calls < 0:
            self.dead = True
            raise Killed


class Mortal:
    """A client whose process dies."""

    def __init__(self, client: Any, life: Life) -> None:
        self._client, self._life = client, life

    def __getattr__(self, name: str) -> Any:
        def called(*arguments: Any, **options: Any) -> Any:
            self._life.before()
            result = getattr(self._client, name)(*arguments, **options)
            self._life.after()
            return result

        return called


@dataclass(frozen=True)
class Dying(Region):
    """A region seen by a process that dies."""

    life: Life = field(default_factory=Life)

    def _client(self, kind: Any, host: str = "", transport: str = "") -> Any:
        return Mortal(super()._client(kind, host, transport), self.life)


def candidate_deployed(world: World, registry: VertexRegistry, percent: int) -> None:
    """What the deploy stage does with a candidate."""
    registry.settle("flights")
    version = registry.register("flights", submission(world.folder, "c"))
    if version.status in {"champion", "challenger"}:
        return
    registry.deploy("flights", version.number, percent, check=right(3))


STEPS: dict[str, tuple[Callable[[World, VertexRegistry], Any], dict[int, int]]] = {
    "deploy 100": (lambda world, registry: candidate_deployed(world, registry, 100), {3: 100}),
    "deploy 20": (lambda world, registry: candidate_deployed(world, registry, 20), {2: 80, 3: 20}),
    "promote": (lambda _, registry: registry.promote("flights", 1), {1: 100}),
    "rollback": (lambda _, registry: rolled_back_once(registry), {1: 100}),
}


def rolled_back_once(registry: VertexRegistry) -> None:
    """A person's rollback, not repeated once it is seen to be done."""
    registry.settle("flights")
    if registry.champion("flights").number == 2:  # type: ignore[union-attr]
        registry.roll_back("flights")


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_change_killed_at_any_call_leaves_a_server_and_is_finished_by_the_next(
    world: World, step: str, answered: bool
) -> None:
    """Each round kills it one call later; what came before is put back by hand."""
    change, expected = STEPS[step]
    world.champions("a", "b")
    kept = {
        name: type(m).FromString(m.SerializeToString()) for name, m in world.vertex.store.messages.items()
    }
    versions = {
        name: {n: type(m).FromString(m.SerializeToString()) for n, m in each.items()}
        for name, each in world.vertex.models.versions.items()
    }
    for calls in range(200):
        life = Life(calls, answered)
        dying = Dying(world.vertex.project, world.vertex.location, world.vertex.url, 5.0, life)
        try:
            change(world, VertexRegistry(dying, serving_cloud(world.vertex, world.bucket)))
        except Killed:
            pass
        assert sum(world.split.values()) == 100, "somebody serves"
        assert set(world.split) <= {each.id for each in world.message.deployed_models}
        registry = world.open()
        change(world, registry)
        endpoint = registry.endpoint("flights")
        assert (endpoint.traffic, endpoint.trial) == (expected, None), calls
        assert world.aliases == {
            **{str(alias): str(number) for alias, number in endpoint.aliases.items()},
            "default": str(endpoint.champion),
        }
        assert world.running == {*expected, *endpoint.former[-1:]}
        history = [event.event for event in registry.history("flights")]
        assert history[-1] == step.partition(" ")[0]
        if not life.dead:
            break
        put_back(world, kept, versions)
    assert calls > 10
    assert not life.dead


def put_back(world: World, kept: Any, versions: Any) -> None:
    store, models = world.vertex.store, world.vertex.models
    store.messages.clear()
    store.messages.update({name: type(m).FromString(m.SerializeToString()) for name, m in kept.items()})
    models.versions.clear()
    for name, each in versions.items():
        models.versions[name] = {n: type(m).FromString(m.SerializeToString()) for n, m in each.items()}
    models._uploads = {name: len(each) for name, each in models.versions.items()}
    registry = world.open()
    history = registry._history("flights")
    from components import storage

    world.vertex.requests.clear()
    for moved in ("deploy_3", "register_3", "promote", "rollback"):
        for name in history._names():
            if name.startswith(moved):
                storage.blob(f"{history._folder}/{name}").delete()


# --- faults -----------------------------------------------------------------------------------

CHANGING = (
    "UploadModel", "ImportModelEvaluation", "BatchImportModelEvaluationSlices", "CreateEndpoint", "DeployModel",
    "UpdateEndpoint", "UndeployModel", "MergeVersionAliases", "DeleteModelVersion",
)  # fmt: skip
READING = ("GetOperation", "GetEndpoint", "ListModelVersions", "Predict")


@pytest.mark.parametrize("fault", ["429", "503", "lost"])
@pytest.mark.parametrize("rpc", [*CHANGING, *READING])
def test_a_busy_service_or_a_lost_answer_changes_nothing_in_the_end(
    world: World, rpc: str, fault: str
) -> None:
    registry = world.open()
    faults = world.vertex.faults
    if fault == "lost":
        faults.lose_answer(rpc, times=1)
    else:
        faults.refuse(rpc, "RESOURCE_EXHAUSTED" if fault == "429" else "UNAVAILABLE", times=2)
    for number, weights in enumerate("abc", 1):
        registry.deploy("flights", world.registered(registry, weights), 100, check=right(number))
    registry.clean_up("flights", keep=1)
    assert [version.number for version in registry.versions("flights")] == [2, 3]
    assert registry.endpoint("flights").traffic == {3: 100}
    assert world.running == {2, 3}
    assert world.aliases == {"champion": "3", "default": "3"}
    assert [event.event for event in registry.history("flights")] == [*["register", "deploy"] * 3, "remove"]
    evaluations = world.vertex.store.of_kind("google.cloud.aiplatform.v1.ModelEvaluation")
    assert len(evaluations) == 3
    assert all(fault.times == 0 for fault in faults.waiting) or (rpc, fault) == ("GetOperation", "lost")


def test_slow_operations_are_waited_for(world: World) -> None:
    world.vertex.faults.slow("DeployModel", polls=4)
    world.vertex.faults.slow("UploadModel", polls=3)
    assert world.champions("a").endpoint("flights").traffic == {1: 100}


def test_a_server_that_does_not_get_healthy_moves_nothing(world: World) -> None:
    registry = world.champions("a")
    number = world.registered(registry, "b")
    world.vertex.faults.fail_operation(
        "DeployModel", "FAILED_PRECONDITION", "Model server never became ready. Please validate it."
    )
    with pytest.raises(EndpointError, match=r"never became ready.*No traffic has moved.*gcloud logging read"):
        registry.deploy("flights", number, 100, check=right(2))
    assert (world.running, world.split) == ({1}, {"1": 100})
    assert len(world.vertex.asked("DeployModel")) == 2, "what failed is not tried again and again"


@pytest.mark.parametrize(
    ("rpc", "status", "message", "way_out"),
    [
        ("UploadModel", "PERMISSION_DENIED", "Permission 'aiplatform.models.upload' denied",
         r"add-iam-policy-binding local-project .*--role=roles/aiplatform\.user"),
        ("DeployModel", "PERMISSION_DENIED", "You do not have permission to act as service account (actAs)",
         r"service-accounts add-iam-policy-binding serving@.*--role=roles/iam\.serviceAccountUser"),
        ("ListModelVersions", "PERMISSION_DENIED", "Vertex AI API has not been used in project 1234 before or",
         r"gcloud services enable aiplatform\.googleapis\.com --project=local-project"),
        ("DeployModel", "RESOURCE_EXHAUSTED", "The following quotas are exceeded: CustomModelServingCPUs",
         r"more quota: https://console\.cloud\.google\.com/iam-admin/quotas\?project=local-project"),
        ("DeployModel", "INVALID_ARGUMENT", "Machine type \"n9-huge\" is not supported in us-central1.",
         r"machine_type.*gcloud compute machine-types list --project=local-project"),
        ("UploadModel", "INVALID_ARGUMENT", f"The image {IMAGE} was not found or cannot be pulled.",
         rf"gcloud artifacts docker images describe {IMAGE}"),
        ("UploadModel", "NOT_FOUND", "The model does not exist", r"gcloud ai models list --project=local-project"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_with_the_command_that_mends_it(
    world: World, rpc: str, status: Status, message: str, way_out: str
) -> None:
    account = "serving@local-project.iam.gserviceaccount.com"
    cloud = serving_cloud(world.vertex, world.bucket, service_account=account)
    registry = VertexRegistry(region(world.vertex, patience=0.5), cloud)
    world.vertex.faults.refuse(rpc, status, times=50, message=message)
    with pytest.raises(CloudError, match=way_out) as raised:
        registry.deploy("flights", world.registered(registry, "a"), 100)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_exhausted_quota_of_machines_is_not_asked_for_again_and_again(world: World) -> None:
    registry = world.open()
    number = world.registered(registry, "a")
    world.vertex.faults.fail_operation("DeployModel", "RESOURCE_EXHAUSTED", "quota of GPUs", times=5)
    with pytest.raises(CloudError, match="more quota"):
        registry.deploy("flights", number, 100)
    assert len(world.vertex.asked("DeployModel")) == 1


# --- a foreign hand ---------------------------------------------------------------------------


def test_traffic_that_another_hand_moved_is_an_error_until_a_person_decides(world: World) -> None:
    registry = world.champions("a", "b")
    number = world.registered(registry, "c")
    world.message.traffic_split["1"], world.message.traffic_split["2"] = 50, 50
    for change in (lambda: registry.deploy("flights", number, 100), lambda: registry.roll_back("flights")):
        with pytest.raises(
            RegistryError, match=r"traffic as its labels say.*pipelines promote flights VERSION"
        ):
            change()
    assert world.split == {"1": 50, "2": 50}
    assert registry.promote("flights", 2).traffic == {2: 100}
    assert world.split == {"2": 100}


def test_an_endpoint_that_changes_while_a_server_starts_is_left_as_it_is(world: World) -> None:
    registry = world.champions("a", "b")
    number = world.registered(registry, "c")
    deployed = world.vertex.endpoints.deploy_model

    def meanwhile(request: Any, route: Any) -> Any:
        world.vertex.endpoints.deploy_model = deployed  # type: ignore[method-assign]
        world.open().roll_back("flights")
        return deployed(request, route)

    world.vertex.endpoints.deploy_model = meanwhile  # type: ignore[method-assign]
    with pytest.raises(
        RegistryError, match=r"still traffic 2: 100 %.*got traffic 1: 100 %.*changed it meanwhile"
    ):
        registry.deploy("flights", number, 100, check=right(3))
    assert world.split == {"1": 100}
    assert 3 not in world.running


def test_a_person_who_promotes_during_a_trial_has_the_last_word(world: World) -> None:
    registry = world.champions("a")
    number = world.registered(registry, "b")

    def check(_: Ask) -> None:
        world.open().promote("flights", 1)

    with pytest.raises(RegistryError, match="changed it meanwhile"):
        registry.deploy("flights", number, 100, check=check)
    assert (world.split, registry.version("flights", 2).status) == ({"1": 100}, "rolled back")


def test_a_label_of_somebody_else_stays_and_disturbs_nobody(world: World) -> None:
    registry = world.champions("a")
    number = world.registered(registry, "b")

    def check(_: Ask) -> None:
        world.message.labels["cost_center"] = "42"
        world.vertex.store.changed(world.message)

    assert registry.deploy("flights", number, 100, check=check).traffic == {2: 100}
    assert world.message.labels["cost_center"] == "42"


# --- labels -----------------------------------------------------------------------------------

NUMBERS = st.lists(st.integers(1, 99_999), unique=True, min_size=3, max_size=40)


@settings(deadline=None)  # no test is timed
@given(NUMBERS, st.integers(1, 99), st.booleans())
def test_a_state_is_read_back_from_its_labels(numbers: list[int], percent: int, trial: bool) -> None:
    champion, challenger, *rest = numbers
    endpoint = Endpoint(
        aliases={"champion": champion, "challenger": challenger},
        traffic={champion: 100 - percent, challenger: percent},
        former=tuple(rest[::2]),
        rolled_back=tuple(rest[1::2]),
        trial=challenger if trial else None,
    )
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678_901, datetime.UTC)
    since, restores = (at.replace(microsecond=0), (rest[0], 7)) if trial else (None, None)
    state = State(endpoint, Moved("deploy", champion, at), since, restores)
    told = labels.replaced({"own": "x", "former_3": "9", "trial": "4"}, state)
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", value) for value in told.values())
    assert labels.read(told, endpoint.traffic) == state
    assert told["own"] == "x"
