"""The APIs that the preflight asks, on loopback: one project, as `ADDRESS/HOST/PATH`.

What is kept of the real ones: the methods with their verbs, paths, queries and bodies as Google's public
protos and discovery documents annotate them (anything else is rejected),
the form of answers and errors, pages.
"""

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.vertex.answering import Loopback
from tests.contract.vertex.faults import Faults
from tests.contract.vertex.rejections import Rejection

NUMBER = "123456789012"
_POLICY = ("options.requestedPolicyVersion",)
Answer = dict[str, Any]


def policy(roles: Mapping[str, set[str]]) -> dict[str, Any]:
    """A policy from the roles of each member."""
    every = sorted({role for held in roles.values() for role in held})
    bindings = [
        {"role": role, "members": sorted(member for member, held in roles.items() if role in held)}
        for role in every
    ]
    return {"version": 3, "bindings": bindings}


@dataclass
class World:
    """A project, as the tests arrange it; `ready` makes one in which nothing is missing."""

    project: str = "my-project-dev"
    state: str = "ACTIVE"
    billed: bool = True
    apis: set[str] = field(default_factory=set)
    permissions: set[str] = field(default_factory=set)
    """Of the caller, in the project."""
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    may_act_as: set[str] = field(default_factory=set)
    """Accounts."""
    account_policies: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    policy: dict[str, set[str]] = field(default_factory=dict)
    """Roles by member."""
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    bucket_policy: dict[str, set[str]] = field(default_factory=dict)
    datasets: dict[str, str] = field(default_factory=dict)
    """Locations."""
    access: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """Of each dataset: who has which role."""
    subnetworks: dict[str, dict[str, Any]] = field(default_factory=dict)
    quotas: list[dict[str, Any]] = field(default_factory=list)
    """Compute Engine's, of every region."""
    regions: set[str] = field(default_factory=lambda: {"us-central1"})
    vertex_quotas: dict[str, int] = field(default_factory=dict)
    """Limits in us-central1 by metric, without `aiplatform.googleapis.com/`."""
    images: set[str] = field(default_factory=set)
    """REPOSITORY/NAME:TAG or REPOSITORY/NAME@DIGEST."""
    repositories: set[str] = field(default_factory=set)
    repository_policies: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """States by full name."""
    key_policies: dict[str, dict[str, set[str]]] = field(default_factory=dict)


