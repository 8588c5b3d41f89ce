"""BigQuery's datasets: there, where queries run, and open to the pipeline's account as far as it needs them.

Rights are read from the dataset; one that a group has is reported as unknown. Roles on the whole project
count too, where it is the environment's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.choose.settings import ChooseStage
from components.ingest.settings import IngestStage
from configs.rows import Source
from pipelines.preflight.context import Finding, PreflightContext, command, judged
from pipelines.preflight.google import ApiError
from pipelines.preflight.places import contains
from pipelines.preflight.rights import EDITOR, SMALLEST, VIEWER, Where, lacking

if TYPE_CHECKING:
    from components.shared.sources.googlesql.syntax import Table

_BIGQUERY = "bigquery.googleapis.com"
_BASIC = {"READER": VIEWER, "WRITER": EDITOR, "OWNER": "roles/bigquery.dataOwner"}
"""How a dataset names these three roles, however they were granted."""
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")
Name = tuple[str, str]
"""A project and a dataset of it."""


def datasets(context: PreflightContext) -> Iterator[Finding]:
    """Each dataset that a query reads, a run fills or answers are logged to lies where queries run."""
    runs_in, region = _runs_in(context), context.cloud.location
    if runs_in != region and not contains(runs_in, region):
        detail = f"rows cannot be exported from {runs_in} to {region}"
        remedy = "set cloud.bigquery.location to one of both"
        yield Finding("BigQuery's location", "missing", f"{detail}: {remedy}")
    used = _used(context)
    for name in sorted(set().union(*used.values())):
        try:
            yield _dataset(context, name, made=name in used["temporary"] | used["output"])
        except ApiError as error:
            yield _closed(context, name, f"dataset {name[1]}", error)


def _dataset(context: PreflightContext, name: Name, *, made: bool) -> Finding:
    """`made`: by the first run, if it may; which `rights` looks at."""
    title, whole, runs_in = f"dataset {name[1]}", ".".join(name), _runs_in(context)
    metadata = _metadata(context, name)
    if metadata is None:
        if made:
            return Finding(title, "ready", f"no {whole} yet: the first run makes it, where it may")
        return Finding(title, "missing", f"no {whole}", (_fill(context, name),))
    location = str(metadata.get("location", "")).lower()
    if location == runs_in:
        return Finding(title, "ready", f"{whole} in {location}")
    detail = f"{whole} lies in {location}, queries run in {runs_in}"
    remedy = f"set cloud.bigquery.location: {location}, or copy the tables"
    copy = _make(f"{':'.join(name)}_{runs_in.replace('-', '_')}", runs_in)
    return Finding(title, "missing", f"{detail}: {remedy}", (copy,))


def _fill(context: PreflightContext, name: Name) -> str:
    """How a dataset comes to be: the sample's by loading it."""
    settings = context.settings
    if settings.source.sample and name == _place(settings.resolved_source):
        return f"python -m pipelines seed {settings.name} --env {settings.environment}"
    return _make(":".join(name), _runs_in(context))


def _runs_in(context: PreflightContext) -> str:
    return (context.cloud.bigquery.location or context.cloud.location).lower()


def _make(dataset: str, location: str) -> str:
    return f"bq mk --dataset --location={location} {dataset}"


def rights(context: PreflightContext) -> Iterator[Finding]:
    """The pipeline's account may read what it learns from and scores, and write what it delivers."""
    account = context.cloud.identities.pipeline
    if not account:
        return
    member = f"serviceAccount:{account}"
    used = _used(context)
    for where, role in SMALLEST["pipeline"]:
        for name in sorted(used.get(where, ())):
            try:
                yield _right(context, member, name, role, made=where != "source")
            except ApiError as error:
                yield _closed(context, name, _title(name), error)


def _closed(context: PreflightContext, name: Name, title: str, error: ApiError) -> Finding:
    """What nobody lets the caller look at, with what does."""
    if error.status != 403 or error.api_is_off:
        raise error
    who = context.google.caller
    give = _give(context, who, name, "roles/bigquery.metadataViewer")
    return Finding(title, "unknown", f"{'.'.join(name)} is closed to {who}", (give,))


