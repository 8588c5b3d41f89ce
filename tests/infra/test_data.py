"""What holds data is encrypted where keys are on, kept when the rest goes, and watched for drift."""

from pathlib import Path

import pytest

from tests.infra.conftest import INFRA, PlanOf
from tests.infra.planned import Resource, resources
from tests.infra.terraform import Json, Terraform, TerraformError

# Every type that takes a key of ours, and where it takes it. A function's and a topic's are plain attributes.
TAKES_A_KEY = {
    "google_artifact_registry_repository": "kms_key_name",
    "google_bigquery_dataset": "default_encryption_configuration.kms_key_name",
    "google_cloudfunctions2_function": "kms_key_name",
    "google_pubsub_topic": "kms_key_name",
    "google_storage_bucket": "encryption.default_kms_key_name",
    "google_vertex_ai_metadata_store": "encryption_spec.kms_key_name",
    "google_vertex_ai_tensorboard": "encryption_spec.kms_key_name",
    "google_workbench_instance": "gce_setup.boot_disk.kms_key",
}
ALL_ON = {
    "project": "my-project-test",
    "project_number": "100000000002",
    "environment": "test",
    "customer_managed_keys": True,
    "tracking": {"tensorboard": True},
    "network": {"vertex_range": "10.10.16.0/24", "nat": True},
    "workbench": {},
    "operators": ["group:ml@example.com"],
}


@pytest.fixture(scope="module")
def everything(infra: Terraform) -> Json:
    return infra.plan(ALL_ON)


def test_with_keys_everything_that_takes_one_has_one(everything: Json) -> None:
    found = [one for one in resources(everything) if one.type in TAKES_A_KEY]
    assert {one.type for one in found} == set(TAKES_A_KEY)
    ring = "projects/my-project-test/locations/us-central1/keyRings/pipeline/cryptoKeys/"
    for one in found:
        (key,) = one.at(TAKES_A_KEY[one.type])
        assert key.startswith(ring), one.address


def test_without_keys_there_is_no_ring(plan_of: PlanOf) -> None:
    plan = resources(plan_of("dev"))
    assert not [one.address for one in plan if one.type.startswith("google_kms_")]
    assert not [one.address for one in plan if one.type in TAKES_A_KEY and one.at(TAKES_A_KEY[one.type])]


def test_only_googles_agents_use_a_key(everything: Json) -> None:
    users = [one for one in resources(everything) if one.type == "google_kms_crypto_key_iam_member"]
    assert users
    for one in users:
        assert one.values["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        assert "100000000002@" in one.values["member"], one.address


def test_production_keeps_its_data(plan_of: PlanOf) -> None:
    plan = plan_of("prod")
    assert plan["variables"]["protected"]["value"] is True
    assert not [one.address for one in holding(plan) if emptied(one)]


def test_production_rejects_to_be_emptied(infra: Terraform, tmp_path: Path) -> None:
    file = tmp_path / "prod.tfvars"
    text = (INFRA / "environments" / "prod.tfvars").read_text()
    file.write_text(f'{text}\ndelete_contents = ["bucket"]\n')
    with pytest.raises(TerraformError, match="protected = false"):
        infra.plan(file)


def test_what_is_named_and_nothing_else_is_emptied(infra: Terraform) -> None:
    plan = infra.plan({**ALL_ON, "delete_contents": ["warehouse"]})
    assert {one.type for one in holding(plan) if emptied(one)} == {"google_bigquery_dataset"}


def test_the_alert_on_drift_waits_for_what_validate_says(plan_of: PlanOf) -> None:
    """The phrase of the log filter is the one of the stage's findings."""
    from components.validate.distances import Distance
    from components.validate.findings import _too_far
    from components.validate.settings import ValidateStage
    from configs.loading import load

    drifted = Distance("temp", "drift", "train", "js", 0.9, 0.2, False)
    (finding,) = _too_far([drifted], ValidateStage.of(load("flights", "dev")))
    (alert,) = (one for one in resources(plan_of("dev")) if one.address.endswith('on_logs["data-drifted"]'))
    (filtered,) = alert.at("conditions.condition_matched_log.filter")
    phrase = filtered.rpartition(" AND ")[2].strip('"')
    assert phrase in finding.expected


def holding(plan: Json) -> list[Resource]:
    return [
        one for one in resources(plan) if one.type in ("google_storage_bucket", "google_bigquery_dataset")
    ]


def emptied(one: Resource) -> bool:
    return bool(one.at("force_destroy") == [True] or one.at("delete_contents_on_destroy") == [True])
