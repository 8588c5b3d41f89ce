"""What counts as ready: broader roles, wider regions, other quotas, pinned images, keys."""

from typing import Any

import pytest

from configs.settings import Settings
from pipelines.preflight import command, keys
from tests.contract.control.conftest import (
    ACCOUNTS,
    BUCKET,
    DIGEST,
    IMAGE,
    KEY,
    PIPELINE,
    WORKER,
    P,
    found,
    states,
)
from tests.contract.control.server import NUMBER, ControlServer


def test_a_broader_role_is_enough_and_a_custom_one_is_not_judged(control: ControlServer, dev: Any) -> None:
    held = control.world.policy[PIPELINE]
    held -= {"roles/bigquery.jobUser", "roles/storage.objectUser"}
    held |= {"roles/bigquery.admin", "roles/storage.admin"}
    assert found(dev(), "roles of pipeline").state == "ready"
    held.discard("roles/dataflow.developer")
    held.add(f"projects/{P}/roles/ours")
    finding = found(dev(), "roles of pipeline")
    assert (finding.state, finding.detail) == (
        "unknown",
        f"roles/dataflow.developer: unless projects/{P}/roles/ours has it",
    )


def test_a_role_that_a_group_has_is_reported_as_unknown(control: ControlServer, dev: Any) -> None:
    held, group = control.world.policy[PIPELINE], "group:pipelines@example.com"
    held.discard("roles/dataflow.developer")
    control.world.policy[group] = {"roles/bigquery.admin"}
    assert found(dev(), "roles of pipeline").state == "missing"
    control.world.policy[group].add("roles/dataflow.admin")
    finding = found(dev(), "roles of pipeline")
    assert (finding.state, finding.detail) == (
        "unknown",
        f"roles/dataflow.developer: unless it is in {group}",
    )


def test_a_role_on_the_bucket_or_on_the_account_is_enough(control: ControlServer, dev: Any) -> None:
    held = control.world.policy[PIPELINE]
    held -= {"roles/storage.objectUser", "roles/iam.serviceAccountUser"}
    control.world.bucket_policy[PIPELINE].add("roles/storage.objectUser")
    for role in ("dataflow", "trainer", "serving"):
        control.world.account_policies[ACCOUNTS[role]] = {PIPELINE: {"roles/iam.serviceAccountUser"}}
    assert set(states(dev()).values()) == {"ready"}


@pytest.mark.parametrize(
    ("role", "state"),
    [
        ("roles/storage.bucketViewer", "ready"),
        ("roles/storage.admin", "ready"),
        ("roles/storage.objectAdmin", "missing"),
    ],
)
def test_what_lets_the_pipeline_look_at_the_bucket_is_enough(
    control: ControlServer, dev: Any, role: str, state: str
) -> None:
    control.world.bucket_policy[PIPELINE] = {role, "roles/storage.objectUser"}
    assert found(dev(), "roles of pipeline").state == state


@pytest.mark.parametrize(
    ("access", "state"),
    [
        ([{"role": "READER", "userByEmail": ACCOUNTS["pipeline"]}], "missing"),
        ([{"role": "WRITER", "userByEmail": ACCOUNTS["trainer"]}], "missing"),
        ([{"role": "OWNER", "userByEmail": ACCOUNTS["pipeline"]}], "ready"),
        ([{"role": "roles/bigquery.dataEditor", "iamMember": PIPELINE}], "ready"),
        ([{"role": "WRITER", "groupByEmail": "pipelines@example.com"}], "unknown"),
        ([{"role": "WRITER", "specialGroup": "projectWriters"}], "missing"),
        ([{"role": "WRITER", "specialGroup": "allAuthenticatedUsers"}], "ready"),
        ([{"role": "roles/bigquery.dataEditor", "iamMember": "allUsers"}], "ready"),
        ([{"role": f"projects/{P}/roles/ours", "iamMember": PIPELINE}], "unknown"),
        ([{"view": {"tableId": "v"}}], "missing"),
    ],
)
def test_a_role_on_a_dataset_is_judged(
    control: ControlServer, dev: Any, access: list[dict[str, str]], state: str
) -> None:
    control.world.access[f"{P}.pipeline_temporary"] = access
    assert found(dev(), "pipeline's role on pipeline_temporary").state == state


def test_who_may_write_in_the_whole_project_may_make_a_dataset(control: ControlServer, dev: Any) -> None:
    control.world.datasets.pop(f"{P}.pipeline_temporary")
    control.world.policy[PIPELINE].add("roles/bigquery.dataEditor")
    finding = found(dev(), "pipeline's role on pipeline_temporary")
    assert (finding.state, finding.detail) == ("ready", "it may make the dataset itself")


