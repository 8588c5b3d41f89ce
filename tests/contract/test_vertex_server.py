"""The Vertex AI server of these tests keeps the service's rules, as the unmodified client sees them."""

from collections import Counter
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials

from tests.contract.vertex.server import VertexServer

aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")
pytestmark = pytest.mark.usefixtures("client_of_vertex")


def upload(name: str = "planes", **options: Any) -> Any:
    return aiplatform.Model.upload(
        display_name=name, serving_container_image_uri="registry.example/serving:1", sync=True, **options
    )


def endpoint_with(*shares: int) -> tuple[Any, Any]:
    """An endpoint with a version for each share of the traffic."""
    model = upload()
    versions = [model, *(upload(parent_model=model.resource_name) for _ in shares[1:])]
    endpoint = aiplatform.Endpoint.create(display_name="planes")
    for version in versions:
        endpoint.deploy(version, machine_type="n1-standard-2", min_replica_count=1, traffic_percentage=0)
    ids = {each.model_version_id: each.id for each in endpoint.gca_resource.deployed_models}
    split = {ids[str(number)]: share for number, share in enumerate(shares, 1)}
    endpoint.update(traffic_split=split)
    return endpoint, model


def test_a_model_gets_versions_and_the_default_alias_moves() -> None:
    first = upload(version_aliases=["champion"])
    second = upload(
        parent_model=first.resource_name, is_default_version=False, version_aliases=["challenger"]
    )
    assert (first.version_id, second.version_id) == ("1", "2")
    assert first.resource_name.startswith("projects/1234/")
    registry = aiplatform.models.ModelRegistry(first.resource_name)
    assert registry.get_version_info("default").version_id == "1"
    registry.add_version_aliases(["default", "champion"], "2")
    assert {info.version_id: set(info.version_aliases) for info in registry.list_versions()} == {
        "1": set(),
        "2": {"challenger", "default", "champion"},
    }
    with pytest.raises(exceptions.BadRequest, match="cannot be removed"):
        registry.remove_version_aliases(["default"], "2")
    with pytest.raises(exceptions.BadRequest, match="default version"):
        registry.delete_version("2")
    registry.delete_version("1")
    third = upload(parent_model=first.resource_name)
    assert third.version_id == "3", "a version's number is never used again"


def test_unknown_names_are_not_found() -> None:
    with pytest.raises(exceptions.NotFound):
        aiplatform.Model("projects/local-project/locations/us-central1/models/1@7")
    with pytest.raises(exceptions.NotFound):
        aiplatform.Endpoint("9").list_models()
    with pytest.raises(exceptions.NotFound):
        upload(parent_model="projects/local-project/locations/us-central1/models/1")


def test_another_project_is_rejected(vertex: VertexServer) -> None:
    answer = requests.get(f"{vertex.url}/v1/projects/other/locations/us-central1/models", timeout=5)
    assert answer.status_code == 403
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"


def test_a_name_that_is_taken_is_a_conflict() -> None:
    upload(model_id="planes")
    with pytest.raises(exceptions.Conflict):
        upload(model_id="planes")


def test_pages_and_filters_are_honoured() -> None:
    for number in range(7):
        upload(f"planes-{number}", labels={"use_case": "planes" if number % 2 else "trains"})
    service = aiplatform.gapic.ModelServiceClient(
        transport=upload("last").api_client.transport  # the client's own, already at the right address
    )
    parent = "projects/local-project/locations/us-central1"
    first = service.list_models({"parent": parent, "page_size": 3})
    assert len(first._response.models) == 3
    assert first._response.next_page_token
    assert len(list(first)) == 8
    found = aiplatform.Model.list(filter='labels.use_case="planes" AND display_name!="planes-1"')
    assert {model.display_name for model in found} == {"planes-3", "planes-5"}
    with pytest.raises(exceptions.BadRequest, match="unknown field"):
        aiplatform.Model.list(filter='colour="red"')


def test_predictions_follow_the_traffic() -> None:
    endpoint, _ = endpoint_with(90, 10)
    answers = [endpoint.predict([{"seats": 1}]) for _ in range(200)]
    by_version = Counter(answer.model_version_id for answer in answers)
    assert 5 <= by_version["2"] <= 40
    assert by_version["1"] + by_version["2"] == 200
    assert all(a.predictions == [{"version": a.model_version_id}] for a in answers)


def test_traffic_must_add_up_and_name_deployed_models() -> None:
    endpoint, _ = endpoint_with(90, 10)
    service, name = endpoint.api_client, endpoint.resource_name
    one, two = (each.id for each in endpoint.gca_resource.deployed_models)
    for split in ({one: 90, two: 20}, {one: 100, "7": 0}):
        with pytest.raises(exceptions.BadRequest, match="traffic_split"):
            service.update_endpoint(
                endpoint={"name": name, "traffic_split": split}, update_mask={"paths": ["traffic_split"]}
            )
    with pytest.raises(exceptions.BadRequest, match="of the traffic"):
        service.undeploy_model(endpoint=name, deployed_model_id=two, traffic_split=None)
    service.undeploy_model(endpoint=name, deployed_model_id=two, traffic_split={one: 100}).result()
    assert dict(service.get_endpoint(name=name).traffic_split) == {one: 100}


