"""Rules on a plan, for what the provider's schema cannot see: `violations(plan)`.

Each rule yields, for one resource, what it expected and what it got. What is known only after an apply is not
judged, except where a protection must be written down: there nothing counts as missing.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from configs.errors import SettingsError
from pipelines.runners.cron import timing
from tests.infra.limits import ALTERNATIVES, CHOICES, NAMES, PROJECT, PROJECT_WORDS, RANGES
from tests.infra.planned import Resource, resources

_EMAIL = r"[\w.+%-]+@[\w-]+(\.[\w-]+)+"
_MEMBER = re.compile(
    rf"(user|group|serviceAccount):{_EMAIL}"
    r"|domain:[\w-]+(\.[\w-]+)+"
    r"|principal(Set)?://iam\.googleapis\.com/(projects/\d+/|locations/)\S+"
    r"|serviceAccount:[a-z][-a-z0-9]+\.svc\.id\.goog\[[\w-]+/[\w-]+\]",
    re.ASCII,
)
_ROLE = re.compile(r"roles/[\w.]+|(projects|organizations)/[\w-]+/roles/[\w.]+", re.ASCII)
_PRIMITIVE = {"roles/owner", "roles/editor", "roles/viewer"}
_ON_ACCOUNTS_ONLY = {
    "roles/iam.serviceAccountUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountKeyAdmin",
    "roles/iam.workloadIdentityUser",
}
_DURATION = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")


class Finding(NamedTuple):
    """What a rule says of one attribute."""

    attribute: str
    expected: str
    got: str


@dataclass(frozen=True)
class Violation:
    """A finding with the resource that it is about."""

    address: str
    attribute: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.address}: {self.attribute}: expected {self.expected}, got {self.got}"


Rule = Callable[[Resource], Iterator[Finding]]


def violations(plan: Mapping[str, Any]) -> list[Violation]:
    """Every violation of every rule, in the order of the plan; empty where the plan is good."""
    found = resources(plan)
    alone = [
        Violation(resource.address, *finding)
        for resource in found
        for rule in RULES
        for finding in rule(resource)
    ]
    return alone + list(overlaps(found))


def name(resource: Resource) -> Iterator[Finding]:
    """Names have the pattern of their service."""
    for limit in NAMES:
        if limit.type == resource.type:
            for value in resource.at(limit.path):
                if not re.fullmatch(limit.pattern, value, re.ASCII):
                    yield Finding(limit.path, limit.words, repr(value))


def project(resource: Resource) -> Iterator[Finding]:
    """A project is named by its id, never by its number or its title."""
    for value in resource.at("project"):
        if not PROJECT.fullmatch(value):
            yield Finding("project", PROJECT_WORDS, repr(value))


def choice(resource: Resource) -> Iterator[Finding]:
    """Values of which there are few, and of which the schema does not know."""
    for limit in CHOICES:
        if limit.type == resource.type:
            for value in resource.at(limit.path):
                if value not in limit.values:
                    yield Finding(limit.path, "one of " + ", ".join(limit.values), repr(value))


def span(resource: Resource) -> Iterator[Finding]:
    """Numbers and durations within what the service takes."""
    for limit in RANGES:
        if limit.type == resource.type:
            for value in filter(lambda value: value != "", resource.at(limit.path)):
                number = _number(value)
                fits = number is not None and limit.least <= number <= limit.greatest
                if not fits and not (limit.zero and number == 0):
                    yield Finding(limit.path, limit.words, repr(value))


def alternatives(resource: Resource) -> Iterator[Finding]:
    """Arguments that exclude each other, or of which one is needed."""
    for limit in ALTERNATIVES:
        if limit.type == resource.type:
            for block in _blocks(resource, limit.path):
                there = [name for name in limit.names if block.has(name)]
                if not limit.least <= len(there) <= 1:
                    words = "exactly one of " if limit.least else "at most one of "
                    got = " and ".join(there) or "none"
                    yield Finding(limit.path or "arguments", words + ", ".join(limit.names), got)


def label(resource: Resource) -> Iterator[Finding]:
    """Labels: small letters. A notification channel's `labels` are its address, not labels."""
    is_channel = resource.type == "google_monitoring_notification_channel"
    for path in ("user_labels",) if is_channel else ("labels", "user_labels"):
        for key, value in (pair for labels in resource.at(path) for pair in labels.items()):
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value or ""):
                yield Finding(path, "up to 63 of a-z, 0-9, _ and -", f"{key} = {value!r}")


