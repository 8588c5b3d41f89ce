"""The project itself: reachable, paid for, with the APIs that the pipeline calls."""

from collections.abc import Iterator

from pipelines.preflight.context import RESOURCES, Finding, PreflightContext, command
from pipelines.preflight.google import ApiError

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


def reachable(context: PreflightContext) -> Iterator[Finding]:
    """The project is there and alive."""
    try:
        state = context.about_project.get("state")
    except ApiError as error:
        if error.status not in (403, 404) or error.api_is_off:
            raise
        yield Finding(
            "project",
            "missing",
            f"{context.project} is not there, or closed to {context.google.caller}",
            ("gcloud projects list", context.grant(context.google.caller, "roles/browser")),
        )
        return
    if state != "ACTIVE":
        detail = f"{context.project} is {state}"
        yield Finding("project", "missing", detail, (command("gcloud projects undelete", context.project),))
        return
    yield Finding("project", "ready", f"{context.project}, number {context.number}")


def billing(context: PreflightContext) -> Iterator[Finding]:
    """Somebody pays."""
    answer = context.google.get("cloudbilling.googleapis.com", f"/v1/projects/{context.project}/billingInfo")
    if answer.get("billingEnabled"):
        yield Finding("billing", "ready", str(answer.get("billingAccountName", "")))
        return
    link = command("gcloud billing projects link", context.project, billing_account="ACCOUNT")
    yield Finding("billing", "missing", "no billing account", ("gcloud billing accounts list", link))


def apis(context: PreflightContext) -> Iterator[Finding]:
    """The APIs are enabled."""
    wanted = [*_APIS, *(["cloudkms.googleapis.com"] if context.cloud.kms_key else [])]
    names = [f"projects/{context.project}/services/{api}" for api in wanted]
    answer = context.google.get(_USAGE, f"/v1/projects/{context.project}/services:batchGet", names=names)
    enabled = {
        each["name"].rpartition("/")[2]
        for each in answer.get("services", [])
        if each.get("state") == "ENABLED"
    }
    missing = [api for api in wanted if api not in enabled]
    if not missing:
        yield Finding("APIs", "ready", f"{len(wanted)} enabled")
        return
    fix = command("gcloud services enable", *missing, project=context.project)
    yield Finding("APIs", "missing", f"not enabled: {', '.join(missing)}", (fix,))


def caller(context: PreflightContext) -> Iterator[Finding]:
    """The caller may submit, and ask BigQuery."""
    who = context.google.caller
    answer = context.google.post(
        RESOURCES, f"/v3/projects/{context.project}:testIamPermissions", {"permissions": list(_CALLER)}
    )
    missing = [each for each in _CALLER if each not in answer.get("permissions", [])]
    if not missing:
        yield Finding("your roles", "ready", f"{who} may submit and query")
        return
    roles = dict.fromkeys(_CALLER[each] for each in missing)
    fix = tuple(context.grant(who, role) for role in roles)
    yield Finding("your roles", "missing", f"{who} lacks {', '.join(missing)}", fix)
