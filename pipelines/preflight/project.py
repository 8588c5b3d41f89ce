"""The project itself: reachable, paid for, with the APIs that the pipeline calls."""

from collections.abc import Iterator

from pipelines.preflight.desk import RESOURCES, Desk, Finding, command
from pipelines.preflight.google import Refused

_USAGE = "serviceusage.googleapis.com"
_APIS = (
    "aiplatform.googleapis.com",
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerystorage.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "storage.googleapis.com",
)
_CALLER = {
    "aiplatform.pipelineJobs.create": "roles/aiplatform.user",
    "aiplatform.pipelineJobs.get": "roles/aiplatform.user",
    "aiplatform.schedules.create": "roles/aiplatform.user",
    "bigquery.jobs.create": "roles/bigquery.jobUser",
}
"""What the caller must be allowed to do, and the smallest role that allows it."""


def reachable(desk: Desk) -> Iterator[Finding]:
    """The project is there and alive."""
    try:
        state = desk.about_project.get("state")
    except Refused as refused:
        if refused.status not in (403, 404) or refused.api_is_off:
            raise
        yield Finding(
            "project",
            "missing",
            f"{desk.project} is not there, or closed to {desk.google.caller}",
            ("gcloud projects list", desk.grant(desk.google.caller, "roles/browser")),
        )
        return
    if state != "ACTIVE":
        told = f"{desk.project} is {state}"
        yield Finding("project", "missing", told, (command("gcloud projects undelete", desk.project),))
        return
    yield Finding("project", "ready", f"{desk.project}, number {desk.number}")


def billing(desk: Desk) -> Iterator[Finding]:
    """Somebody pays."""
    told = desk.google.get("cloudbilling.googleapis.com", f"/v1/projects/{desk.project}/billingInfo")
    if told.get("billingEnabled"):
        yield Finding("billing", "ready", str(told.get("billingAccountName", "")))
        return
    link = command("gcloud billing projects link", desk.project, billing_account="ACCOUNT")
    yield Finding("billing", "missing", "no billing account", ("gcloud billing accounts list", link))


def apis(desk: Desk) -> Iterator[Finding]:
    """The APIs are enabled."""
    wanted = [*_APIS, *(["cloudkms.googleapis.com"] if desk.cloud.kms_key else [])]
    names = [f"projects/{desk.project}/services/{api}" for api in wanted]
    told = desk.google.get(_USAGE, f"/v1/projects/{desk.project}/services:batchGet", names=names)
    enabled = {
        each["name"].rpartition("/")[2] for each in told.get("services", []) if each.get("state") == "ENABLED"
    }
    missing = [api for api in wanted if api not in enabled]
    if not missing:
        yield Finding("APIs", "ready", f"{len(wanted)} enabled")
        return
    mend = command("gcloud services enable", *missing, project=desk.project)
    yield Finding("APIs", "missing", f"not enabled: {', '.join(missing)}", (mend,))


def caller(desk: Desk) -> Iterator[Finding]:
    """The caller may submit, and ask BigQuery."""
    who = desk.google.caller
    told = desk.google.post(
        RESOURCES, f"/v3/projects/{desk.project}:testIamPermissions", {"permissions": list(_CALLER)}
    )
    missing = [each for each in _CALLER if each not in told.get("permissions", [])]
    if not missing:
        yield Finding("your roles", "ready", f"{who} may submit and query")
        return
    roles = dict.fromkeys(_CALLER[each] for each in missing)
    mend = tuple(desk.grant(who, role) for role in roles)
    yield Finding("your roles", "missing", f"{who} lacks {', '.join(missing)}", mend)
