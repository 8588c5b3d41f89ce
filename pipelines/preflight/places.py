"""Where data lies and workers are: the bucket and the subnetwork, in locations that go together."""

from collections.abc import Iterator

from pipelines.preflight.context import STORAGE, Finding, PreflightContext, command
from pipelines.preflight.google import ApiError

_CONTINENTS = {"us": "us-", "eu": "europe-"}
"""How the names of the regions in a multi-region begin; EU contains neither of these two:"""
_OUTSIDE_EU = ("europe-west2", "europe-west6")


def bucket(context: PreflightContext) -> Iterator[Finding]:
    """There, of this project, in the region, closed by IAM alone."""
    uri, name = f"gs://{context.cloud.bucket}", "bucket"
    region = context.cloud.location
    try:
        found = context.google.find(STORAGE, f"/storage/v1/b/{context.cloud.bucket}")
    except ApiError as error:
        if error.status != 403 or error.api_is_off:
            raise
        who = context.google.caller
        detail = f"{uri} is closed to {who}: if it is another project's, set cloud.bucket to one of yours"
        yield Finding(
            name, "missing", detail, (context.grant_on_bucket(who, "roles/storage.legacyBucketReader"),)
        )
        return
    if found is None:
        yield Finding(name, "missing", f"no {uri}", (_create(context, uri),))
        return
    if str(found.get("projectNumber")) != context.number:
        list_own = command("gcloud storage buckets list", project=context.project)
        owner = f"project number {found.get('projectNumber')}"
        detail = f"{uri} belongs to {owner}: set cloud.bucket to one of yours"
        yield Finding(name, "missing", detail, (list_own,))
        return
    location = str(found.get("location", "")).lower()
    if location == region or contains(location, region):
        yield Finding(name, "ready", f"{uri} in {location}")
    else:
        detail = f"{uri} lies in {location}, the pipeline runs in {region}: set cloud.bucket to one there"
        yield Finding(name, "missing", detail, (_create(context, f"{uri}-{region}"),))
    access = found.get("iamConfiguration", {}).get("uniformBucketLevelAccess", {})
    if not access.get("enabled"):
        update = command("gcloud storage buckets update", uri, uniform_bucket_level_access=True)
        yield Finding("bucket's access", "missing", f"{uri} is not closed by IAM alone", (update,))


def _create(context: PreflightContext, uri: str) -> str:
    return command(
        "gcloud storage buckets create", uri, project=context.project, location=context.cloud.location,
        uniform_bucket_level_access=True,
    )  # fmt: skip


def subnetwork(context: PreflightContext) -> list[Finding]:
    """Dataflow's workers without public addresses reach Google's APIs from it."""
    subnet = context.cloud.network.subnetwork
    if not subnet:
        return []
    name, short = "subnetwork", subnet.rpartition("/")[2]
    where = {"project": context.project, "region": context.cloud.location}
    path = subnet if subnet.startswith("projects/") else f"projects/{context.project}/{subnet}"
    found = context.google.find("compute.googleapis.com", f"/compute/v1/{path}")
    if found is None:
        create = command(
            "gcloud compute networks subnets create", short,
            **where, network="default", range="10.10.0.0/20", enable_private_ip_google_access=True,
        )  # fmt: skip
        return [Finding(name, "missing", f"no {subnet}", (create,))]
    if found.get("privateIpGoogleAccess") or context.cloud.network.public_ips:
        return [Finding(name, "ready", subnet)]
    words = "gcloud compute networks subnets update"
    update = command(words, short, **where, enable_private_ip_google_access=True)
    return [Finding(name, "missing", f"{subnet} has no Private Google Access", (update,))]


def contains(multi_region: str, region: str) -> bool:
    """Whether a multi-region of Google's has a region."""
    inside = multi_region in _CONTINENTS and region.startswith(_CONTINENTS[multi_region])
    return inside and region not in _OUTSIDE_EU