@pytest.mark.parametrize("role", ["roles/bigquery.dataViewer", "roles/bigquery.admin", "roles/editor"])
def test_a_role_on_the_project_is_enough_for_the_rows(control: ControlServer, dev: Any, role: str) -> None:
    control.world.access.pop(f"{P}.flights")
    control.world.policy[PIPELINE].add(role)
    assert found(dev(), "pipeline's role on flights").state == "ready"


def test_where_predictions_are_delivered_is_looked_at(control: ControlServer, dev: Any) -> None:
    output = f"prediction.output=bq://{P}.predictions.flights"
    assert found(dev(output), "pipeline's role on predictions").state == "missing"
    control.world.datasets[f"{P}.predictions"] = "us-central1"
    control.world.access[f"{P}.predictions"] = control.world.access[f"{P}.pipeline_temporary"]
    assert found(dev(output), "pipeline's role on predictions").state == "ready"
    control.world.datasets[f"{P}.predictions"] = "EU"
    assert found(dev(output), "dataset predictions").state == "missing"


def scoring(settings: Settings, sql: str) -> Settings:
    """With this query of rows to score."""
    changed = settings.prediction.model_copy(update={"sql": sql})
    return settings.model_copy(update={"prediction": changed})


def test_what_is_scored_is_looked_at(control: ControlServer, dev: Any) -> None:
    settings = scoring(dev(), "SELECT * FROM examples JOIN bookings.latest USING (flight_id)")
    assert found(settings, "dataset bookings").fix == (
        f"bq mk --dataset --location=us-central1 {P}:bookings",
    )
    assert found(settings, "pipeline's role on bookings").state == "missing"
    control.world.datasets[f"{P}.bookings"] = "us-central1"
    control.world.access[f"{P}.bookings"] = control.world.access[f"{P}.flights"]
    by_name = states(settings)
    assert set(by_name.values()) == {"ready"}
    assert "dataset flights" in by_name


def test_of_another_project_a_dataset_s_own_rights_are_read(control: ControlServer, dev: Any) -> None:
    settings = scoring(dev("prediction.uri=bq://warehouse-of-all.bookings"), "SELECT * FROM latest")
    assert found(settings, "dataset bookings").state == "missing"
    control.world.datasets["warehouse-of-all.bookings"] = "us-central1"
    finding = found(settings, "pipeline's role on bookings")
    assert (finding.state, finding.detail) == (
        "unknown",
        "roles/bigquery.dataViewer on warehouse-of-all.bookings: unless it has it in all of warehouse-of-all",
    )
    control.world.access["warehouse-of-all.bookings"] = control.world.access[f"{P}.flights"]
    assert found(settings, "pipeline's role on bookings").state == "ready"


def test_a_dataset_that_is_closed_hides_no_other(control: ControlServer, dev: Any) -> None:
    control.close_to_us("datasets/flights")
    found = {each.name: each for each in command.findings(dev())}
    for name in ("dataset flights", "pipeline's role on flights"):
        assert (found[name].state, found[name].detail) == ("unknown", f"{P}.flights is closed to user:YOU")
        (fix,) = found[name].fix
        assert "GRANT `roles/bigquery.metadataViewer` ON SCHEMA" in fix
    assert found["dataset pipeline_temporary"].state == "ready"
    assert found["pipeline's role on pipeline_temporary"].state == "ready"


def test_what_is_missing_and_is_not_the_run_s_is_made_by_its_owner(control: ControlServer, dev: Any) -> None:
    control.world.datasets.pop(f"{P}.flights")
    control.world.access.pop(f"{P}.flights")
    assert found(dev(), "dataset flights").fix == ("python -m pipelines seed flights --env dev",)
    (grant,) = found(dev(), "pipeline's role on flights").fix
    assert "GRANT `roles/bigquery.dataViewer` ON SCHEMA" in grant


@pytest.mark.parametrize(
    ("role", "state"),
    [
        ("artifactregistry.writer", "ready"),
        ("editor", "ready"),
        ("artifactregistry.attachmentReader", "missing"),
    ],
)
def test_what_lets_workers_pull_their_image_is_enough(
    control: ControlServer, dev: Any, role: str, state: str
) -> None:
    control.world.repository_policies.clear()
    control.world.policy[WORKER].add(f"roles/{role}")
    assert found(dev(), "dataflow's role on repository pipeline").state == state


def test_of_an_image_that_workers_do_not_pull_from_here_no_role_is_missing(
    control: ControlServer, dev: Any
) -> None:
    control.world.repository_policies.clear()
    direct = states(dev("cloud.dataflow.options=['--runner=DirectRunner']"))
    assert not any(name.startswith("dataflow's role") for name in direct)
    shared = dev(f"image=us-docker.pkg.dev/images-of-all/shared/python@{DIGEST}")
    assert found(shared, "dataflow's role on repository shared").detail == (
        "roles/artifactregistry.reader: unless it has it in all of images-of-all"
    )


