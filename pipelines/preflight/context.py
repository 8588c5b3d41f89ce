"""What the checks share: the settings, the client of Google's APIs, and what was looked up once."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from configs.cloud import Cloud
from configs.settings import Settings
from pipelines.preflight.google import Google
from pipelines.preflight.rights import CURVE_WRITER

_WITH_CONDITIONS = 3
"""The version of a policy that has its conditional bindings too; the others leave them out."""
POLICY: dict[str, Any] = {"options.requestedPolicyVersion": _WITH_CONDITIONS}
"""The same, where it is part of the query."""
State = Literal["ready", "missing", "unknown"]
RESOURCES = "cloudresourcemanager.googleapis.com"
STORAGE = "storage.googleapis.com"
IAM = "iam.googleapis.com"


@dataclass(frozen=True)
class Finding:
    """What a check has found out."""

    name: str
    state: State
    """`unknown`: it could not be checked."""
    detail: str = ""
    """What is there, or what is wrong."""
    fix: tuple[str, ...] = ()
    """The commands that fix it."""


@dataclass
class PreflightContext:
    """Where the checks of one environment are made."""

    settings: Settings
    cloud: Cloud
    google: Google
    with_data: bool = True
    """Whether the tables of the use case are checked."""

    @property
    def project(self) -> str:
        """Its id."""
        return self.cloud.project

    @cached_property
    def about_project(self) -> dict[str, Any]:
        """Resource Manager's entry of the project."""
        return self.google.get(RESOURCES, f"/v3/projects/{self.project}")

    @cached_property
    def number(self) -> str:
        """The project's number."""
        return str(self.about_project["name"]).removeprefix("projects/")

    @cached_property
    def policy(self) -> dict[str, set[str]]:
        """Who has which role in the project: the roles of each member."""
        request = {"options": {"requestedPolicyVersion": _WITH_CONDITIONS}}
        path = f"/v3/projects/{self.project}:getIamPolicy"
        return roles_by_member(self.google.post(RESOURCES, path, request))

    @cached_property
    def bucket_policy(self) -> dict[str, set[str]]:
        """Who has which role on the bucket."""
        path = f"/storage/v1/b/{self.cloud.bucket}/iam"
        return roles_by_member(self.google.get(STORAGE, path, optionsRequestedPolicyVersion=_WITH_CONDITIONS))

    def roles_of(self, member: str) -> set[str]:
        """The roles of a member in the project."""
        return self.policy.get(member, set())

    def grant_on_bucket(self, member: str, role: str) -> str:
        """The command that gives a role on the bucket."""
        words = "gcloud storage buckets add-iam-policy-binding"
        return command(words, f"gs://{self.cloud.bucket}", member=member, role=role)

    def grant(self, member: str, role: str) -> str:
        """The command that gives a role in the project."""
        words = "gcloud projects add-iam-policy-binding"
        return command(words, self.project, member=member, role=role, condition="None")


def judged(
    name: str, missing: Sequence[str], granted: set[str], fix: tuple[str, ...], doubts: Sequence[str] = ()
) -> Finding:
    """What the roles that an account seems to lack come to.

    They say what they should be granted on where the name does not. A custom role, which is not opened, may
    be as good, and so may the doubts, which were not looked into.
    """
    if not missing:
        return Finding(name, "ready", "all there")
    lacks = ", ".join(missing)
    own = f"/{CURVE_WRITER}"
    custom = sorted(each for each in granted if not each.startswith("roles/") and not each.endswith(own))
    if custom:
        return Finding(name, "unknown", f"{lacks}: unless {', '.join(custom)} has it", fix)
    if doubts:
        return Finding(name, "unknown", f"{lacks}: unless it {' or '.join(doubts)}", fix)
    return Finding(name, "missing", f"no {lacks}", fix)


def roles_by_member(policy: dict[str, Any]) -> dict[str, set[str]]:
    """An IAM policy, turned round."""
    found: dict[str, set[str]] = {}
    for binding in policy.get("bindings", []):
        for member in binding.get("members", []):
            found.setdefault(member, set()).add(binding["role"])
    return found


def command(words: str, *arguments: str, **flags: str | bool) -> str:
    """A command as a person types it: `gcloud storage buckets create gs://b --location=r`."""
    given = [shlex.quote(each) for each in arguments]
    for name, value in flags.items():
        flag = f"--{name.replace('_', '-')}"
        given.append(flag if value is True else f"{flag}={shlex.quote(str(value))}")
    return " ".join((words, *given))
