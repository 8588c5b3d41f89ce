"""Where data lies: the bucket, the datasets, the subnetwork; theirs, and in locations that go together."""

from collections.abc import Iterator

from configs.settings import Settings
from configs.stages.training import ingest_stage
from pipelines.preflight.desk import STORAGE, Desk, Finding, command
from pipelines.preflight.google import Refused

_BIGQUERY = "bigquery.googleapis.com"
_CONTINENTS = {"us": "us-", "eu": "europe-"}
"""How the names of the regions in a multi-region begin; EU contains neither of these two:"""
_OUTSIDE_EU = ("europe-west2", "europe-west6")


def bucket(desk: Desk) -> Iterator[Finding]:
    """There, of this project, in the region, closed by IAM alone."""
    uri, name = f"gs://{desk.cloud.bucket}", "bucket"
    region = desk.cloud.location
    try:
        told = desk.google.get(STORAGE, f"/storage/v1/b/{desk.cloud.bucket}")
    except Refused as refused:
        if refused.status == 403 and not refused.api_is_off:
            yield _closed(desk, uri)
            return
        if refused.status != 404:
            raise
        create = command(
            "gcloud storage buckets create", uri, project=desk.project, location=region,
            uniform_bucket_level_access=True,
        )  # fmt: skip
        yield Finding(name, "missing", f"no {uri}", (create,))
        return
    if str(told.get("projectNumber")) != desk.number:
        list_own = command("gcloud storage buckets list", project=desk.project)
        told_of = (
            f"{uri} belongs to project number {told.get('projectNumber')}: set cloud.bucket to one of yours"
        )
        yield Finding(name, "missing", told_of, (list_own,))
        return
    yield from _bucket_place(desk, uri, str(told.get("location", "")).lower())
    access = told.get("iamConfiguration", {}).get("uniformBucketLevelAccess", {})
    if not access.get("enabled"):
        update = command("gcloud storage buckets update", uri, uniform_bucket_level_access=True)
        yield Finding("bucket's access", "missing", f"{uri} is not closed by IAM alone", (update,))


def _closed(desk: Desk, uri: str) -> Finding:
    words, who = "gcloud storage buckets add-iam-policy-binding", desk.google.caller
    mend = command(words, uri, member=who, role="roles/storage.legacyBucketReader")
    told = f"{uri} is closed to {who}: if it is another project's, set cloud.bucket to one of yours"
    return Finding("bucket", "missing", told, (mend,))


def _bucket_place(desk: Desk, uri: str, location: str) -> Iterator[Finding]:
    region = desk.cloud.location
    if location == region or _contains(location, region):
        yield Finding("bucket", "ready", f"{uri} in {location}")
        return
    create = command(
        "gcloud storage buckets create", f"gs://{desk.cloud.bucket}-{region}", project=desk.project,
        location=region, uniform_bucket_level_access=True,
    )  # fmt: skip
    told = f"{uri} lies in {location}, the pipeline runs in {region}: set cloud.bucket to one that lies there"
    yield Finding("bucket", "missing", told, (create,))


def datasets(desk: Desk) -> Iterator[Finding]:
    """Each dataset that the query reads, or that answers are logged to, lies where queries run."""
    runs_in = (desk.cloud.bigquery.location or desk.cloud.location).lower()
    region = desk.cloud.location
    if runs_in != region and not _contains(runs_in, region):
        yield Finding(
            "BigQuery's location",
            "missing",
            f"rows cannot be exported from {runs_in} to {region}: set cloud.bigquery.location to one of both",
        )
    for project, dataset in sorted(_datasets(desk)):
        yield _dataset(desk, project, dataset, runs_in)


