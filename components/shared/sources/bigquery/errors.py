"""BigQuery's errors, each in terms of the query as the user wrote it, with the command that fixes it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from components.shared.sources import googlesql
from configs.bigquery import BigQueryAccess
from configs.errors import BusyError, PipelineError, QueryError, SourceError, did_you_mean

_POSITION = re.compile(r"\s*\bat \[(\d+):(\d+)\]")
_PERMISSION = re.compile(r"(?:permission|have) '?((?:bigquery|storage|cloudkms)\.[\w.]+)", re.IGNORECASE)
_ROLES = {
    "bigquery.jobs": "roles/bigquery.jobUser",
    "bigquery.readsessions": "roles/bigquery.readSessionUser",
    "bigquery.datasets.create": "roles/bigquery.user",
    "bigquery.tables.create": "roles/bigquery.dataEditor",
    "bigquery.tables.update": "roles/bigquery.dataEditor",
    "bigquery.tables.delete": "roles/bigquery.dataEditor",
    "storage": "roles/storage.objectUser",
    "cloudkms": "roles/cloudkms.cryptoKeyEncrypterDecrypter",
}
"""The smallest role that has a permission, by the beginning of the permission."""


@dataclass(frozen=True)
class Context:
    """The request that failed."""

    access: BigQueryAccess
    query: str = ""
    """The user's SQL, where it is about that."""
    lines_before: int = 0
    """Lines of ours before it, in what was run."""
    tables: Callable[[str], Sequence[str]] = lambda _: ()
    """The tables of a dataset (`project.dataset`)."""
    datasets: Callable[[], Sequence[str]] = tuple


def translate_bigquery_error(error: Exception, context: Context) -> PipelineError:
    """Our error for one of BigQuery's or of Google's authentication."""
    from google.api_core.exceptions import BadRequest, Forbidden, RetryError, ServiceUnavailable
    from google.auth.exceptions import GoogleAuthError, TransportError

    message = _message(error)
    if isinstance(error, RetryError | ServiceUnavailable | TransportError):
        return BusyError(
            "BigQuery cannot be reached",
            got=message,
            remedy="Look at the network and the proxy, then run the same command again.",
        )
    if isinstance(error, GoogleAuthError):
        return SourceError(
            "the credentials for Google Cloud",
            expected="a login, a service account, or a machine of Google's",
            got=message,
            remedy="Run `gcloud auth application-default login`.",
        )
    for pattern, explain in _EXPLANATIONS.items():
        if found := re.search(pattern, message):
            return explain(found, context)
    if isinstance(error, Forbidden) or "Access Denied" in message:
        return _no_access(message, context)
    if isinstance(error, BadRequest) and context.query:
        return _wrong_query(message, context)
    return SourceError("BigQuery", got=message)


def scans_too_much(estimate: int, limit: int) -> QueryError:
    """A query that is rejected for what it would cost."""
    return QueryError(
        "the query",
        expected=f"at most {size(limit)} to scan (cloud.bigquery.maximum_bytes_billed: {limit})",
        got=f"{size(estimate)} ({estimate})",
        remedy="Filter by the partition column, name fewer columns, or raise the limit.",
    )


def needs_filter(table: str, column: str, where: str = "") -> QueryError:
    """A table that may only be read by partitions."""
    return QueryError(
        f"the query, table '{table}'{where}",
        expected=f"a filter on its partition column {column}",
        got="none",
        remedy=f"Add WHERE {column} BETWEEN … AND … to the query, with values or @parameters.",
    )


def elsewhere(dataset: str, wanted: str, found: str) -> SourceError:
    """A dataset in another location than the one that queries run in."""
    return SourceError(
        f"the dataset '{dataset}'",
        expected=f"in {wanted}",
        got=f"in {found}",
        remedy=f"Set cloud.bigquery.location: {found}; or name another dataset (source.uri, "
        "cloud.bigquery.temporary_dataset).",
    )


