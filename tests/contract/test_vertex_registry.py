"""The registry on Vertex AI: what the service is asked for, and what it is left with."""

import datetime
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.registry import open_registry
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.vertex import labels
from components.shared.registry.vertex.labels import State, Transition
from configs.errors import EndpointError, RegistryError
from tests.contract.registries import IMAGE, ROWS, World, right, serving_cloud, submission
from tests.contract.storage.server import StorageServer

pytest.importorskip("google.cloud.aiplatform")

# --- what the service gets -----------------------------------------------------------------


def test_a_version_carries_its_container_its_labels_and_its_evaluation(world: World) -> None:
    key = "projects/local-project/locations/us-central1/keyRings/r/cryptoKeys/k"
    registry = world.open(kms_key=key, serving={"threads": 3})
    version = registry.register(
        "flights",
        submission(world.folder, "a", run_id="flights-20260101-120000-ab", source="SQL: " + "x" * 99),
    )
    (request,) = world.vertex.requests_of("UploadModel")
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
    (evaluation,) = world.vertex.requests_of("ImportModelEvaluation")
    assert evaluation.parent.endswith("models/flights@1")
    metrics = evaluation.model_evaluation.metrics.struct_value
    assert metrics["auRoc"] == 0.8
    assert dict(metrics["confidenceMetrics"][0]) == {"confidenceThreshold": 0.4}
    batches = world.vertex.requests_of("BatchImportModelEvaluationSlices")
    assert [len(batch.model_evaluation_slices) for batch in batches] == [50, 10]
    first = batches[0].model_evaluation_slices[0].slice_
    assert (first.dimension, first.value) == ("slice", "carrier=C0, month=11")
    assert first.slice_spec.configs["month"].value.float_value == 11


def test_the_next_version_has_the_same_parent_and_is_not_the_default(world: World) -> None:
    registry = world.champions("a")
    world.registered(registry, "b")
    assert world.vertex.requests_of("UploadModel")[1].parent_model.endswith("/models/flights")
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
    own_labels = dict(world.message.labels)
    assert own_labels.pop("moved").startswith("deploy_3_")
    assert own_labels == {
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
    (request,) = world.vertex.requests_of("DeployModel")
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
    (request,) = world.vertex.requests_of("CreateEndpoint")
    assert request.endpoint_id == "flights"
    made = request.endpoint
    assert made.dedicated_endpoint_enabled == (kind == "dedicated")
    private = made.private_service_connect_config
    assert private.enable_private_service_connect == (kind == "private")
    assert list(private.project_allowlist) == ([*allowed["psc_projects"]] if allowed else [])
    queried = bool(world.vertex.requests_of("Predict"))
    assert queried == (kind != "private"), "a private one cannot be queried from here"
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
    changes = len(world.vertex.requests_of("UpdateEndpoint"))
    registry.promote("flights", 2)
    assert len(world.vertex.requests_of("UpdateEndpoint")) == changes, "there is nothing to change"


def test_old_servers_give_their_machines_back_but_a_rollback_finds_its_own(world: World) -> None:
    registry = world.champions("a", "b", "c")
    assert world.running == {2, 3}
    assert registry.roll_back("flights").traffic == {2: 100}
    assert world.running == {2}, "the withdrawn one is gone; the next rollback would start its own"
    assert registry.roll_back("flights").traffic == {1: 100}
    assert world.running == {1}


def test_old_servers_stay_where_that_is_configured(world: World) -> None:
    registry = world.open(prediction={"undeploy_after_promotion": False})
    world.champions("a", "b", "c", registry=registry)
    assert world.running == {1, 2, 3}


def test_the_endpoint_answers_with_the_version(world: World) -> None:
    registry = world.champions("a")
    assert registry.predict("flights", [*ROWS] * 700) == [(1.0, "1")] * 1400
    with pytest.raises(EndpointError, match="expected an endpoint, got none"):
        registry.predict("trips", ROWS)


def test_files_that_a_killed_registration_left_are_swept_away_a_day_later(
    world: World, storage_server: StorageServer
) -> None:
    registry = world.champions("a")
    model = registry.version("flights", 1).model
    for left in ("old", "young"):
        (world.bucket / f"registry/flights/versions/{left}/model/data").write_text("left")
    kept = storage_server.storage.objects[world.bucket_name]
    for name, each in kept.items():
        if "young" not in name:
            each["timeCreated"] = "2026-01-01T00:00:00Z"
    registry.clean_up("flights", keep=5)
    assert not (world.bucket / "registry/flights/versions/old/model/data").exists()
    assert (world.bucket / "registry/flights/versions/young/model/data").exists()
    assert (model / "variables/data").read_text() == "a"


def test_a_vertex_uri_opens_it_and_needs_a_cloud(world: World) -> None:
    world.champions("a")
    uri = f"vertex://{world.vertex.project}/{world.vertex.location}"
    registry = open_registry(uri, serving_cloud(world.bucket))
    assert registry.names() == ["flights"]
    with pytest.raises(RegistryError, match="section `cloud`"):
        open_registry(uri)


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
    state = State(endpoint, Transition("deploy", champion, at), since, restores)
    found = labels.replaced({"own": "x", "former_3": "9", "trial": "4"}, state)
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", value) for value in found.values())
    assert labels.read(found, endpoint.traffic) == state
    assert found["own"] == "x"
