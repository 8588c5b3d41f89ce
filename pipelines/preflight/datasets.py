"""BigQuery's datasets: there, where queries run, and open to the pipeline's account as far as it needs them.

Rights are read as the dataset tells them; one that a group has is told as unknown. Roles on the whole project
count too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from configs.settings import Settings
from configs.stages.training import ingest_stage
from pipelines.preflight.desk import Desk, Finding, command
from pipelines.preflight.google import Refused
from pipelines.preflight.places import contains
from pipelines.preflight.rights import EDITOR, SMALLEST, VIEWER, Where, lacking

_BIGQUERY = "bigquery.googleapis.com"
_BASIC = {"READER": VIEWER, "WRITER": EDITOR, "OWNER": "roles/bigquery.dataOwner"}
"""As a dataset tells these three roles, however they were granted."""
Name = tuple[str, str]
"""A project and a dataset of it."""


def datasets(desk: Desk) -> Iterator[Finding]:
    """Each dataset that the query reads, or that answers are logged to, lies where queries run."""
    runs_in = (desk.cloud.bigquery.location or desk.cloud.location).lower()
    region = desk.cloud.location
    if runs_in != region and not contains(runs_in, region):
        yield Finding(
            "BigQuery's location",
            "missing",
            f"rows cannot be exported from {runs_in} to {region}: set cloud.bigquery.location to one of both",
        )
    for project, dataset in sorted(set().union(*_used(desk).values()) - _used(desk)["output"]):
        yield _dataset(desk, project, dataset, runs_in)


def _dataset(desk: Desk, project: str, dataset: str, runs_in: str) -> Finding:
    name, whole = f"dataset {dataset}", f"{project}.{dataset}"
    told = _told(desk, (project, dataset))
    if told is None:
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


def rights(desk: Desk) -> Iterator[Finding]:
    """The pipeline's account may read what it learns from, and write what it delivers."""
    account = desk.cloud.identities.pipeline
    if not account:
        return
    member = f"serviceAccount:{account}"
    used = _used(desk)
    for where, role in SMALLEST["pipeline"]:
        for name in sorted(used.get(where, ())):
            yield _right(desk, member, name, role)


def _right(desk: Desk, member: str, name: Name, role: str) -> Finding:
    title, whole = f"pipeline's role on {name[1]}", ".".join(name)
    of_project = desk.policy.get(member, set()) if name[0] == desk.project else set()
    told = _told(desk, name)
    give = command("bq query --use_legacy_sql=false", f"GRANT `{role}` ON SCHEMA `{whole}` TO '{member}'")
    if told is None:
        if not lacking((EDITOR,), of_project):
            return Finding(title, "ready", "it may make the dataset itself")
        runs_in = (desk.cloud.bigquery.location or desk.cloud.location).lower()
        mend = (_make(":".join(name), runs_in), give)
        return Finding(title, "missing", f"no {whole}, which it may not make itself", mend)
    access = [each for each in told.get("access", ()) if "role" in each]
    if not lacking((role,), of_project | _held(access, member)):
        return Finding(title, "ready", role)
    groups = sorted(each["groupByEmail"] for each in access if "groupByEmail" in each)
    if groups:
        return Finding(title, "unknown", f"{role}: unless it is in {', '.join(groups)}", (give,))
    return Finding(title, "missing", f"no {role} on {whole}", (give,))


def _held(access: list[dict[str, Any]], member: str) -> set[str]:
    """The roles that a member itself has by a dataset's entries."""
    email = member.partition(":")[2]
    own = [each for each in access if email == each.get("userByEmail") or member == each.get("iamMember")]
    return {_BASIC.get(each["role"], each["role"]) for each in own}


def _used(desk: Desk) -> Mapping[Where | str, set[Name]]:
    """What each dataset is for, as far as the settings and the query name them."""
    found: dict[Where | str, set[Name]] = {
        "source": set(),
        "temporary": {(desk.project, desk.cloud.bigquery.temporary_dataset)},
        "output": _in(desk.settings.prediction.output if desk.settings.prediction else ""),
        "request log": _in(log.table if (log := desk.cloud.prediction.request_log) else ""),
    }
    source = ingest_stage(desk.settings).source.uri
    if desk.with_data and source.startswith("bq://"):
        project, _, dataset = source.removeprefix("bq://").partition(".")
        found["source"] = {(project, each) for each in ([dataset] if dataset else _named(desk.settings))}
    return found


def _in(table: str) -> set[Name]:
    """The dataset of `bq://PROJECT.DATASET.TABLE`; none where it is something else."""
    if not table.startswith("bq://"):
        return set()
    project, dataset = table.removeprefix("bq://").split(".")[:2]
    return {(project, dataset)}


def _told(desk: Desk, name: Name) -> dict[str, Any] | None:
    """What BigQuery tells of a dataset; None: there is none."""
    project, dataset = name
    try:
        return desk.google.get(_BIGQUERY, f"/bigquery/v2/projects/{project}/datasets/{dataset}")
    except Refused as refused:
        if refused.status != 404:
            raise
        return None


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
