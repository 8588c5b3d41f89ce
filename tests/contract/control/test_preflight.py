"""Each thing that must be ready is looked at; each that is not comes with the exact command that fixes it."""

from collections.abc import Callable
from shlex import quote
from typing import Any

import pytest

from tests.contract.control.conftest import ACCOUNTS, BUCKET, PIPELINE, WORKER, P, found, states
from tests.contract.control.server import NUMBER, ControlServer, World


def test_where_nothing_is_missing_every_line_is_ready(dev: Any) -> None:
    found = states(dev())
    assert set(found.values()) == {"ready"}, found
    assert len(found) > 20


Arrange = Callable[[World], object]


def granting(role: str, dataset: str) -> str:
    """The command that gives the pipeline a role on a dataset."""
    sql = f"GRANT `{role}` ON SCHEMA `{P}.{dataset}` TO '{PIPELINE}'"
    return f"bq --project_id={P} query --use_legacy_sql=false {quote(sql)}"


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
        lambda w: w.bucket_policy[PIPELINE].discard("roles/storage.objectUser"),
        "roles of pipeline",
        "no roles/storage.objectUser",
        (
            f"gcloud storage buckets add-iam-policy-binding gs://{BUCKET} --member={PIPELINE} "
            "--role=roles/storage.objectUser"
        ),
    ),
    "the pipeline's right to read the rows": (
        lambda w: w.access.pop(f"{P}.flights"),
        "pipeline's role on flights",
        f"no roles/bigquery.dataViewer on {P}.flights",
        granting("roles/bigquery.dataViewer", "flights"),
    ),
    "the pipeline's right to hold rows": (
        lambda w: w.access.update({f"{P}.pipeline_temporary": w.access[f"{P}.flights"]}),
        "pipeline's role on pipeline_temporary",
        f"no roles/bigquery.dataEditor on {P}.pipeline_temporary",
        granting("roles/bigquery.dataEditor", "pipeline_temporary"),
    ),
    "the temporary dataset": (
        lambda w: w.datasets.pop(f"{P}.pipeline_temporary"),
        "pipeline's role on pipeline_temporary",
        "which it may not make itself",
        f"bq mk --dataset --location=us-central1 {P}:pipeline_temporary",
    ),
    "the workers' right to pull their image": (
        lambda w: w.repository_policies.clear(),
        "dataflow's role on repository pipeline",
        "no roles/artifactregistry.reader",
        (
            f"gcloud artifacts repositories add-iam-policy-binding pipeline --project={P} "
            f"--location=us-central1 --member={WORKER} --role=roles/artifactregistry.reader"
        ),
    ),
    "the pipeline's look at the bucket": (
        lambda w: w.bucket_policy[PIPELINE].discard("roles/storage.legacyBucketReader"),
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
        "make images ENV=dev",
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
def test_what_is_missing_comes_with_the_command_that_fixes_it(
    control: ControlServer, dev: Any, case: str
) -> None:
    arrange, name, expected, fix = MISSING[case]
    arrange(control.world)
    finding = found(dev(), name)
    assert finding.state == "missing"
    assert expected in finding.detail
    assert fix in finding.fix
