"""A project of Google Cloud in which nothing is missing, on loopback."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.shared.gcp.endpoints import VARIABLES
from configs.loading import load
from configs.settings import Settings
from pipelines.preflight import accounts, command, project, rights
from pipelines.preflight.context import Finding
from tests.contract.control.server import NUMBER, ControlServer, World

DOMAIN = "my-project-dev.iam.gserviceaccount.com"
ACCOUNTS = {
    "pipeline": f"pipeline@{DOMAIN}",
    "dataflow": f"dataflow-worker@{DOMAIN}",
    "trainer": f"trainer@{DOMAIN}",
    "serving": f"serving@{DOMAIN}",
}
"""Of configs/environments/dev.yaml."""
DIGEST = "sha256:" + "ab" * 32
P = "my-project-dev"
BUCKET = "my-project-dev-pipeline"
PIPELINE = f"serviceAccount:{ACCOUNTS['pipeline']}"
WORKER = f"serviceAccount:{ACCOUNTS['dataflow']}"
IMAGE = f"us-central1-docker.pkg.dev/{P}/pipeline/pipeline-python"
KEY = f"projects/{P}/locations/us-central1/keyRings/ring/cryptoKeys/key"


def quota(metric: str, limit: float, usage: float) -> dict[str, Any]:
    return {"metric": metric, "limit": limit, "usage": usage, "owner": "p"}


def granted(where: str) -> dict[str, set[str]]:
    """The smallest roles of each account on something."""
    wanted = {f"serviceAccount:{email}": rights.SMALLEST[role] for role, email in ACCOUNTS.items()}
    return {member: {role for on, role in roles if on == where} for member, roles in wanted.items()}


def ready() -> World:
    """What configs/environments/dev.yaml asks for, and the flights' tables."""
    roles, on_bucket = granted("project"), granted("bucket")
    roles[PIPELINE].add("roles/iam.serviceAccountUser")
    for _, pattern, role in accounts._AGENTS:
        roles[f"serviceAccount:{pattern.format(number=NUMBER)}"] = {role}
    access = {"uniformBucketLevelAccess": {"enabled": True}}
    bucket = {"projectNumber": NUMBER, "location": "US-CENTRAL1", "iamConfiguration": access}
    return World(
        apis=set(project._APIS),
        permissions=set(project._CALLER),
        accounts={email: {} for email in ACCOUNTS.values()},
        may_act_as=set(ACCOUNTS.values()),
        policy=roles,
        bucket_policy=on_bucket,
        buckets={"my-project-dev-pipeline": bucket},
        datasets=dict.fromkeys((f"{P}.flights", f"{P}.pipeline_temporary"), "us-central1"),
        access={
            f"{P}.flights": [{"role": "READER", "userByEmail": ACCOUNTS["pipeline"]}],
            f"{P}.pipeline_temporary": [{"role": "WRITER", "userByEmail": ACCOUNTS["pipeline"]}],
        },
        subnetworks={"pipeline": {"privateIpGoogleAccess": True}},
        quotas=[quota("CPUS", 72, 0), quota("N2_CPUS", 32, 8), quota("DISKS_TOTAL_GB", 4096, 100)],
        vertex_quotas={
            "custom_model_training_preemptible_nvidia_t4_gpus": 1,
            "custom_model_training_preemptible_cpus": 20,
            "custom_model_training_nvidia_t4_gpus": 0,
            "custom_model_serving_cpus": 20,
        },
        images={f"pipeline/pipeline-{each}" for each in ("python:dev", f"python@{DIGEST}", "serving:dev")},
        repositories={"pipeline"},
        repository_policies={"pipeline": granted("repository")},
    )


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlServer]:
    """The server of that project; a test changes `control.world`."""
    with ControlServer(ready()) as server:
        monkeypatch.setenv(VARIABLES["googleapis"], server.url)
        yield server


@pytest.fixture
def dev(control: ControlServer) -> Any:  # noqa: ARG001 - the preflight finds it by its variable
    """The settings of the flights in `dev`, by further overrides."""

    def settings(*overrides: str) -> Settings:
        return load("flights", "dev", overrides)

    return settings


def found(settings: Any, name: str) -> Finding:
    """The only finding of this name."""
    (finding,) = (each for each in command.findings(settings) if each.name == name)
    return finding


def states(settings: Any) -> dict[str, str]:
    """The state of each finding."""
    return {each.name: each.state for each in command.findings(settings)}