def _right(context: PreflightContext, member: str, name: Name, role: str, *, made: bool) -> Finding:
    """`made`: by the first run, if it may."""
    metadata = _metadata(context, name)
    if metadata is None and made:
        return _may_make(context, member, name, role)
    access = metadata.get("access", []) if metadata else []
    given = [each for each in access if "role" in each]
    granted = _of_project(context, member, name) | _held(given, member)
    groups = sorted(each["groupByEmail"] for each in given if "groupByEmail" in each)
    doubts = [f"is in {', '.join(groups)}"] if groups else []
    if name[0] != context.project:  # whose policy is not read
        doubts.append(f"has it in all of {name[0]}")
    missing = [f"{each} on {'.'.join(name)}" for each in lacking((role,), granted)]
    fix = (_give(context, member, name, role),) if missing else ()
    return judged(_title(name), missing, granted, fix, doubts)


def _may_make(context: PreflightContext, member: str, name: Name, role: str) -> Finding:
    """A dataset that a run would make itself, if it may."""
    if not lacking((EDITOR,), _of_project(context, member, name)):
        return Finding(_title(name), "ready", "it may make the dataset itself")
    fix = (_make(":".join(name), _runs_in(context)), _give(context, member, name, role))
    return Finding(_title(name), "missing", f"no {'.'.join(name)}, which it may not make itself", fix)


def _title(name: Name) -> str:
    return f"pipeline's role on {name[1]}"


def _of_project(context: PreflightContext, member: str, name: Name) -> set[str]:
    return context.roles_of(member) if name[0] == context.project else set()


def _give(context: PreflightContext, member: str, name: Name, role: str) -> str:
    """By SQL: `bq add-iam-policy-binding` is for tables and views."""
    grant = f"GRANT `{role}` ON SCHEMA `{'.'.join(name)}` TO '{member}'"
    return command(f"bq --project_id={context.project} query --use_legacy_sql=false", grant)


def _held(access: list[dict[str, Any]], member: str) -> set[str]:
    """The roles that a member has by a dataset's entries: its own, and everybody's."""
    email = member.partition(":")[2]
    own = [
        each
        for each in access
        if email == each.get("userByEmail")
        or each.get("iamMember") in (member, *_EVERYBODY)
        or each.get("specialGroup") in _EVERYBODY
    ]
    return {_BASIC.get(each["role"], each["role"]) for each in own}


def _used(context: PreflightContext) -> Mapping[Where | str, set[Name]]:
    """What each dataset is for, as far as the settings and both pipelines' queries name them."""
    found: dict[Where | str, set[Name]] = {
        "source": set(),
        "temporary": {(context.project, context.cloud.bigquery.temporary_dataset)},
        "output": _in(context.settings.prediction.output),
        "request log": _in(log.table if (log := context.cloud.prediction.request_log) else ""),
    }
    if context.with_data:
        learnt, scored = IngestStage.of(context.settings).source, ChooseStage.of(context.settings)
        found["source"] = _read(learnt) | _read(scored.source, scored.examples)
    return found


def _in(table: str) -> set[Name]:
    """The dataset of `bq://PROJECT.DATASET.TABLE`; none where it is something else."""
    if not table.startswith("bq://"):
        return set()
    project, dataset = table.removeprefix("bq://").split(".")[:2]
    return {(project, dataset)}


def _metadata(context: PreflightContext, name: Name) -> dict[str, Any] | None:
    """BigQuery's entry of a dataset; None: there is none."""
    project, dataset = name
    return context.google.find(_BIGQUERY, f"/bigquery/v2/projects/{project}/datasets/{dataset}")


def _read(source: Source, examples: str = "") -> set[Name]:
    """The datasets of the source's own project that its query names, or means by a table's name alone.

    The rows of the query `examples` are that one's table of this name; empty: there is none.
    """
    if not source.uri.startswith("bq://"):
        return set()
    project, plain = _place(source)
    tables = _tables(source.sql)
    if examples and any(_is_examples(each) for each in tables):
        tables = [*(each for each in tables if not _is_examples(each)), *_tables(examples)]
    named = {each.dataset or plain for each in tables if each.project in ("", project)}
    return {(project, dataset) for dataset in named if dataset}


def _place(source: Source) -> Name:
    """Where tables lie that are named without a dataset; "" where the source does not say it."""
    from components.shared.sources.samples import DATASET

    project, _, dataset = source.uri.removeprefix("bq://").partition(".")
    return project, dataset or (DATASET if source.sample else "")


def _tables(sql: str) -> "Sequence[Table]":
    from components.shared.sources import googlesql
    from configs.errors import QueryError

    try:
        return googlesql.parse(sql).tables
    except QueryError:
        return ()  # BigQuery has the last word, in the plan's dry run


def _is_examples(table: "Table") -> bool:
    from components.shared.sources.selection import EXAMPLES

    return not table.dataset and table.name == EXAMPLES
