"""Each thing that must be ready is looked at; each that is not comes with the exact command that mends it."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from configs.errors import CloudError
from pipelines.__main__ import app
from pipelines.preflight import command, keys
from pipelines.preflight.desk import Finding
from tests.contract.control.conftest import ACCOUNTS, DIGEST
from tests.contract.control.server import NUMBER, ControlServer, World

P = "my-project-dev"
BUCKET = "my-project-dev-pipeline"
PIPELINE = f"serviceAccount:{ACCOUNTS['pipeline']}"
WORKER = f"serviceAccount:{ACCOUNTS['dataflow']}"
IMAGE = f"us-central1-docker.pkg.dev/{P}/pipeline/pipeline-python"
KEY = f"projects/{P}/locations/us-central1/keyRings/ring/cryptoKeys/key"


def found(settings: Any, name: str) -> Finding:
    (finding,) = (each for each in command.findings(settings) if each.name == name)
    return finding


def states(settings: Any) -> dict[str, str]:
    return {each.name: each.state for each in command.findings(settings)}


def test_where_nothing_is_missing_every_line_is_ready(dev: Any) -> None:
    told = states(dev())
    assert set(told.values()) == {"ready"}, told
    assert len(told) > 20


Arrange = Callable[[World], object]
MISSING: dict[str, tuple[Arrange, str, str, str]] = {
    "a project that waits to be deleted": (
        lambda w: setattr(w, "state", "DELETE_REQUESTED"),
        "project",
        "DELETE_REQUESTED",
        f"gcloud projects undelete {P}",
    ),
    "nobody pays": (
        lambda w: setattr(w, "billed", False),
        "billing",
        "no billing account",
        f"gcloud billing projects link {P} --billing-account=ACCOUNT",
    ),
    "an API": (
        lambda w: w.apis.difference_update({"dataflow.googleapis.com", "aiplatform.googleapis.com"}),
        "APIs",
        "not enabled: aiplatform.googleapis.com, dataflow.googleapis.com",
        f"gcloud services enable aiplatform.googleapis.com dataflow.googleapis.com --project={P}",
    ),
    "a permission of the caller": (
        lambda w: w.permissions.discard("bigquery.jobs.create"),
        "your roles",
        "user:YOU lacks bigquery.jobs.create",
        (
            f"gcloud projects add-iam-policy-binding {P} --member=user:YOU --role=roles/bigquery.jobUser "
            "--condition=None"
        ),
    ),
    "a service account": (
        lambda w: w.accounts.pop(ACCOUNTS["trainer"]),
        "service account of trainer",
        f"no {ACCOUNTS['trainer']}",
        f"gcloud iam service-accounts create trainer --project={P}",
    ),
    "an enabled service account": (
        lambda w: w.accounts[ACCOUNTS["serving"]].update(disabled=True),
        "service account of serving",
        "is disabled",
        f"gcloud iam service-accounts enable {ACCOUNTS['serving']} --project={P}",
    ),
    "acting as": (
        lambda w: w.may_act_as.discard(ACCOUNTS["pipeline"]),
        "acting as the pipeline",
        "user:YOU may not act as",
        (
            f"gcloud iam service-accounts add-iam-policy-binding {ACCOUNTS['pipeline']} --project={P} "
            "--member=user:YOU --role=roles/iam.serviceAccountUser"
        ),
    ),
    "a role of a service account": (
        lambda w: w.policy[PIPELINE].discard("roles/dataflow.developer"),
        "roles of pipeline",
        "no roles/dataflow.developer",
        (
            f"gcloud projects add-iam-policy-binding {P} --member={PIPELINE} --role=roles/dataflow.developer "
            "--condition=None"
        ),
    ),
    "a role on the bucket": (
        lambda w: w.policy[PIPELINE].discard("roles/storage.objectUser"),
        "roles of pipeline",
        "no roles/storage.objectUser",
        (
            f"gcloud storage buckets add-iam-policy-binding gs://{BUCKET} --member={PIPELINE} "
            "--role=roles/storage.objectUser"
        ),
    ),
    "the workers' look at the bucket": (
        lambda w: w.bucket_policy.pop(WORKER),
        "roles of dataflow",
        "no roles/storage.legacyBucketReader",
        (
            f"gcloud storage buckets add-iam-policy-binding gs://{BUCKET} --member={WORKER} "
            "--role=roles/storage.legacyBucketReader"
        ),
    ),
    "the pipeline's look at the bucket": (
        lambda w: w.bucket_policy.pop(PIPELINE),
        "roles of pipeline",
        "no roles/storage.legacyBucketReader",
        (
            f"gcloud storage buckets add-iam-policy-binding gs://{BUCKET} --member={PIPELINE} "
            "--role=roles/storage.legacyBucketReader"
        ),
    ),
    "the pipeline's right to start workers as theirs": (
        lambda w: w.policy[PIPELINE].discard("roles/iam.serviceAccountUser"),
        "acting as dataflow",
        "no roles/iam.serviceAccountUser",
        (
            f"gcloud iam service-accounts add-iam-policy-binding {ACCOUNTS['dataflow']} --project={P} "
            f"--member={PIPELINE} --role=roles/iam.serviceAccountUser"
        ),
    ),
    "a service agent": (
        lambda w: w.policy.pop(f"serviceAccount:service-{NUMBER}@gcp-sa-aiplatform.iam.gserviceaccount.com"),
        "service agent of aiplatform",
        "has no roles/aiplatform.serviceAgent",
        f"gcloud beta services identity create --service=aiplatform.googleapis.com --project={P}",
    ),
    "the bucket": (
        lambda w: w.buckets.clear(),
        "bucket",
        f"no gs://{BUCKET}",
        (
            f"gcloud storage buckets create gs://{BUCKET} --project={P} --location=us-central1 "
            "--uniform-bucket-level-access"
        ),
    ),
    "a bucket of one's own": (
        lambda w: w.buckets[BUCKET].update(projectNumber="999"),
        "bucket",
        "belongs to project number 999: set cloud.bucket to one of yours",
        f"gcloud storage buckets list --project={P}",
    ),
    "a bucket in the region": (
        lambda w: w.buckets[BUCKET].update(location="EUROPE-WEST6"),
        "bucket",
        "lies in europe-west6, the pipeline runs in us-central1",
        (
            f"gcloud storage buckets create gs://{BUCKET}-us-central1 --project={P} --location=us-central1 "
            "--uniform-bucket-level-access"
        ),
    ),
    "uniform access": (
        lambda w: w.buckets[BUCKET].update(iamConfiguration={}),
        "bucket's access",
        "not closed by IAM alone",
        f"gcloud storage buckets update gs://{BUCKET} --uniform-bucket-level-access",
    ),
    "the sample's dataset": (
        lambda w: w.datasets.clear(),
        "dataset flights",
        f"no {P}.flights",
        "python -m pipelines seed flights --env dev",
    ),
    "a dataset where queries run": (
        lambda w: w.datasets.update({f"{P}.flights": "US"}),
        "dataset flights",
        "lies in us, queries run in us-central1: set cloud.bigquery.location: us",
        f"bq mk --dataset --location=us-central1 {P}:flights_us_central1",
    ),
    "the subnetwork": (
        lambda w: w.subnetworks.clear(),
        "subnetwork",
        "no regions/us-central1/subnetworks/pipeline",
        (
            f"gcloud compute networks subnets create pipeline --project={P} --region=us-central1 "
            "--network=default --range=10.10.0.0/20 --enable-private-ip-google-access"
        ),
    ),
    "Private Google Access": (
        lambda w: w.subnetworks["pipeline"].clear(),
        "subnetwork",
        "no Private Google Access",
        (
            f"gcloud compute networks subnets update pipeline --project={P} --region=us-central1 "
            "--enable-private-ip-google-access"
        ),
    ),
    "a GPU": (
        lambda w: w.vertex_quotas.update(custom_model_training_preemptible_nvidia_t4_gpus=0),
        "quota: training GPUs",
        "1 wanted, at most 0 in us-central1",
        (
            f"gcloud beta quotas preferences create --service=aiplatform.googleapis.com --project={P} "
            "--quota-id=CustomModelTrainingPreemptibleNvidiaT4GpusPerProjectPerRegion --preferred-value=1 "
            "--dimensions=region=us-central1"
        ),
    ),
    "workers' CPUs": (
        lambda w: w.quotas[1].update(usage=20),
        "quota: Dataflow N2_CPUS",
        "16 wanted, 12 of 32 free in us-central1; or lower cloud.dataflow.max_workers",
        (
            f"gcloud beta quotas preferences create --service=compute.googleapis.com --project={P} "
            "--quota-id=N2-CPUS-per-project-region --preferred-value=36 --dimensions=region=us-central1"
        ),
    ),
    "the region": (
        lambda w: w.regions.clear(),
        "region",
        "no region us-central1",
        f"gcloud compute regions list --project={P}",
    ),
    "the image": (
        lambda w: w.images.clear(),
        "image",
        "no us-central1-docker.pkg.dev/my-project-dev/pipeline/pipeline-python:dev",
        f"gcloud builds submit --project={P} --tag={IMAGE}:dev",
    ),
    "the repository": (
        lambda w: [each.clear() for each in (w.images, w.repositories)],  # type: ignore[func-returns-value]
        "image",
        "no repository pipeline",
        (
            f"gcloud artifacts repositories create pipeline --project={P} --location=us-central1 "
            "--repository-format=docker"
        ),
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_is_missing_comes_with_the_command_that_mends_it(
    control: ControlServer, dev: Any, case: str
) -> None:
    arrange, name, told, mend = MISSING[case]
    arrange(control.world)
    finding = found(dev(), name)
    assert finding.state == "missing"
    assert told in finding.told
    assert mend in finding.mend


def test_without_the_project_nothing_else_is_looked_at(control: ControlServer, dev: Any) -> None:
    told = list(command.findings(dev("cloud.project=somebody-elses")))
    assert [(each.name, each.state) for each in told] == [("credentials", "ready"), ("project", "missing")]
    assert len(control.asked) == 1


def test_without_credentials_the_command_is_said_and_nobody_is_asked(
    control: ControlServer, dev: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    (finding,) = command.findings(dev("cloud.loopback.google=''"))
    assert (finding.name, finding.state) == ("credentials", "missing")
    assert finding.mend == ("gcloud auth application-default login",)
    assert control.asked == []


def test_a_broader_role_is_enough_and_a_custom_one_is_not_judged(control: ControlServer, dev: Any) -> None:
    held = control.world.policy[PIPELINE]
    held -= {"roles/bigquery.jobUser", "roles/storage.objectUser"}
    held |= {"roles/bigquery.admin", "roles/storage.admin"}
    assert found(dev(), "roles of pipeline").state == "ready"
    held.discard("roles/dataflow.developer")
    held.add(f"projects/{P}/roles/ours")
    finding = found(dev(), "roles of pipeline")
    assert (finding.state, finding.told) == (
        "unknown",
        f"roles/dataflow.developer: unless projects/{P}/roles/ours has it",
    )


def test_a_role_that_a_group_has_is_told_as_unknown(control: ControlServer, dev: Any) -> None:
    held, group = control.world.policy[PIPELINE], "group:pipelines@example.com"
    held.discard("roles/dataflow.developer")
    control.world.policy[group] = {"roles/bigquery.admin"}
    assert found(dev(), "roles of pipeline").state == "missing"
    control.world.policy[group].add("roles/dataflow.admin")
    finding = found(dev(), "roles of pipeline")
    assert (finding.state, finding.told) == ("unknown", f"roles/dataflow.developer: unless it is in {group}")


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
def test_what_lets_workers_look_at_the_bucket_is_enough(
    control: ControlServer, dev: Any, role: str, state: str
) -> None:
    control.world.bucket_policy[WORKER] = {role}
    assert found(dev(), "roles of dataflow").state == state


def test_an_account_that_is_not_named_is_told_not_judged(dev: Any) -> None:
    finding = found(dev("cloud.identities.trainer=''"), "service account of trainer")
    assert (finding.state, "cloud.identities" in finding.told) == ("unknown", True)


def test_a_multi_region_holds_its_regions(control: ControlServer, dev: Any) -> None:
    control.world.buckets[BUCKET]["location"] = "US"
    assert found(dev(), "bucket").state == "ready"
    control.world.datasets[f"{P}.flights"] = "US"
    assert found(dev("cloud.bigquery.location=US"), "dataset flights").state == "ready"
    finding = found(dev("cloud.bigquery.location=EU"), "BigQuery's location")
    assert (finding.state, "from eu to us-central1" in finding.told) == ("missing", True)


def test_the_tables_are_not_looked_at_without_a_use_case(control: ControlServer, dev: Any) -> None:
    control.world.datasets.clear()
    told = list(command.findings(dev(), with_data=False))
    assert {each.state for each in told} == {"ready"}


def test_on_demand_and_spot_have_quotas_of_their_own(control: ControlServer, dev: Any) -> None:
    standard = dev("cloud.training.provisioning=STANDARD")
    assert found(standard, "quota: training GPUs").told == "1 wanted, at most 0 in us-central1"
    unknown = found(standard, "quota: training CPUs")
    assert (unknown.state, unknown.told) == (
        "unknown",
        "no custom_model_training_cpus is told for us-central1",
    )
    control.world.vertex_quotas["custom_model_training_nvidia_t4_gpus"] = -1
    assert found(standard, "quota: training GPUs").told == "1 wanted, no limit in us-central1"


def test_many_hosts_and_replicas_want_more(dev: Any) -> None:
    settings = dev("cloud.training.replicas=3", "cloud.prediction.max_replicas=6")
    assert found(settings, "quota: training GPUs").told.startswith("3 wanted, at most 1")
    assert found(settings, "quota: training CPUs").told.startswith("24 wanted, at most 20")
    assert found(settings, "quota: serving CPUs").told.startswith("24 wanted, at most 20")


def test_outside_dev_an_image_is_named_by_its_digest(control: ControlServer, dev: Any) -> None:
    tagged = found(dev("cloud.pinned_images=true"), "image's digest")
    assert f"set image to {IMAGE}@sha256:…" in tagged.told
    assert tagged.mend == (f"gcloud artifacts docker images list {IMAGE} --include-tags",)
    pinned = states(dev("cloud.pinned_images=true", f"image={IMAGE}@{DIGEST}"))
    assert (pinned["image"], "image's digest" in pinned) == ("ready", False)
    placeholder = found(dev(f"image={IMAGE}@sha256:{'0' * 64}"), "image")
    assert "placeholder" in placeholder.told
    control.world.images.clear()
    assert found(dev(f"image={IMAGE}@{DIGEST}"), "image").state == "missing"
    assert found(dev("image=python:3.11"), "image").state == "unknown"


def test_a_key_is_alive_in_the_region_and_usable(control: ControlServer, dev: Any) -> None:
    settings = dev(f"cloud.kms_key={KEY}")
    assert "gcloud services enable cloudkms.googleapis.com" in found(settings, "APIs").mend[0]
    assert found(settings, "KMS key").mend == (
        (
            f"gcloud kms keys create key --project={P} --location=us-central1 --keyring=ring "
            "--purpose=encryption"
        ),
    )
    control.world.keys[KEY] = "DISABLED"
    assert found(settings, "KMS key").mend == (
        f"gcloud kms keys versions enable 3 --project={P} --location=us-central1 --keyring=ring --key=key",
    )
    control.world.keys[KEY] = "ENABLED"
    users = found(settings, "KMS key's users")
    assert (users.state, len(users.mend)) == ("missing", 5)
    agent = f"serviceAccount:bq-{NUMBER}@bigquery-encryption.iam.gserviceaccount.com"
    assert (
        f"gcloud kms keys add-iam-policy-binding key --project={P} --location=us-central1 --keyring=ring "
        f"--member={agent} --role={keys._ROLE}"
    ) in users.mend
    agents = {f"serviceAccount:{each.format(number=NUMBER)}": {keys._ROLE} for each in keys._AGENTS}
    control.world.key_policies[KEY] = agents
    assert found(settings, "KMS key's users").state == "ready"


def test_what_is_closed_is_told_as_unknown_with_what_opens_it(control: ControlServer, dev: Any) -> None:
    control.close_to_us("getIamPolicy")
    finding = found(dev(), "accounts: roles")
    assert (finding.state, finding.told) == ("unknown", "403 The caller does not have permission")
    assert "--role=roles/viewer" in finding.mend[0]
    control.close_to_us("cloudquotas", "Cloud Quotas API is off.", "SERVICE_DISABLED")
    assert found(dev(), "quota of Vertex AI").mend == (
        f"gcloud services enable cloudquotas.googleapis.com --project={P}",
    )
    control.close_to_us("kms|b/my", "user:YOU does not have storage.buckets.get access")
    assert "if it is another project's, set cloud.bucket" in found(dev(), "bucket").told


def test_a_busy_service_is_asked_again(control: ControlServer, dev: Any) -> None:
    control.faults.refuse("serviceusage", times=2)
    control.faults.refuse("getIamPolicy")
    assert set(states(dev()).values()) == {"ready"}


def test_a_service_that_does_not_answer_is_told_and_the_rest_goes_on(
    control: ControlServer, dev: Any
) -> None:
    control.faults.refuse("compute.googleapis.com", times=1000)
    told = states(dev())
    assert told["places: subnetwork"] == "unknown"
    assert told["bucket"] == "ready"


# --- the part that every run asks for -----------------------------------------------------------


def test_a_run_asks_each_service_once_or_twice(control: ControlServer, dev: Any) -> None:
    command.check(dev())
    assert len(control.asked) <= 7
    assert not any("quota" in each or "getIamPolicy" in each for each in control.asked)


def test_a_run_is_refused_with_the_command_that_mends_it(control: ControlServer, dev: Any) -> None:
    control.world.buckets.clear()
    with pytest.raises(CloudError) as caught:
        command.check(dev())
    assert f"Mend it: gcloud storage buckets create gs://{BUCKET}" in str(caught.value)
    control.world.images.clear()
    with pytest.raises(CloudError, match=r"1 more: python -m pipelines preflight flights --env dev"):
        command.check(dev())


def test_what_a_run_cannot_be_told_does_not_refuse_it(control: ControlServer, dev: Any) -> None:
    control.close_to_us("serviceusage|artifactregistry")
    command.check(dev())


def test_where_servers_stand_in_for_google_a_run_is_not_judged(control: ControlServer, dev: Any) -> None:
    command.check(dev("cloud.loopback.google=''", "cloud.loopback.vertex=http://127.0.0.1:1"))
    assert control.asked == []


# --- the command --------------------------------------------------------------------------------


def shown(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["preflight", *arguments])
    return done.exit_code, capfd.readouterr().out + done.output


def test_the_command_says_a_line_each_and_ends_with_its_verdict(
    control: ControlServer, capfd: pytest.CaptureFixture[str]
) -> None:
    there = ("flights", "--env", "dev", "--set", f"cloud.loopback.google={control.url}")
    code, said = shown(capfd, *there)
    assert code == 0
    assert {line[0] for line in said.split("\n\n")[1].splitlines()} == {"✓"}
    control.world.buckets.clear()
    code, said = shown(capfd, *there)
    assert code == 1
    assert f"✗  bucket  no gs://{BUCKET}\n     gcloud storage buckets create gs://{BUCKET}" in said
    assert "1 to mend" in said


def test_a_machine_needs_no_preflight(capfd: pytest.CaptureFixture[str]) -> None:
    code, said = shown(capfd, "flights", "--env", "local")
    assert (code, "this machine: what runs here" in said) == (1, True)
