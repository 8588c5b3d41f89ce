"""The grants that a plan makes, in the words of the matrix."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.commands.iam import ROOT, Granted
from tests.infra.planned import Resource, resources

UNKNOWN = "unknown"
"""A member that is known once it is made: the writer of a log sink."""
_WHERE = {
    "google_project_iam_member": ("project", ""),
    "google_storage_bucket_iam_member": ("bucket", "bucket"),
    "google_bigquery_dataset_iam_member": ("dataset", "dataset_id"),
    "google_service_account_iam_member": ("account", "service_account_id"),
    "google_artifact_registry_repository_iam_member": ("repository", "repository"),
    "google_kms_crypto_key_iam_member": ("key", "crypto_key_id"),
    "google_pubsub_topic_iam_member": ("topic", "topic"),
    "google_pubsub_subscription_iam_member": ("subscription", "subscription"),
    "google_cloud_run_v2_service_iam_member": ("service", "name"),
}
_NO_GRANT = {
    "google_project_iam_custom_role",
    "google_iam_workload_identity_pool",
    "google_iam_workload_identity_pool_provider",
}
_BLOCK = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_OPTIONAL = re.compile(r'(\w+)\s*=\s*optional\(string, "([^"]*)"\)')
_CUSTOM = "google_project_iam_custom_role"


def grants(plan: Mapping[str, Any]) -> list[Granted]:
    """Every grant.

    Raises:
        ValueError: One is made in a way that the matrix cannot be held against.
    """
    return [_granted(one, plan) for one in resources(plan) if _is_about_access(one)]


def custom_roles(plan: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The permissions of each role of our own."""
    return {
        one.values["role_id"]: frozenset(one.values["permissions"])
        for one in resources(plan)
        if one.type == _CUSTOM
    }


def _is_about_access(one: Resource) -> bool:
    words = ("_iam_", "_acl", "_access_control", "dataset_access")
    if one.type == "google_bigquery_dataset" and one.at("access.role"):
        raise ValueError(f"{one.address}: a block `access` replaces every other grant on the dataset")
    return any(word in one.type for word in words) and one.type not in _NO_GRANT


def _granted(one: Resource, plan: Mapping[str, Any]) -> Granted:
    if one.type not in _WHERE:
        expected = ", ".join(sorted(_WHERE))
        raise ValueError(f"{one.address}: expected one of {expected}; the others replace what is not theirs")
    kind, attribute = _WHERE[one.type]
    name = str(one.values.get(attribute) or "") if attribute else ""
    if attribute and not name:
        raise ValueError(f"{one.address}: {attribute} is not known before it is applied")
    short = name.rpartition("/")[2].partition("@")[0]
    if kind == "bucket":
        short = short.removeprefix(f"{plan['variables']['project']['value']}-")
    member = one.values.get("member") or UNKNOWN
    return Granted(member, one.values["role"], f"{kind}/{short}" if attribute else kind, _condition(one))


def _condition(one: Resource) -> str:
    return " && ".join(one.at("condition.expression"))


def variables_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's variables; what an object leaves out, which a plan does not tell, by its default."""
    values = {name: each.get("value") for name, each in plan["variables"].items()}
    return {
        name: {**_defaults().get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in values.items()
    }


@functools.cache
def _defaults() -> dict[str, dict[str, str]]:
    """The texts among the defaults of each variable that is an object."""
    blocks = _BLOCK.findall((ROOT / "infra/variables.tf").read_text())
    return {name: dict(_OPTIONAL.findall(block)) for name, block in blocks}


def differences(wanted: Iterator[Granted] | list[Granted], there: list[Granted]) -> list[str]:
    """What is missing (-), too much (+), or there twice (2); nothing: they are equal."""
    wanted = list(wanted)
    twice = sorted({each for each in there if there.count(each) > 1})
    return [
        *(f"- {each}" for each in sorted(set(wanted) - set(there))),
        *(f"+ {each}" for each in sorted(set(there) - set(wanted))),
        *(f"2 {each}" for each in twice),
    ]
