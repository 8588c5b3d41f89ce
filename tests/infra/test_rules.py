"""Each rule on a plan, both ways: what it takes, and what it rejects in which words."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.infra.conftest import Make
from tests.infra.judging import BUCKET, POOL, Values, judged, plan
from tests.infra.rules import violations

SOUND = Path(__file__).parent / "fixtures" / "sound"


def bucket(**values: Any) -> tuple[str, Values]:
    return "google_storage_bucket", BUCKET | values


def grant(type_: str = "google_storage_bucket_iam_member", **values: Any) -> tuple[str, Values]:
    return type_, {
        "member": "serviceAccount:a@p.iam.gserviceaccount.com",
        "role": "roles/storage.objectUser",
    } | values


def subnetwork(**values: Any) -> tuple[str, Values]:
    return "google_compute_subnetwork", {"private_ip_google_access": True} | values


POOL_MEMBER = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/attribute.repository/o/n"
CHANNEL = "google_monitoring_notification_channel"
TAKEN: list[tuple[str, Values]] = [
    (CHANNEL, {"labels": {"email_address": "on-call@example.org"}, "user_labels": {"environment": "dev"}}),
    bucket(labels={"environment": "dev", "cost-centre": ""}),
    bucket(project="my-project-dev"),
    grant(),
    grant(member="group:team@example.org"),
    grant(member="user:first.last+x@example.org"),
    grant(member="domain:example.org"),
    grant(member=POOL_MEMBER),
    grant(member=None),
    grant(role="projects/my-project-dev/roles/trainer"),
    grant("google_project_iam_member", role="roles/aiplatform.user"),
    grant("google_service_account_iam_member", role="roles/iam.serviceAccountUser"),
    subnetwork(ip_cidr_range="10.0.0.0/20"),
    subnetwork(ip_cidr_range=None),
    ("google_compute_subnetwork", {"purpose": "REGIONAL_MANAGED_PROXY", "ip_cidr_range": "10.9.0.0/23"}),
    ("google_compute_firewall", {"allow": [{}], "source_ranges": ["10.0.0.0/20"]}),
    ("google_compute_firewall", {"deny": [{}], "source_ranges": ["0.0.0.0/0"]}),
    ("google_compute_firewall", {"allow": [{}], "direction": "EGRESS", "destination_ranges": ["0.0.0.0/0"]}),
    ("google_kms_crypto_key", {"purpose": "ASYMMETRIC_SIGN"}),
    ("google_compute_address", {"address_type": "INTERNAL"}),
    ("google_compute_instance", {"network_interface": [{"network": "n", "access_config": []}]}),
    ("google_workbench_instance", {"gce_setup": [{"disable_public_ip": True}]}),
    (
        "google_cloud_scheduler_job",
        {"pubsub_target": [{}], "schedule": "0 3 * * MON", "time_zone": "Europe/Zurich"},
    ),
]
REJECTED: list[tuple[tuple[str, Values], str]] = [
    ((CHANNEL, {"user_labels": {"Environment": "dev"}}), "user_labels: expected up to 63 of a-z"),
    (
        bucket(labels={"Environment": "dev"}),
        "labels: expected up to 63 of a-z, 0-9, _ and -, got Environment = 'dev'",
    ),
    (bucket(labels={"environment": "Dev"}), "got environment = 'Dev'"),
    (bucket(project="123456789012"), "project: expected a project id"),
    (bucket(uniform_bucket_level_access=False), "uniform_bucket_level_access: expected true, got false"),
    (bucket(uniform_bucket_level_access=None), "uniform_bucket_level_access: expected true, got nothing"),
    (
        bucket(public_access_prevention="inherited"),
        "public_access_prevention: expected enforced, got inherited",
    ),
    (grant(member="trainer@p.iam.gserviceaccount.com"), "member: expected serviceAccount:NAME@…"),
    (grant(member="serviceAccount:trainer"), "got 'serviceAccount:trainer'"),
    (grant(member="allUsers"), "member: expected nobody from outside, got allUsers"),
    (grant(member="allAuthenticatedUsers"), "member: expected nobody from outside"),
    (grant(role="roles/editor"), "role: expected a role of one service, got roles/editor"),
    (
        grant("google_project_iam_member", role="roles/owner"),
        "role: expected a role of one service, got roles/owner",
    ),
    (grant(role="storage.objectUser"), "role: expected roles/SERVICE.NAME or projects/PROJECT/roles/NAME"),
    (
        grant("google_project_iam_member", role="roles/iam.serviceAccountUser"),
        "role: expected bound on one account",
    ),
    (grant("google_project_iam_member", role="roles/iam.serviceAccountTokenCreator"), "a key to all of them"),
    (
        grant("google_project_iam_binding"),
        "type: expected google_project_iam_member, got google_project_iam_binding",
    ),
    (("google_storage_bucket_iam_policy", {}), "type: expected google_storage_bucket_iam_member"),
    (("google_service_account_key", {}), "type: expected no key: attach the account, or federate"),
    (subnetwork(ip_cidr_range="10.0.0.300/20"), "ip_cidr_range: expected a range as 10.0.0.0/20"),
    (subnetwork(ip_cidr_range="10.0.0.1/20"), "10.0.0.1/20 has host bits set"),
    (
        subnetwork(secondary_ip_range=[{"ip_cidr_range": "10.0.0.0/33"}]),
        "secondary_ip_range.ip_cidr_range: expected",
    ),
    (subnetwork(private_ip_google_access=None), "private_ip_google_access: expected true, got nothing"),
    (
        ("google_compute_firewall", {"allow": [{}], "source_ranges": ["0.0.0.0/0"]}),
        "expected ranges of our own",
    ),
    (("google_kms_crypto_key", {}), "rotation_period: expected a duration as 7776000s, got nothing"),
    (
        (
            "google_iam_workload_identity_pool_provider",
            POOL | {"attribute_condition": "assertion.repository == 'o/n'"},
        ),
        "attribute_condition: expected a condition on ref,",
    ),
    (
        (
            "google_iam_workload_identity_pool_provider",
            POOL | {"attribute_condition": "assertion.ref == 'refs/heads/m'"},
        ),
        "attribute_condition: expected a condition on repository,",
    ),
    (
        ("google_compute_address", {"address_type": "EXTERNAL"}),
        "address_type: expected INTERNAL, got 'EXTERNAL'",
    ),
    (("google_compute_address", {}), "address_type: expected INTERNAL, got None"),
    (
        ("google_compute_instance", {"network_interface": [{"access_config": [{}]}]}),
        "it gives a public address",
    ),
    (
        ("google_workbench_instance", {"gce_setup": [{}]}),
        "gce_setup.disable_public_ip: expected true, got nothing",
    ),
    (("google_notebooks_instance", {"no_public_ip": False}), "no_public_ip: expected true, got [false]"),
    (
        ("google_cloud_scheduler_job", {"http_target": [{}], "schedule": "0 25 * * *"}),
        "schedule: expected hour from 0",
    ),
    (
        (
            "google_cloud_scheduler_job",
            {"http_target": [{}], "schedule": "0 3 * * *", "time_zone": "Mars/Base"},
        ),
        "schedule: expected",
    ),
]


@pytest.mark.parametrize("resource", TAKEN, ids=str)
def test_what_is_good_is_taken(resource: tuple[str, Values]) -> None:
    assert judged(resource) == []


@pytest.mark.parametrize(("resource", "words"), REJECTED, ids=str)
def test_what_is_bad_is_rejected(resource: tuple[str, Values], words: str) -> None:
    (said,) = judged(resource)
    assert said.startswith(f"{resource[0]}.this[0]: ")
    assert words in said


def test_ranges_of_one_network_do_not_overlap() -> None:
    one = subnetwork(ip_cidr_range="10.0.0.0/20", network="a")
    beside = subnetwork(ip_cidr_range="10.0.16.0/20", network="a")
    inside = subnetwork(ip_cidr_range="10.0.8.0/24", network="a")
    elsewhere = subnetwork(ip_cidr_range="10.0.8.0/24", network="b")
    assert judged(one, beside, elsewhere) == []
    (said,) = judged(one, beside, inside)
    expected = "no overlap with google_compute_subnetwork.this[0] (10.0.0.0/20), got 10.0.8.0/24"
    assert said == f"google_compute_subnetwork.this[2]: ip_cidr_range: expected {expected}"


def test_secondary_ranges_overlap_too() -> None:
    pods = [{"range_name": "pods", "ip_cidr_range": "10.0.8.0/24"}]
    (said,) = judged(subnetwork(ip_cidr_range="10.0.0.0/20", secondary_ip_range=pods))
    assert "no overlap" in said


def test_what_a_plan_deletes_is_not_judged() -> None:
    deleted = plan(bucket(name="BAD"))
    deleted["resource_changes"][0]["change"]["after"] = None
    assert violations(deleted) == []


def test_the_rules_read_a_real_plan(terraform: Make, tmp_path: Path) -> None:
    root = Path(shutil.copytree(SOUND, tmp_path / "root"))
    assert violations(terraform(root).plan({"project": "my-project-dev"})) == []
    text = (root / "main.tf").read_text()
    for old, new in (
        ('"${var.project}-pipeline"', '"Pipeline"'),
        ('"STANDARD"', '"STANDARDD"'),
        ('  public_access_prevention    = "enforced"\n', ""),
        ("google_service_account.trainer.member", "google_service_account.trainer.email"),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "main.tf").write_text(text)
    said = [str(one) for one in violations(terraform(root).plan({"project": "my-project-dev"}))]
    assert [line.split(": ")[:2] for line in said] == [
        ["google_storage_bucket.pipeline", "name"],
        ["google_storage_bucket.pipeline", "storage_class"],
        ["google_storage_bucket.pipeline", "public_access_prevention"],
        ["google_storage_bucket_iam_member.trainer", "member"],
    ]
