"""The project itself: reachable, paid for, with the APIs that the pipeline calls."""

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


def reachable(context: PreflightContext) -> list[Finding]:
    """The project is there and alive."""
    try:
        state = context.about_project.get("state")
    except ApiError as error:
        if error.status not in (403, 404) or error.api_is_off:
            raise
        detail = f"{context.project} is not there, or closed to {context.google.caller}"
        look = context.grant(context.google.caller, "roles/browser")
        return [Finding("project", "missing", detail, ("gcloud projects list", look))]
    if state != "ACTIVE":
        undelete = command("gcloud projects undelete", context.project)
        return [Finding("project", "missing", f"{context.project} is {state}", (undelete,))]
    return [Finding("project", "ready", f"{context.project}, number {context.number}")]


def billing(context: PreflightContext) -> list[Finding]:
    """Somebody pays."""
    answer = context.google.get("cloudbilling.googleapis.com", f"/v1/projects/{context.project}/billingInfo")
    if answer.get("billingEnabled"):
        return [Finding("billing", "ready", str(answer.get("billingAccountName", "")))]
    link = command("gcloud billing projects link", context.project, billing_account="ACCOUNT")
    return [Finding("billing", "missing", "no billing account", ("gcloud billing accounts list", link))]


def apis(context: PreflightContext) -> list[Finding]:
    """The APIs are enabled."""
    wanted = [*_APIS, *(["cloudkms.googleapis.com"] if context.cloud.kms_key else [])]
    names = [f"projects/{context.project}/services/{api}" for api in wanted]
    answer = context.google.get(_USAGE, f"/v1/projects/{context.project}/services:batchGet", names=names)
    states = {each["name"].rpartition("/")[2]: each.get("state") for each in answer.get("services", [])}
    missing = [api for api in wanted if states.get(api) != "ENABLED"]
    if not missing:
        return [Finding("APIs", "ready", f"{len(wanted)} enabled")]
    fix = command("gcloud services enable", *missing, project=context.project)
    return [Finding("APIs", "missing", f"not enabled: {', '.join(missing)}", (fix,))]


def caller(context: PreflightContext) -> list[Finding]:
    """The caller may submit, and ask BigQuery."""
    who = context.google.caller
    answer = context.google.post(
        RESOURCES, f"/v3/projects/{context.project}:testIamPermissions", {"permissions": list(_CALLER)}
    )
    missing = [each for each in _CALLER if each not in answer.get("permissions", [])]
    if not missing:
        return [Finding("your roles", "ready", f"{who} may submit and query")]
    roles = dict.fromkeys(_CALLER[each] for each in missing)
    fix = tuple(context.grant(who, role) for role in roles)
    return [Finding("your roles", "missing", f"{who} lacks {', '.join(missing)}", fix)]