def test_what_is_deployed_cannot_be_deleted() -> None:
    endpoint, model = endpoint_with(100)
    with pytest.raises(exceptions.BadRequest, match="undeploy"):
        endpoint.delete()
    with pytest.raises(exceptions.BadRequest, match="deployed to"):
        model.delete()
    endpoint.undeploy_all()
    endpoint.delete()
    model.delete()
    assert aiplatform.Model.list() == aiplatform.Endpoint.list() == []


def test_a_change_on_an_older_state_is_rejected() -> None:
    endpoint = aiplatform.Endpoint.create(display_name="planes")
    service, old = endpoint.api_client, endpoint.gca_resource.etag
    endpoint.update(labels={"by": "somebody-else"})
    with pytest.raises(exceptions.Conflict, match="etag"):
        service.update_endpoint(
            endpoint={"name": endpoint.resource_name, "etag": old, "display_name": "mine"},
            update_mask={"paths": ["display_name"]},
        )


def test_only_what_the_mask_names_changes() -> None:
    endpoint = aiplatform.Endpoint.create(display_name="planes", labels={"a": "1"}, description="d")
    changed = endpoint.api_client.update_endpoint(
        endpoint={"name": endpoint.resource_name, "display_name": "other", "description": "other"},
        update_mask={"paths": ["display_name"]},
    )
    assert (changed.display_name, changed.description, dict(changed.labels)) == ("other", "d", {"a": "1"})


def test_rejections_are_the_services_own() -> None:
    endpoint, _ = endpoint_with(100)
    with pytest.raises(exceptions.BadRequest, match="machine_type"):
        endpoint.api_client.deploy_model(
            endpoint=endpoint.resource_name,
            deployed_model={"model": upload().resource_name, "dedicated_resources": {"min_replica_count": 1}},
        )


def test_faults_come_when_they_are_requested(vertex: VertexServer) -> None:
    vertex.faults.reject("CreateEndpoint", "RESOURCE_EXHAUSTED")
    vertex.faults.reject("CreateEndpoint", "UNAVAILABLE")
    with pytest.raises(exceptions.TooManyRequests):
        aiplatform.Endpoint.create(display_name="planes")
    with pytest.raises(exceptions.ServiceUnavailable):
        aiplatform.Endpoint.create(display_name="planes")
    vertex.faults.lose_answer("CreateEndpoint")
    with pytest.raises(requests.exceptions.ConnectionError):
        aiplatform.Endpoint.create(display_name="planes")
    assert len(aiplatform.Endpoint.list()) == 1, "the work of the lost answer was done"


def test_an_operation_can_be_slow_or_fail(vertex: VertexServer) -> None:
    vertex.faults.slow("CreateEndpoint", polls=2)
    aiplatform.Endpoint.create(display_name="planes")
    vertex.faults.fail_operation("CreateEndpoint", "RESOURCE_EXHAUSTED", "quota")
    with pytest.raises(exceptions.ResourceExhausted, match="quota"):
        aiplatform.Endpoint.create(display_name="trains")
    assert [each.display_name for each in aiplatform.Endpoint.list()] == ["planes"]


def test_a_job_ends_well_or_not(vertex: VertexServer) -> None:
    service = aiplatform.gapic.JobServiceClient(
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        transport="rest",
        client_options={"api_endpoint": vertex.url},
    )
    parent = "projects/local-project/locations/us-central1"
    pool = {"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1}
    job = {"display_name": "train", "job_spec": {"worker_pool_specs": [pool]}}
    vertex.faults.fail_job("CreateCustomJob", "out of memory")
    failing, fine = (service.create_custom_job(parent=parent, custom_job=job) for _ in range(2))
    for _ in range(3):
        service.get_custom_job(name=failing.name)
        service.get_custom_job(name=fine.name)
    assert service.get_custom_job(name=fine.name).state.name == "JOB_STATE_SUCCEEDED"
    ended = service.get_custom_job(name=failing.name)
    assert (ended.state.name, ended.error.message) == ("JOB_STATE_FAILED", "out of memory")
    with pytest.raises(exceptions.BadRequest):
        service.cancel_custom_job(name=fine.name)


def test_an_experiment_keeps_its_runs() -> None:
    aiplatform.init(project="local-project", location="us-central1", experiment="planes")
    with aiplatform.start_run("run-1"):
        aiplatform.log_params({"epochs": 3})
        aiplatform.log_metrics({"auc": 0.9})
    frame = aiplatform.get_experiment_df("planes")
    assert frame["param.epochs"].tolist() == [3]
    assert frame["metric.auc"].tolist() == [0.9]