def size(count: float) -> str:
    """Bytes for people: 1.4 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def seed_hint(access: BigQueryAccess) -> str:
    """How the sample data come into the warehouse, where the use case has some."""
    return f"Load the sample data: `{access.seed_command}`." if access.seed_command else ""


def _quota(found: re.Match[str], context: Context) -> PipelineError:
    project = context.access.project
    return SourceError(
        f"the quota of project '{project}'",
        got=found.string,
        remedy="Try again later, or ask for more: https://console.cloud.google.com/iam-admin/quotas"
        f"?project={project}",
    )


def _locations(found: re.Match[str], _: Context) -> PipelineError:
    return SourceError(
        "the locations of the query",
        expected=f"data and results in one location, as {found[1]}",
        got=f"{found[1]} and {found[2]}",
        remedy=f"Set cloud.bigquery.location: {found[1]}, and take another temporary_dataset there.",
    )


def _missing_dataset(found: re.Match[str], context: Context) -> PipelineError:
    where = re.search(r"in location ([\w-]+)", found.string)
    hints = (did_you_mean(found[2], context.datasets()), seed_hint(context.access))
    return SourceError(
        f"the dataset '{found[1]}.{found[2]}'",
        expected=f"a dataset in location {where[1]}" if where else "a dataset",
        got="none of that name there",
        remedy=" ".join(
            (*filter(None, hints), "If it lies elsewhere, set cloud.bigquery.location to its location.")
        ),
    )


def _missing_table(found: re.Match[str], context: Context) -> PipelineError:
    path, table = re.findall(r"[\w-]+", found[1]), found[2]
    known = context.tables(".".join(path)) if path else ()
    where = _first(context.query, table)
    return QueryError(
        f"the query, table '{'.'.join((*path, table))}'" + (f", {where}" if where else ""),
        expected=f"one of {', '.join(known[:20])}" if known else "a table",
        got="no such table",
        remedy=" ".join(filter(None, (did_you_mean(table, known), seed_hint(context.access)))),
    )


def _missing_project(found: re.Match[str], _: Context) -> PipelineError:
    return SourceError(
        f"the project '{found[1]}'",
        expected="a project of Google Cloud that you may see",
        got="none of that name",
        remedy="Set cloud.project (`gcloud projects list` shows yours).",
    )


def _disabled(found: re.Match[str], context: Context) -> PipelineError:
    storage = "Storage API" in found.string
    api, title = ("bigquerystorage", "BigQuery Storage") if storage else ("bigquery", "BigQuery")
    project = context.access.project
    return SourceError(
        f"the API of {title} in project '{project}'",
        expected="enabled",
        got="not enabled",
        remedy=f"Run `gcloud services enable {api}.googleapis.com --project={project}`.",
    )


def _no_billing(_: re.Match[str], context: Context) -> PipelineError:
    project = context.access.project
    return SourceError(
        f"the project '{project}'",
        expected="a billing account",
        got="none",
        remedy=f"Link one: `gcloud billing projects link {project} --billing-account=ACCOUNT`.",
    )


_EXPLANATIONS: Mapping[str, Callable[[re.Match[str], Context], PipelineError]] = {
    r"limit for bytes billed: (\d+)\. (\d+) or higher": lambda found, _: scans_too_much(
        int(found[2]), int(found[1])
    ),
    r"esources exceeded|Response too large": lambda found, _: QueryError(
        "the query needs more than BigQuery gives it", got=found.string
    ),
    r"(?i)quota ?exceeded|exceeded quota|rate limit": _quota,
    r"over table '?([\w.:-]+)'? without a filter over column\(s\) (.*?) that can": lambda found, _: (
        needs_filter(found[1], re.sub("['`]", "", found[2]))
    ),
    r"different locations: source: ([\w-]+), destination: ([\w-]+)": _locations,
    r"(?i)Not found: Dataset ([\w.-]+?)[:.]([\w-]+)(?: |$)": _missing_dataset,
    r"(?i)Not found: Table ((?:[\w-]+[:.])*)([\w$-]+)": _missing_table,
    r"^(?=.*(?i:not found)).*?(?:Not found: Project|The project) ([\w.-]+)": _missing_project,
    r"has not been used in project|SERVICE_DISABLED|it is disabled": _disabled,
    r"(?i)^(?=.*billing).*enable": _no_billing,
}
"""How an error is translated whose message has a pattern; the first that applies."""


def _no_access(message: str, context: Context) -> PipelineError:
    permission = _PERMISSION.search(message)
    role = next(
        (role for start, role in _ROLES.items() if permission and permission[1].lower().startswith(start)),
        "roles/bigquery.dataViewer",
    )
    return SourceError(
        "the access to BigQuery",
        expected=f"the role {role}",
        got=message,
        remedy=f"Run `gcloud projects add-iam-policy-binding {context.access.project} "
        f"--member=user:YOU --role={role}` (serviceAccount:… where a service account runs it).",
    )


def _wrong_query(message: str, context: Context) -> PipelineError:
    if "must be qualified with a dataset" in message:
        return QueryError(
            "the query",
            expected="a dataset before each table's name, or one in the source",
            got=message,
            remedy="Set source.uri: bq://PROJECT.DATASET.",
        )
    position = None
    if place := _POSITION.search(message):
        line = int(place[1]) - context.lines_before
        known = 1 <= line <= len(context.query.splitlines())
        position = googlesql.Position(line, int(place[2])) if known else None
    return googlesql.query_error(context.query, position, _POSITION.sub("", message))


def _first(query: str, table: str) -> googlesql.Position | None:
    """Where the query names a table first."""
    try:
        parsed = googlesql.parse(query)
    except QueryError:
        return None
    return next((parsed.position(each) for each in parsed.tables if each.name == table), None)


def _message(error: Exception) -> str:
    """What the service said, without the request around it and without the job's address after it."""
    said = [each.get("message") for each in getattr(error, "errors", None) or () if isinstance(each, dict)]
    text = next(filter(None, said), None) or getattr(error, "message", None) or str(error)
    text = re.sub(r"^\d{3} (GET|POST|PUT|PATCH|DELETE) \S+: ", "", str(text))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = [line for line in lines if not line.startswith(("Location:", "Job ID:"))]
    return (shown[0] if shown else type(error).__name__).rstrip(" .")