class ControlServer(Loopback):
    """Answers about a world; its faults are named by a pattern of HOST/PATH."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults(lambda pattern, place: bool(re.search(pattern, place)))
        self.requests: list[str] = []
        """VERB HOST/PATH, in order."""
        self._methods = _methods(self)

    def close_to_us(self, pattern: str, message: str = "", reason: str = "") -> None:
        """Answer by 403 from now on."""
        message = message or "The caller does not have permission"
        self.faults.reject(pattern, "PERMISSION_DENIED", 1000, message, reason)

    def answer(self, verb: str, target: str, body: bytes) -> bytes:
        """The JSON that answers a request.

        Raises:
            Rejection: The request is answered by an error.
        """
        split = urllib.parse.urlsplit(target)
        place = split.path.lstrip("/")
        self.requests.append(f"{verb} {place}")
        self.faults.check(place)
        query = urllib.parse.parse_qs(split.query)
        for method in self._methods:
            found = method.pattern.fullmatch(place) if method.verb == verb else None
            if found:
                return json.dumps(method.called(found, query, json.loads(body) if body else None)).encode()
        raise Rejection("NOT_FOUND", f"no method {verb} {place}")

    # --- methods ------------------------------------------------------------------------------

    def _get_project(self, project: str, _: Any, __: Any) -> Answer:
        if project != self.world.project:
            raise Rejection("PERMISSION_DENIED", "The caller does not have permission")
        return {"name": f"projects/{NUMBER}", "projectId": project, "state": self.world.state}

    def _get_project_policy(self, _: str, __: Any, ___: Any) -> Answer:
        return policy(self.world.policy)

    def _permissions_on_project(self, _: str, __: Any, body: Any) -> Answer:
        return {"permissions": [each for each in body["permissions"] if each in self.world.permissions]}

    def _billing(self, project: str, _: Any, __: Any) -> Answer:
        account = "billingAccounts/000000-AAAAAA-111111" if self.world.billed else ""
        name = f"projects/{project}/billingInfo"
        return {"name": name, "billingAccountName": account, "billingEnabled": self.world.billed}

    def _services(self, _: str, query: Any, __: Any) -> Answer:
        if len(query["names"]) > 30:
            raise Rejection("INVALID_ARGUMENT", "at most 30 names")
        apis = [name.rpartition("/")[2] for name in query["names"]]
        state = {api: "ENABLED" if api in self.world.apis else "DISABLED" for api in apis}
        return {
            "services": [{"name": f"projects/{NUMBER}/services/{api}", "state": state[api]} for api in apis]
        }

    def _get_account(self, _: str, account: str, __: Any, ___: Any) -> Answer:
        if account not in self.world.accounts:
            raise Rejection("NOT_FOUND", f"Unknown service account: {account}")
        return {"email": account, **self.world.accounts[account]}

    def _permissions_on_account(self, _: str, account: str, __: Any, body: Any) -> Answer:
        if account not in self.world.accounts:
            raise Rejection("NOT_FOUND", f"Unknown service account: {account}")
        return {"permissions": body["permissions"]} if account in self.world.may_act_as else {}

    def _get_account_policy(self, _: str, account: str, __: Any, ___: Any) -> Answer:
        return policy(self.world.account_policies.get(account, {}))

    def _get_bucket(self, bucket: str, _: Any, __: Any) -> Answer:
        if bucket not in self.world.buckets:
            raise Rejection("NOT_FOUND", "The specified bucket does not exist.")
        return {"name": bucket, **self.world.buckets[bucket]}

    def _get_bucket_policy(self, _: str, __: Any, ___: Any) -> Answer:
        return policy(self.world.bucket_policy)

    def _get_dataset(self, project: str, dataset: str, _: Any, __: Any) -> Answer:
        location = self.world.datasets.get(f"{project}.{dataset}")
        if location is None:
            raise Rejection("NOT_FOUND", f"Not found: Dataset {project}:{dataset}")
        return {"location": location, "access": self.world.access.get(f"{project}.{dataset}", [])}

    def _get_subnetwork(self, _: str, region: str, name: str, __: Any, ___: Any) -> Answer:
        if name not in self.world.subnetworks:
            raise Rejection("NOT_FOUND", f"The resource 'regions/{region}/subnetworks/{name}' was not found")
        return self.world.subnetworks[name]

    def _get_region(self, _: str, region: str, __: Any, ___: Any) -> Answer:
        if region not in self.world.regions:
            raise Rejection("NOT_FOUND", f"The resource 'regions/{region}' was not found")
        return {"name": region, "quotas": self.world.quotas}

    def _quota_infos(self, _: str, service: str, query: Any, __: Any) -> Answer:
        """A page each: pages must be followed."""
        infos = [
            {
                "quotaId": "".join(part.capitalize() for part in metric.split("_")) + "PerProjectPerRegion",
                "metric": f"{service}/{metric}",
                "dimensions": ["region"],
                "dimensionsInfos": [
                    {"dimensions": {"region": "us-central1"}, "details": {"value": str(limit)},
                     "applicableLocations": ["us-central1"]},
                    {"details": {"value": "0"}, "applicableLocations": ["europe-west1", "asia-east1"]},
                ],
            }
            for metric, limit in self.world.vertex_quotas.items()
        ]  # fmt: skip
        at = int(query.get("pageToken", ["0"])[0])
        more = {"nextPageToken": str(at + 1)} if at + 1 < len(infos) else {}
        return {"quotaInfos": infos[at : at + 1], **more}

    def _get_repository(self, _: str, __: str, repository: str, ___: Any, ____: Any) -> Answer:
        if repository not in self.world.repositories:
            raise Rejection("NOT_FOUND", f"Repository {repository} not found")
        return {"format": "DOCKER"}

    def _get_repository_policy(self, _: str, __: str, repository: str, ___: Any, ____: Any) -> Answer:
        if repository not in self.world.repositories:
            raise Rejection("NOT_FOUND", f"Repository {repository} not found")
        return policy(self.world.repository_policies.get(repository, {}))

    def _get_tag(
        self, _: str, __: str, repository: str, package: str, tag: str, ___: Any, ____: Any
    ) -> Answer:
        if f"{repository}/{package}:{tag}" not in self.world.images:
            raise Rejection("NOT_FOUND", "Requested entity was not found.")
        return {"name": tag, "version": f"projects/p/packages/{package}/versions/sha256:{'a' * 64}"}

    def _get_image(self, _: str, __: str, repository: str, image: str, ___: Any, ____: Any) -> Answer:
        if f"{repository}/{image}" not in self.world.images:
            raise Rejection("NOT_FOUND", "Requested entity was not found.")
        return {"uri": image}

    def _get_key(self, key: str, _: Any, __: Any) -> Answer:
        if key not in self.world.keys:
            raise Rejection("NOT_FOUND", f"CryptoKey {key} not found.")
        version = {"name": f"{key}/cryptoKeyVersions/3", "state": self.world.keys[key]}
        return {"name": key, "purpose": "ENCRYPT_DECRYPT", "primary": version}

    def _get_key_policy(self, key: str, _: Any, __: Any) -> Answer:
        return policy(self.world.key_policies.get(key, {}))


@dataclass
class Method:
    """One method: what may be sent, and who answers."""

    verb: str
    pattern: re.Pattern[str]
    query: tuple[str, ...]
    body: tuple[str, ...] | None
    """The keys of its body; None: it takes none."""
    answer: Callable[..., Answer]

    def called(self, found: re.Match[str], query: Mapping[str, Any], body: Any) -> Answer:
        """Answer what is well formed."""
        odd = sorted(set(query) - set(self.query))
        if odd:
            raise Rejection(
                "INVALID_ARGUMENT",
                f'Invalid JSON payload received. Unknown name "{odd[0]}": Cannot bind query.',
            )
        if (body is None) != (self.body is None) or set(body or ()) - set(self.body or ()):
            raise Rejection("INVALID_ARGUMENT", "Invalid JSON payload received. Cannot bind the body.")
        return self.answer(*(urllib.parse.unquote(part) for part in found.groups()), query, body)


def _methods(server: ControlServer) -> list[Method]:
    pages = ("pageSize", "pageToken")
    account = "iam.googleapis.com/v1/projects/*/serviceAccounts/*"
    repository = "artifactregistry.googleapis.com/v1/projects/*/locations/*/repositories/*"
    key = "cloudkms.googleapis.com/v1/(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/:]+)"
    options = ("options",)
    definitions: list[tuple[str, str, tuple[str, ...], tuple[str, ...] | None, Callable[..., Answer]]] = [
        ("GET", "cloudresourcemanager.googleapis.com/v3/projects/*", (), None, server._get_project),
        ("POST", "cloudresourcemanager.googleapis.com/v3/projects/*:getIamPolicy", (), options,
         server._get_project_policy),
        ("POST", "cloudresourcemanager.googleapis.com/v3/projects/*:testIamPermissions", (), ("permissions",),
         server._permissions_on_project),
        ("GET", "cloudbilling.googleapis.com/v1/projects/*/billingInfo", (), None, server._billing),
        ("GET", "serviceusage.googleapis.com/v1/projects/*/services:batchGet", ("names",), None,
         server._services),
        ("GET", account, (), None, server._get_account),
        ("POST", f"{account}:testIamPermissions", (), ("permissions",), server._permissions_on_account),
        ("POST", f"{account}:getIamPolicy", _POLICY, None, server._get_account_policy),
        ("GET", "storage.googleapis.com/storage/v1/b/*", ("projection",), None, server._get_bucket),
        ("GET", "storage.googleapis.com/storage/v1/b/*/iam", ("optionsRequestedPolicyVersion",), None,
         server._get_bucket_policy),
        ("GET", "bigquery.googleapis.com/bigquery/v2/projects/*/datasets/*", (), None, server._get_dataset),
        ("GET", "compute.googleapis.com/compute/v1/projects/*/regions/*/subnetworks/*", (), None,
         server._get_subnetwork),
        ("GET", "compute.googleapis.com/compute/v1/projects/*/regions/*", (), None, server._get_region),
        ("GET", "cloudquotas.googleapis.com/v1/projects/*/locations/global/services/*/quotaInfos", pages,
         None, server._quota_infos),
        ("GET", repository, (), None, server._get_repository),
        ("GET", f"{repository}:getIamPolicy", _POLICY, None, server._get_repository_policy),
        ("GET", f"{repository}/packages/*/tags/*", (), None, server._get_tag),
        ("GET", f"{repository}/dockerImages/*", (), None, server._get_image),
        ("GET", key, (), None, server._get_key),
        ("GET", f"{key}:getIamPolicy", _POLICY, None, server._get_key_policy),
    ]  # fmt: skip
    return [
        Method(verb, _pattern(path), query, body, answer) for verb, path, query, body, answer in definitions
    ]


def _pattern(path: str) -> re.Pattern[str]:
    """`*` is one part of a path; what is in brackets is a pattern already."""
    if "(" in path:
        return re.compile(path)
    return re.compile(re.escape(path).replace(r"\*", r"([^/:]+(?::[0-9a-f]{64})?)"))
