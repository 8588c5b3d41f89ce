"""The registry on Vertex AI where the service is busy, rejects, or is changed by another hand."""

import threading
import time
from collections.abc import Callable

import pytest

from components.shared.registry import Ask
from components.shared.registry.vertex.registry import VertexRegistry
from configs.errors import CloudError, EndpointError, RegistryError
from tests.contract.registries import IMAGE, World, region, right, serving_cloud
from tests.contract.vertex.rejections import Status
from tests.contract.vertex.server import VertexServer

pytest.importorskip("google.cloud.aiplatform")

# --- faults -----------------------------------------------------------------------------------

CHANGING = (
    "UploadModel", "ImportModelEvaluation", "BatchImportModelEvaluationSlices", "CreateEndpoint",
    "DeployModel", "UpdateEndpoint", "UndeployModel", "MergeVersionAliases", "DeleteModelVersion",
)  # fmt: skip
READING = ("GetOperation", "GetEndpoint", "GetModel", "ListModelVersions", "ListModels", "Predict")


def busy(vertex: VertexServer, rpc: str) -> None:
    """The next call is answered to come later (429), the one after it that nobody is there (503)."""
    vertex.faults.reject(rpc, "RESOURCE_EXHAUSTED")
    vertex.faults.reject(rpc, "UNAVAILABLE")


@pytest.mark.parametrize(
    "fault", [busy, lambda vertex, rpc: vertex.faults.lose_answer(rpc)], ids=["busy", "lost answer"]
)
def test_calls_that_fail_for_a_while_change_nothing_in_the_end(
    world: World, fault: Callable[[VertexServer, str], None]
) -> None:
    registry = world.open()
    for rpc in (*CHANGING, *READING):
        fault(world.vertex, rpc)
    for number, weights in enumerate("abc", 1):
        registry.deploy("flights", world.registered(registry, weights), 100, check=right(number))
    registry.clean_up("flights", keep=1)
    assert registry.names() == ["flights"]
    assert [version.number for version in registry.versions("flights")] == [2, 3]
    assert registry.endpoint("flights").traffic == {3: 100}
    assert world.running == {2, 3}
    assert world.aliases == {"champion": "3", "default": "3"}
    assert [event.event for event in registry.history("flights")] == [*["register", "deploy"] * 3, "remove"]
    evaluations = world.vertex.store.of_kind("google.cloud.aiplatform.v1.ModelEvaluation")
    assert len(evaluations) == 3
    waiting = {fault.rpc for fault in world.vertex.faults.waiting if fault.times}
    assert waiting <= {"GetOperation"}, "every other call has met its fault"


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
    assert len(world.vertex.requests_of("DeployModel")) == 2, "what failed is not tried again and again"


@pytest.mark.parametrize(
    ("rpc", "status", "message", "remedy"),
    [
        ("UploadModel", "PERMISSION_DENIED", "Permission 'aiplatform.models.upload' denied",
         r"add-iam-policy-binding local-project .*--role=roles/aiplatform\.user"),
        ("DeployModel", "PERMISSION_DENIED", "You do not have permission to act as service account (actAs)",
         r"service-accounts add-iam-policy-binding serving@.*--role=roles/iam\.serviceAccountUser"),
        ("ListModelVersions", "PERMISSION_DENIED", "Vertex AI API has not been used in project 1234 before",
         r"gcloud services enable aiplatform\.googleapis\.com --project=local-project"),
        ("DeployModel", "RESOURCE_EXHAUSTED", "The following quotas are exceeded: CustomModelServingCPUs",
         r"more quota: https://console\.cloud\.google\.com/iam-admin/quotas\?project=local-project"),
        ("DeployModel", "INVALID_ARGUMENT", 'Machine type "n9-huge" is not supported in us-central1.',
         r"machine_type.*gcloud compute machine-types list --project=local-project"),
        ("UploadModel", "INVALID_ARGUMENT", f"The image {IMAGE} was not found or cannot be pulled.",
         rf"gcloud artifacts docker images describe {IMAGE}"),
        ("UploadModel", "NOT_FOUND", "The model does not exist",
         r"gcloud ai models list --project=local-project"),
    ],
)  # fmt: skip
def test_a_rejection_is_one_line_with_the_command_that_fixes_it(
    world: World, rpc: str, status: Status, message: str, remedy: str
) -> None:
    account = "serving@local-project.iam.gserviceaccount.com"
    cloud = serving_cloud(world.bucket, service_account=account)
    registry = VertexRegistry(region(world.vertex, patience=0.5), cloud)
    world.vertex.faults.reject(rpc, status, times=50, message=message)
    with pytest.raises(CloudError, match=remedy) as raised:
        registry.deploy("flights", world.registered(registry, "a"), 100)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_exhausted_quota_of_machines_is_not_requested_again_and_again(world: World) -> None:
    registry = world.open()
    number = world.registered(registry, "a")
    world.vertex.faults.fail_operation("DeployModel", "RESOURCE_EXHAUSTED", "quota of GPUs", times=5)
    with pytest.raises(CloudError, match="more quota"):
        registry.deploy("flights", number, 100)
    assert len(world.vertex.requests_of("DeployModel")) == 1


# --- modified outside this tool --------------------------------------------------------------


def test_traffic_that_another_hand_moved_is_an_error_until_a_person_decides(world: World) -> None:
    registry = world.champions("a", "b")
    number = world.registered(registry, "c")
    world.message.traffic_split["1"], world.message.traffic_split["2"] = 50, 50
    foreign = r"traffic as its labels say.*pipelines promote flights VERSION"
    with pytest.raises(RegistryError, match=foreign):
        registry.deploy("flights", number, 100)
    with pytest.raises(RegistryError, match=foreign):
        registry.roll_back("flights")
    assert world.split == {"1": 50, "2": 50}
    assert registry.promote("flights", 2).traffic == {2: 100}
    assert world.split == {"2": 100}


def test_an_endpoint_that_changes_while_a_server_starts_is_left_as_it_is(world: World) -> None:
    registry = world.champions("a", "b")
    number = world.registered(registry, "c")
    world.vertex.faults.slow("DeployModel", polls=8)

    def meanwhile() -> None:
        while len(world.vertex.requests_of("DeployModel")) < 3:
            time.sleep(0.01)
        world.open().roll_back("flights")

    other = threading.Thread(target=meanwhile)
    other.start()
    changed = r"still traffic 2: 100 %.*got traffic 1: 100 %.*changed it meanwhile"
    with pytest.raises(RegistryError, match=changed):
        registry.deploy("flights", number, 100, check=right(3))
    other.join()
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
