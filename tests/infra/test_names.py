"""What Terraform makes has the names that the pipeline's own settings use."""

from typing import Any

import pytest

from configs.cloud import Cloud
from configs.loading import load
from configs.settings import Settings
from tests.infra.conftest import ENVIRONMENTS, PlanOf
from tests.infra.planned import Resource, resources
from tests.infra.terraform import Json


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def plan(plan_of: PlanOf, environment: str) -> Json:
    return plan_of(environment)


@pytest.fixture
def settings(environment: str) -> Settings:
    return load("flights", environment)


@pytest.fixture
def cloud(settings: Settings) -> Cloud:
    assert settings.cloud is not None
    return settings.cloud


def test_project_and_region(plan: Json, cloud: Cloud) -> None:
    assert plan["variables"]["project"]["value"] == cloud.project
    assert plan["variables"]["region"]["value"] == cloud.location
    assert {one.values["project"] for one in resources(plan) if "project" in one.values} == {cloud.project}


def test_labels(plan: Json, settings: Settings, environment: str) -> None:
    assert plan["variables"]["environment"]["value"] == settings.labels["environment"] == environment


def test_the_bucket_and_what_lies_in_it(plan: Json, settings: Settings, cloud: Cloud) -> None:
    bucket = only(plan, "google_storage_bucket", "pipeline")
    assert bucket.values["name"] == cloud.bucket
    assert bucket.values["location"] == cloud.location
    prefixes = set(bucket.at("lifecycle_rule.condition.matches_prefix"))
    root = settings.places.root.removeprefix(f"gs://{cloud.bucket}/")
    assert f"{root}/" in prefixes
    assert not any(prefix.startswith("registry/") for prefix in prefixes), "models would be moved or deleted"


def test_what_dataflow_leaves_is_what_expires(plan: Json, settings: Settings, cloud: Cloud) -> None:
    from configs.dataflow import beam

    places = [
        option.partition("=")[2].removeprefix(f"gs://{cloud.bucket}/") + "/"
        for option in beam(settings).options
        if option.startswith(("--temp_location=", "--staging_location="))
    ]
    expiring = only(plan, "google_storage_bucket", "pipeline").at("lifecycle_rule.condition.matches_prefix")
    assert len(places) == 2
    assert set(places) <= set(expiring)


def test_the_accounts(plan: Json, cloud: Cloud) -> None:
    made = {
        f"{one.values['account_id']}@{one.values['project']}.iam.gserviceaccount.com"
        for one in of_type(plan, "google_service_account")
    }
    assert {account for _, account in cloud.identities} <= made


def test_the_subnetwork_reaches_google_without_public_addresses(plan: Json, cloud: Cloud) -> None:
    subnetwork = only(plan, "google_compute_subnetwork", "workers").values
    assert f"regions/{subnetwork['region']}/subnetworks/{subnetwork['name']}" == cloud.network.subnetwork
    assert subnetwork["private_ip_google_access"] is True
    assert cloud.network.public_ips is False


def test_the_network_attachment(plan: Json, cloud: Cloud) -> None:
    assert (output(plan, "network_attachment") or "") == cloud.network.psc_attachment


def test_the_datasets(plan: Json, settings: Settings, cloud: Cloud) -> None:
    from components.shared.sources.samples import DATASET

    made = {one.values["dataset_id"]: one.values for one in of_type(plan, "google_bigquery_dataset")}
    assert {DATASET, cloud.bigquery.temporary_dataset} <= set(made)
    assert {one["location"] for one in made.values()} == {cloud.bigquery.location or cloud.location}
    expiry = made[cloud.bigquery.temporary_dataset]["default_table_expiration_ms"]
    assert expiry == cloud.bigquery.expire_hours * 3_600_000
    logged = cloud.prediction.request_log
    for uri in (logged.table if logged else "", settings.prediction.output):
        if uri.startswith("bq://"):
            assert uri.removeprefix("bq://").split(".")[1] in made


def test_the_key(plan: Json, cloud: Cloud) -> None:
    assert (output(plan, "kms_key") or "") == cloud.kms_key


def test_the_images(plan: Json, settings: Settings, cloud: Cloud) -> None:
    begins = f"{output(plan, 'images')}/"
    assert settings.image.startswith(f"{begins}pipeline-python")
    assert (cloud.prediction.image or f"{begins}pipeline-serving").startswith(f"{begins}pipeline-serving")
    immutable = only(plan, "google_artifact_registry_repository", 'this["pipeline"]').at(
        "docker_config.immutable_tags"
    )
    assert immutable == [cloud.pinned_images]


def test_tensorboard(plan: Json, cloud: Cloud) -> None:
    """Vertex AI chooses the instance's number, so only its presence can be compared."""
    assert bool(of_type(plan, "google_vertex_ai_tensorboard")) == bool(cloud.tracking.tensorboard)


def test_the_trigger_reads_where_pipelines_are_published(plan: Json, cloud: Cloud) -> None:
    from pipelines.commands.publish import FOLDER

    trigger = only(plan, "google_cloudfunctions2_function", "trigger")
    assert trigger.at("service_config.environment_variables.PIPELINES") == [f"gs://{cloud.bucket}/{FOLDER}"]
    assert trigger.at("build_config.entry_point") == ["start"]
    granted = only(plan, "google_storage_bucket_iam_member", 'this["trigger roles/storage.objectViewer"]')
    assert f"/objects/{FOLDER}/" in granted.at("condition.expression")[0]


def test_a_schedule_asks_for_a_use_case_that_exists(plan: Json) -> None:
    import base64
    import json

    from configs.loading import use_cases

    for job in of_type(plan, "google_cloud_scheduler_job"):
        (data,) = job.at("pubsub_target.data")
        assert json.loads(base64.b64decode(data))["use_case"] in use_cases()
        assert job.values["paused"] is True


def of_type(plan: Json, kind: str) -> list[Resource]:
    return [one for one in resources(plan) if one.type == kind]


def only(plan: Json, kind: str, name: str) -> Resource:
    (found,) = (one for one in of_type(plan, kind) if one.address.endswith(f".{kind}.{name}"))
    return found


def output(plan: Json, name: str) -> Any:
    return plan["planned_values"]["outputs"][name].get("value")