def _dataset(desk: Desk, project: str, dataset: str, runs_in: str) -> Finding:
    name, whole = f"dataset {dataset}", f"{project}.{dataset}"
    try:
        told = desk.google.get(_BIGQUERY, f"/bigquery/v2/projects/{project}/datasets/{dataset}")
    except Refused as refused:
        if refused.status != 404:
            raise
        if dataset == desk.cloud.bigquery.temporary_dataset:
            return Finding(name, "ready", f"no {whole} yet: the first run makes it")
        return Finding(name, "missing", f"no {whole}", (_fill(desk, project, dataset, runs_in),))
    location = str(told.get("location", "")).lower()
    if location == runs_in:
        return Finding(name, "ready", f"{whole} in {location}")
    copy = _make(f"{project}:{dataset}_{runs_in.replace('-', '_')}", runs_in)
    return Finding(
        name,
        "missing",
        f"{whole} lies in {location}, queries run in {runs_in}: set cloud.bigquery.location: {location}, "
        "or copy the tables",
        (copy,),
    )


def _fill(desk: Desk, project: str, dataset: str, runs_in: str) -> str:
    """How a dataset comes to be: the sample's by loading it."""
    settings = desk.settings
    if settings.source.sample and project == desk.project and dataset in _named(settings):
        return f"python -m pipelines seed {settings.name} --env {settings.environment}"
    return _make(f"{project}:{dataset}", runs_in)


def _make(dataset: str, location: str) -> str:
    return f"bq mk --dataset --location={location} {dataset}"


def _datasets(desk: Desk) -> set[tuple[str, str]]:
    """Projects and datasets, as far as the settings and the query name them."""
    found = {(desk.project, desk.cloud.bigquery.temporary_dataset)}
    source = ingest_stage(desk.settings).source.uri
    if desk.with_data and source.startswith("bq://"):
        project, _, dataset = source.removeprefix("bq://").partition(".")
        found |= {(project, each) for each in ([dataset] if dataset else _named(desk.settings))}
    if desk.cloud.prediction.request_log:
        project, dataset = desk.cloud.prediction.request_log.table.removeprefix("bq://").split(".")[:2]
        found.add((project, dataset))
    return found


def _named(settings: Settings) -> set[str]:
    """The datasets of the source's own project that the query names; the sample's, where it names none."""
    from components.sources import googlesql
    from components.sources.samples import DATASET
    from configs.errors import QueryError

    try:
        query = googlesql.parse(settings.source.sql)
    except QueryError:
        return set()  # BigQuery has the last word, in the plan's dry run
    plain = {DATASET} if settings.source.sample and any(not table.db for table in query.tables) else set()
    return plain | {table.db for table in query.tables if table.db and not table.catalog}


def subnetwork(desk: Desk) -> Iterator[Finding]:
    """Dataflow's workers without public addresses reach Google's APIs from it."""
    told = desk.cloud.network.subnetwork
    if not told:
        return
    name, short = "subnetwork", told.rpartition("/")[2]
    path = told if told.startswith("projects/") else f"projects/{desk.project}/{told}"
    try:
        found = desk.google.get("compute.googleapis.com", f"/compute/v1/{path}")
    except Refused as refused:
        if refused.status != 404:
            raise
        create = command(
            "gcloud compute networks subnets create", short, project=desk.project, region=desk.cloud.location,
            network="default", range="10.10.0.0/20", enable_private_ip_google_access=True,
        )  # fmt: skip
        yield Finding(name, "missing", f"no {told}", (create,))
        return
    if found.get("privateIpGoogleAccess") or desk.cloud.network.public_ips:
        yield Finding(name, "ready", told)
        return
    update = command(
        "gcloud compute networks subnets update", short, project=desk.project, region=desk.cloud.location,
        enable_private_ip_google_access=True,
    )  # fmt: skip
    yield Finding(name, "missing", f"{told} has no Private Google Access", (update,))


def _contains(multi_region: str, region: str) -> bool:
    inside = multi_region in _CONTINENTS and region.startswith(_CONTINENTS[multi_region])
    return inside and region not in _OUTSIDE_EU