def cidr(resource: Resource) -> Iterator[Finding]:
    """Ranges are networks: an address without host bits, and a mask."""
    for path in ("ip_cidr_range", "secondary_ip_range.ip_cidr_range", "source_ranges", "destination_ranges"):
        for value in resource.at(path):
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                yield Finding(path, "a range as 10.0.0.0/20", str(error))


def open_firewall(resource: Resource) -> Iterator[Finding]:
    """Nothing is let in from everywhere."""
    if resource.type == "google_compute_firewall" and resource.has("allow"):
        egress = "EGRESS" in resource.at("direction")
        for value in [] if egress else resource.at("source_ranges"):
            if value in {"0.0.0.0/0", "::/0"}:
                yield Finding("source_ranges", "ranges of our own", value)


def member(resource: Resource) -> Iterator[Finding]:
    """A member says what it is, and is not everybody."""
    if not _is_grant(resource):
        return
    for value in resource.at("member"):
        if value in {"allUsers", "allAuthenticatedUsers"}:
            yield Finding("member", "nobody from outside", value)
        elif not _MEMBER.fullmatch(value):
            yield Finding("member", "serviceAccount:NAME@…, user:…, group:… or principalSet://…", repr(value))


def role(resource: Resource) -> Iterator[Finding]:
    """Roles as narrow as they come: none that is owner, editor or viewer of everything."""
    if not _is_grant(resource):
        return
    for value in resource.at("role"):
        if value in _PRIMITIVE:
            yield Finding("role", "a role of one service", value)
        elif not _ROLE.fullmatch(value):
            yield Finding("role", "roles/SERVICE.NAME or projects/PROJECT/roles/NAME", repr(value))
        elif value in _ON_ACCOUNTS_ONLY and resource.type.startswith("google_project_iam_"):
            yield Finding("role", "bound on one account: on the project it is a key to all of them", value)


def additive(resource: Resource) -> Iterator[Finding]:
    """Grants are added one by one: a binding or a policy would take away what others have granted."""
    if re.fullmatch(r"google_\w+_iam_(binding|policy)", resource.type):
        yield Finding("type", resource.type.rpartition("_")[0] + "_member", resource.type)


def no_key(resource: Resource) -> Iterator[Finding]:
    """Keys of service accounts leak."""
    if resource.type == "google_service_account_key":
        yield Finding("type", "no key: attach the account, or federate", resource.type)


def bucket_protection(resource: Resource) -> Iterator[Finding]:
    """Every bucket is opened by IAM alone, and never to the public; both are written down."""
    if resource.type == "google_storage_bucket":
        for attribute, expected in (
            ("uniform_bucket_level_access", True),
            ("public_access_prevention", "enforced"),
        ):
            got = resource.values.get(attribute)
            if got != expected:
                yield Finding(
                    attribute, str(expected).lower(), "nothing" if got is None else str(got).lower()
                )


def rotation(resource: Resource) -> Iterator[Finding]:
    """A symmetric key rotates by itself."""
    purpose = resource.values.get("purpose") or "ENCRYPT_DECRYPT"
    if (
        resource.type == "google_kms_crypto_key"
        and purpose == "ENCRYPT_DECRYPT"
        and not resource.has("rotation_period")
    ):
        yield Finding("rotation_period", "a duration as 7776000s", "nothing")