def test_an_account_that_is_not_named_is_reported_not_judged(dev: Any) -> None:
    finding = found(dev("cloud.identities.trainer=''"), "service account of trainer")
    assert (finding.state, "cloud.identities" in finding.detail) == ("unknown", True)


def test_a_multi_region_holds_its_regions(control: ControlServer, dev: Any) -> None:
    control.world.buckets[BUCKET]["location"] = "US"
    assert found(dev(), "bucket").state == "ready"
    control.world.datasets[f"{P}.flights"] = "US"
    assert found(dev("cloud.bigquery.location=US"), "dataset flights").state == "ready"
    finding = found(dev("cloud.bigquery.location=EU"), "BigQuery's location")
    assert (finding.state, "from eu to us-central1" in finding.detail) == ("missing", True)


def test_the_tables_are_not_looked_at_without_a_use_case(control: ControlServer, dev: Any) -> None:
    control.world.datasets.pop(f"{P}.flights")
    found = list(command.findings(dev(), with_data=False))
    assert {each.state for each in found} == {"ready"}


def test_on_demand_and_spot_have_quotas_of_their_own(control: ControlServer, dev: Any) -> None:
    standard = dev("cloud.training.provisioning=STANDARD")
    assert found(standard, "quota: training GPUs").detail == "1 wanted, at most 0 in us-central1"
    unknown = found(standard, "quota: training CPUs")
    assert (unknown.state, unknown.detail) == (
        "unknown",
        "Cloud Quotas has no custom_model_training_cpus for us-central1",
    )
    control.world.vertex_quotas["custom_model_training_nvidia_t4_gpus"] = -1
    assert found(standard, "quota: training GPUs").detail == "1 wanted, no limit in us-central1"


def test_many_hosts_and_replicas_want_more(dev: Any) -> None:
    settings = dev("cloud.training.replicas=3", "cloud.prediction.max_replicas=6")
    assert found(settings, "quota: training GPUs").detail.startswith("3 wanted, at most 1")
    assert found(settings, "quota: training CPUs").detail.startswith("24 wanted, at most 20")
    assert found(settings, "quota: serving CPUs").detail.startswith("24 wanted, at most 20")


def test_outside_dev_an_image_is_named_by_its_digest(control: ControlServer, dev: Any) -> None:
    tagged = found(dev("cloud.pinned_images=true"), "image's digest")
    assert f"set image to {IMAGE}@sha256:…" in tagged.detail
    assert tagged.fix == (f"gcloud artifacts docker images list {IMAGE} --include-tags",)
    pinned = states(dev("cloud.pinned_images=true", f"image={IMAGE}@{DIGEST}"))
    assert (pinned["image"], "image's digest" in pinned) == ("ready", False)
    placeholder = found(dev(f"image={IMAGE}@sha256:{'0' * 64}"), "image")
    assert f"--set image={IMAGE}@sha256:…" in placeholder.detail
    assert placeholder.fix[0] == "make images ENV=dev"
    control.world.images.clear()
    assert found(dev(f"image={IMAGE}@{DIGEST}"), "image").state == "missing"
    assert found(dev("image=python:3.11"), "image").state == "unknown"


def test_a_key_is_alive_in_the_region_and_usable(control: ControlServer, dev: Any) -> None:
    settings = dev(f"cloud.kms_key={KEY}")
    assert "gcloud services enable cloudkms.googleapis.com" in found(settings, "APIs").fix[0]
    assert found(settings, "KMS key").fix == (
        (
            f"gcloud kms keys create key --project={P} --location=us-central1 --keyring=ring "
            "--purpose=encryption"
        ),
    )
    control.world.keys[KEY] = "DISABLED"
    assert found(settings, "KMS key").fix == (
        f"gcloud kms keys versions enable 3 --project={P} --location=us-central1 --keyring=ring --key=key",
    )
    control.world.keys[KEY] = "ENABLED"
    users = found(settings, "KMS key's users")
    assert (users.state, len(users.fix)) == ("missing", 5)
    agent = f"serviceAccount:bq-{NUMBER}@bigquery-encryption.iam.gserviceaccount.com"
    assert (
        f"gcloud kms keys add-iam-policy-binding key --project={P} --location=us-central1 --keyring=ring "
        f"--member={agent} --role={keys._ROLE}"
    ) in users.fix
    agents = {f"serviceAccount:{each.format(number=NUMBER)}": {keys._ROLE} for each in keys._AGENTS}
    control.world.key_policies[KEY] = agents
    assert found(settings, "KMS key's users").state == "ready"
