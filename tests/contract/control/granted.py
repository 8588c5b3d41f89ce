"""The project of `dev` as Terraform leaves it, from its grants; what the preflight finds in it."""

from collections.abc import Iterable
from shlex import quote

import pytest

from components.shared.gcp.endpoints import VARIABLES
from configs.loading import load
from infra.commands.iam import Granted
from pipelines.preflight import command
from pipelines.preflight.context import Finding
from tests.contract.control.conftest import ACCOUNTS, BUCKET, DOMAIN, P, ready
from tests.contract.control.server import ControlServer, World

OURS = {f"serviceAccount:{email}": role for role, email in ACCOUNTS.items()}
"""The accounts whose grants the preflight looks for."""
OUTPUT = f"prediction.output=bq://{P}.predictions.flights"
"""The one use that `dev` does not make of its grants by itself."""
_TOLD = {
    "roles/bigquery.dataViewer": "READER",
    "roles/bigquery.dataEditor": "WRITER",
    "roles/bigquery.dataOwner": "OWNER",
}
"""How `datasets.get` tells these roles."""


def findings(grants: Iterable[Granted], *overrides: str) -> list[Finding]:
    """All that the preflight finds where these grants were made, and nothing else is missing."""
    with ControlServer(_world(grants)) as server, pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLES["googleapis"], server.url)
        settings = load("flights", "dev", [OUTPUT, *overrides])
        return list(command.findings(settings))


def fixing(grant: Granted) -> str:
    """The command that makes a grant, on the smallest thing."""
    who = f"--member={grant.member} --role={grant.role}"
    kind, _, name = grant.where.partition("/")
    sql = f"GRANT `{grant.role}` ON SCHEMA `{P}.{name}` TO '{grant.member}'"
    return {
        "project": f"gcloud projects add-iam-policy-binding {P} {who} --condition=None",
        "bucket": f"gcloud storage buckets add-iam-policy-binding gs://{BUCKET} {who}",
        "dataset": f"bq --project_id={P} query --use_legacy_sql=false {quote(sql)}",
        "account": (
            f"gcloud iam service-accounts add-iam-policy-binding {name}@{DOMAIN} --project={P} {who}"
        ),
        "repository": (
            f"gcloud artifacts repositories add-iam-policy-binding {name} --project={P} "
            f"--location=us-central1 {who}"
        ),
    }[kind]


def _world(grants: Iterable[Granted]) -> World:
    world = ready()
    agents = {member: roles for member, roles in world.policy.items() if member not in OURS}
    world.policy, world.bucket_policy, world.repository_policies = agents, {}, {}
    datasets = ("flights", "pipeline_temporary", "predictions")
    world.datasets, world.access = dict.fromkeys((f"{P}.{each}" for each in datasets), "us-central1"), {}
    for grant in grants:
        _make(world, grant)
    return world


def _make(world: World, grant: Granted) -> None:
    """A grant; those on what the preflight does not look at are left out."""
    kind, _, name = grant.where.partition("/")
    if kind == "dataset":
        entry = {"role": _TOLD.get(grant.role, grant.role), "userByEmail": grant.member.partition(":")[2]}
        world.access.setdefault(f"{P}.{name}", []).append(entry)
        return
    policies = {
        "project": world.policy,
        "bucket": world.bucket_policy,
        "account": world.account_policies.setdefault(f"{name}@{DOMAIN}", {}),
        "repository": world.repository_policies.setdefault(name, {}),
    }
    if kind in policies:
        policies[kind].setdefault(grant.member, set()).add(grant.role)