def federation(resource: Resource) -> Iterator[Finding]:
    """Who may come from outside is said by repository and by ref."""
    if resource.type == "google_iam_workload_identity_pool_provider":
        condition = resource.values.get("attribute_condition") or ""
        for claim in ("repository", "ref"):
            if not re.search(rf"\b(assertion|attribute)\.{claim}\b", condition):
                yield Finding("attribute_condition", f"a condition on {claim}", repr(condition))


def public_address(resource: Resource) -> Iterator[Finding]:
    """Nothing has a public address; what goes out goes through Cloud NAT."""
    for path in ("network_interface.access_config", "gce_setup.network_interfaces.access_configs"):
        if resource.has(path):
            yield Finding(path, "none: it gives a public address", "one")
    if resource.type == "google_compute_address" and "INTERNAL" not in resource.at("address_type"):
        yield Finding("address_type", "INTERNAL", repr(resource.values.get("address_type")))
    private = {
        "google_workbench_instance": "gce_setup.disable_public_ip",
        "google_notebooks_instance": "no_public_ip",
    }
    path = private.get(resource.type, "")
    if path and resource.at(path) != [True]:
        yield Finding(path, "true", str(resource.at(path) or "nothing").lower())


def private_access(resource: Resource) -> Iterator[Finding]:
    """Machines without a public address reach Google's APIs by Private Google Access."""
    has_machines = resource.type == "google_compute_subnetwork" and resource.at("purpose") in (
        [],
        ["PRIVATE"],
    )
    if has_machines and resource.values.get("private_ip_google_access") is not True:
        yield Finding("private_ip_google_access", "true", "nothing")


def schedule(resource: Resource) -> Iterator[Finding]:
    """A cron that comes, in a time zone that there is."""
    if resource.type == "google_cloud_scheduler_job":
        zone = resource.values.get("time_zone") or "UTC"
        for cron in resource.at("schedule"):
            try:
                timing(cron, zone, 1)
            except SettingsError as error:
                yield Finding("schedule", error.expected, error.got)


def overlaps(found: list[Resource]) -> Iterator[Violation]:
    """Ranges of one network do not overlap."""
    ranges: dict[str, list[tuple[Resource, Any]]] = defaultdict(list)
    for resource in found:
        if resource.type == "google_compute_subnetwork":
            network = str(resource.values.get("network"))
            ranges[network] += [(resource, value) for value in _networks(resource)]
    for held in ranges.values():
        for (first, one), (second, other) in combinations(held, 2):
            if one.version == other.version and one.overlaps(other):
                yield Violation(
                    second.address, "ip_cidr_range", f"no overlap with {first.address} ({one})", str(other)
                )


RULES: tuple[Rule, ...] = (
    name, project, choice, span, alternatives, label, cidr, open_firewall, member, role, additive, no_key,
    bucket_protection, rotation, federation, public_address, private_access, schedule,
)  # fmt: skip


def _is_grant(resource: Resource) -> bool:
    return "_iam_" in resource.type and resource.type.endswith(("_member", "_binding"))


def _number(value: Any) -> float | None:
    """A number, or a duration's seconds; None for anything else."""
    found = _DURATION.fullmatch(str(value))
    try:
        return float(found[1] if found else value)
    except ValueError:
        return None


def _blocks(resource: Resource, path: str) -> Iterator[Resource]:
    """Each block at a path, as if it were a resource; the resource itself for an empty path."""
    found = [(resource.values, resource.unknown)]
    for step in path.split(".") if path else []:
        found = [pair for values, unknown in found for pair in _inner(values.get(step), unknown.get(step))]
    for values, unknown in found:
        yield Resource(resource.address, resource.type, values, unknown)


def _inner(values: Any, unknown: Any) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    blocks = values if isinstance(values, list) else []
    known_later = unknown if isinstance(unknown, list) else [{}] * len(blocks)
    return list(zip(blocks, known_later, strict=False))


def _networks(resource: Resource) -> Iterator[Any]:
    for path in ("ip_cidr_range", "secondary_ip_range.ip_cidr_range"):
        for value in resource.at(path):
            try:
                yield ipaddress.ip_network(value)
            except ValueError:
                continue  # `cidr` tells it
