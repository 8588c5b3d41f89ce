"""BigQuery's errors, each in terms of the query as the user wrote it, with the command that mends it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.shared.sources import googlesql
from configs.bigquery import BigQueryAccess
from configs.errors import BusyError, PipelineError, QueryError, SourceError, did_you_mean

_LOGIN = "gcloud auth application-default login"
_REQUIRED_BYTES = re.compile(r"limit for bytes billed: (\d+)\. (\d+) or higher")
_POSITION = re.compile(r"\s*\bat \[(\d+):(\d+)\]")
_TABLE = re.compile(r"Not found: Table ((?:[\w-]+[:.])*)([\w$-]+)", re.IGNORECASE)
_DATASET = re.compile(r"Not found: Dataset ([\w.-]+?)[:.]([\w-]+)(?: |$)", re.IGNORECASE)
_PROJECT = re.compile(r"(?:Not found: Project|The project) ([\w.-]+)")
_LOCATIONS = re.compile(r"different locations: source: ([\w-]+), destination: ([\w-]+)")
_PERMISSION = re.compile(r"(?:permission|have) '?((?:bigquery|storage|cloudkms)\.[\w.]+)", re.IGNORECASE)
_FILTER = re.compile(r"over table '?([\w.:-]+)'? without a filter over column\(s\) (.*?) that can")
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
    from google.api_core.exceptions import RetryError, ServiceUnavailable
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
            remedy=f"Run `{_LOGIN}`.",
        )
    for explain in (_cost, _partition, _location, _missing, _service, _access, _query):
        translated = explain(message, error, context)
        if translated is not None:
            return translated
    return SourceError("BigQuery", got=message)


def scans_too_much(estimate: int, limit: int) -> QueryError:
    """A query that is refused for what it would cost."""
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


# --- one kind of error each; None: it is another kind -----------------------------------------------


def _cost(message: str, _: Exception, context: Context) -> PipelineError | None:
    limit = _REQUIRED_BYTES.search(message)
    if limit:
        return scans_too_much(int(limit[2]), int(limit[1]))
    if "esources exceeded" in message or "Response too large" in message:
        return QueryError("the query needs more than BigQuery gives it", got=message)
    if re.search(r"quota ?exceeded|exceeded quota|rate limit", message, re.IGNORECASE):
        return SourceError(
            f"the quota of project '{context.access.project}'",
            got=message,
            remedy="Try again later, or ask for more: https://console.cloud.google.com/iam-admin/quotas"
            f"?project={context.access.project}",
        )
    return None


def _partition(message: str, _: Exception, __: Context) -> PipelineError | None:
    found = _FILTER.search(message)
    return needs_filter(found[1], found[2].replace("'", "").replace("`", "")) if found else None


def _location(message: str, _: Exception, __: Context) -> PipelineError | None:
    found = _LOCATIONS.search(message)
    if found:
        return SourceError(
            "the locations of the query",
            expected=f"data and results in one location, as {found[1]}",
            got=f"{found[1]} and {found[2]}",
            remedy=f"Set cloud.bigquery.location: {found[1]}, and take another temporary_dataset there.",
        )
    return None


def _missing(message: str, _: Exception, context: Context) -> PipelineError | None:
    dataset, table, project = (kind.search(message) for kind in (_DATASET, _TABLE, _PROJECT))
    if dataset:
        return _missing_dataset(f"{dataset[1]}.{dataset[2]}", message, context)
    if table:
        path = [part for part in re.split(r"[:.]", table[1]) if part]
        return missing_table(path, table[2], context)
    if project and "not found" in message.lower():
        return SourceError(
            f"the project '{project[1]}'",
            expected="a project of Google Cloud that you may see",
            got="none of that name",
            remedy="Set cloud.project (`gcloud projects list` shows yours).",
        )
    return None


def _missing_dataset(dataset: str, message: str, context: Context) -> PipelineError:
    where = re.search(r"in location ([\w-]+)", message)
    hints = (did_you_mean(dataset.rpartition(".")[2], context.datasets()), seed_hint(context.access))
    return SourceError(
        f"the dataset '{dataset}'",
        expected=f"a dataset in location {where[1]}" if where else "a dataset",
        got="none of that name there",
        remedy=" ".join(
            (*filter(None, hints), "If it lies elsewhere, set cloud.bigquery.location to its location.")
        ),
    )


def missing_table(path: Sequence[str], table: str, context: Context) -> PipelineError:
    """A table that is not there, with the nearest name and where the query names it."""
    known = context.tables(".".join(path)) if path else ()
    where = _first(context.query, table)
    return QueryError(
        f"the query, table '{'.'.join((*path, table))}'" + (f", {where}" if where else ""),
        expected=f"one of {', '.join(known[:20])}" if known else "a table",
        got="no such table",
        remedy=" ".join(filter(None, (did_you_mean(table, known), seed_hint(context.access)))),
    )


def _service(message: str, _: Exception, context: Context) -> PipelineError | None:
    if (
        "has not been used in project" in message
        or "SERVICE_DISABLED" in message
        or "it is disabled" in message
    ):
        api = "bigquerystorage" if "Storage API" in message else "bigquery"
        return SourceError(
            f"the API of {'BigQuery Storage' if api == 'bigquerystorage' else 'BigQuery'} "
            f"in project '{context.access.project}'",
            expected="enabled",
            got="not enabled",
            remedy=f"Run `gcloud services enable {api}.googleapis.com --project={context.access.project}`.",
        )
    if "billing" in message.lower() and "enable" in message.lower():
        return SourceError(
            f"the project '{context.access.project}'",
            expected="a billing account",
            got="none",
            remedy="Link one: `gcloud billing projects link "
            f"{context.access.project} --billing-account=ACCOUNT`.",
        )
    return None


def _access(message: str, error: Exception, context: Context) -> PipelineError | None:
    from google.api_core.exceptions import Forbidden

    if not isinstance(error, Forbidden) and "Access Denied" not in message:
        return None
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


def _query(message: str, error: Exception, context: Context) -> PipelineError | None:
    from google.api_core.exceptions import BadRequest

    if not isinstance(error, BadRequest) or not context.query:
        return None
    if "must be qualified with a dataset" in message:
        return QueryError(
            "the query",
            expected="a dataset before each table's name, or one in the source",
            got=message,
            remedy="Set source.uri: bq://PROJECT.DATASET.",
        )
    place = _POSITION.search(message)
    position = None
    if place:
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
