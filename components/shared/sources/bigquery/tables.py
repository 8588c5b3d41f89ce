"""Which tables of BigQuery a query means, whether it filters them, what is in them: from metadata alone."""

import uuid
from collections.abc import Iterator
from typing import Any

from components.shared.sources import googlesql
from components.shared.sources.bigquery import errors
from components.shared.sources.bigquery.client import Connection, Statement
from components.shared.sources.googlesql.syntax import (
    Between,
    Binary,
    From,
    In,
    Join,
    Name,
    Node,
    Query,
    Select,
    Source,
    Table,
)
from components.shared.sources.googlesql.trees import nodes
from configs.errors import QueryError, SourceError, did_you_mean

_COMPARISONS = frozenset(("=", "<", "<=", ">", ">="))
_INGESTION_TIME = ("_PARTITIONTIME", "_PARTITIONDATE")


def default_dataset(connection: Connection, query: googlesql.Query, dataset: str) -> str:
    """`project.dataset` where tables lie that the query names without one; empty where it names none so.

    Args:
        connection: Where to look.
        query: What names them.
        dataset: The source's own; empty: the one dataset of the project that has them all.

    Raises:
        QueryError: No dataset has them all, or several have.
    """
    if dataset:
        return f"{connection.project}.{dataset}"
    plain = [table for table in query.tables if not table.dataset]
    if not plain:
        return ""
    known = connection.dataset_names()
    having = [each for each in known if all(_exists(connection, each, table.name) for table in plain)]
    if len(having) == 1:
        return f"{connection.project}.{having[0]}"
    if not known:
        return ""  # none, or none that may be listed: BigQuery will say
    table, position = plain[0].name, query.position(plain[0])
    subject = f"the query, table '{table}'" + (f", {position}" if position else "")
    if having:
        raise QueryError(
            subject,
            expected="a dataset before its name",
            got=f"that name in {', '.join(f'{each}.{table}' for each in having)}",
            remedy="Name the dataset in the query, or set source.uri: bq://PROJECT.DATASET.",
        )
    names, there = sorted({each.name for each in plain}), _names(connection, known)
    near = did_you_mean(names[0], [each.split(".")[1] for each in there])
    raise QueryError(
        subject,
        expected=f"a dataset of '{connection.project}' with {', '.join(names)}",
        got=", ".join(there[:20]) or "no table at all",
        remedy=" ".join(filter(None, (near, errors.seed_hint(connection.access)))),
    )


def only_table(connection: Connection, dataset: str) -> str:
    """GoogleSQL for every column of the only table, where there is no query.

    Raises:
        SourceError: There is none, or more than one.
    """
    there = _names(connection, [dataset] if dataset else connection.dataset_names())
    if len(there) != 1:
        raise SourceError(
            "source.query is empty",
            expected="exactly one table to read",
            got=", ".join(there[:20]) or "none",
            remedy="Name a SQL file in source.query.",
        )
    return f"SELECT * FROM {googlesql.quoted(f'{connection.project}.{there[0]}')}"  # noqa: S608 - quoted


def named(project: str, query: googlesql.Query, default: str) -> dict[str, Table]:
    """`project.dataset.table` of each table that the query names, with its place in the tree."""
    found = {}
    for table in query.tables:
        if "INFORMATION_SCHEMA" in map(str.upper, table.path) or "*" in table.name:
            continue
        dataset = f"{table.project or project}.{table.dataset}" if table.dataset else default
        if dataset:
            found[f"{dataset}.{table.name}"] = table
    return found


def check_partition_filters(connection: Connection, query: googlesql.Query, default: str) -> None:
    """Reject a query that reads a table of `require_partition_filter` without a filter on its partitions.

    (A table whose own metadata requires one is rejected by BigQuery in the dry run.)

    Raises:
        QueryError: Naming table, column and place.
        SourceError: A table of that list has no partitions.
    """
    guarded = connection.access.bigquery.require_partition_filter
    for name, node in named(connection.project, query, default).items():
        if name.partition(".")[2] not in guarded:
            continue
        with connection.translate_errors(Statement("", about=query.text)):
            columns = _partition_columns(connection.client.get_table(name))
        if not columns:
            raise SourceError(
                f"the table '{name}', named in cloud.bigquery.require_partition_filter",
                expected="a partitioned table",
                got="one without partitions",
            )
        if not _is_filtered(query, node, columns):
            position = query.position(node)
            raise errors.needs_filter(name, columns[0], f", {position}" if position else "")


def content(connection: Connection, name: str) -> str:
    """What is in a table, by its metadata: equal text, equal content.

    A table outside BigQuery (a sheet, files) changes unseen: its text is another each time.
    """
    with connection.translate_errors():
        table = connection.client.get_table(name)
    facts: list[Any] = [
        name,
        table.table_type,
        table.modified,
        table.num_rows,
        table.num_bytes,
        table.view_query,
        [field.to_api_repr() for field in table.schema],
    ]
    if table.streaming_buffer:
        facts += [table.streaming_buffer.estimated_rows, table.streaming_buffer.oldest_entry_time]
    if table.table_type == "EXTERNAL":
        facts.append(uuid.uuid4().hex)
    return repr(facts)


def _names(connection: Connection, datasets: list[str]) -> list[str]:
    return [f"{each}.{table}" for each in datasets for table in connection.table_names(each)]


def _exists(connection: Connection, dataset: str, table: str) -> bool:
    from google.api_core.exceptions import GoogleAPIError

    try:
        connection.client.get_table(f"{connection.project}.{dataset}.{table}")
    except GoogleAPIError:
        return False
    return True


def _partition_columns(table: Any) -> list[str]:
    if table.range_partitioning:
        return [table.range_partitioning.field]
    if table.time_partitioning:
        return [table.time_partitioning.field] if table.time_partitioning.field else list(_INGESTION_TIME)
    return []


def _is_filtered(query: googlesql.Query, table: Table, columns: list[str]) -> bool:
    """Whether a WHERE or ON of its SELECT compares one of these columns with something."""
    wanted, alias = {column.lower() for column in columns}, (table.alias or table.name).lower()
    return any(
        node.parts[-1].lower() in wanted and (len(node.parts) == 1 or node.parts[-2].lower() == alias)
        for condition in _conditions(query, table)
        for comparison in nodes(condition)
        if isinstance(comparison, Between | In)
        or (isinstance(comparison, Binary) and comparison.operator in _COMPARISONS)
        for node in nodes(comparison)
        if isinstance(node, Name)
    )


def _conditions(query: googlesql.Query, table: Table) -> Iterator[Node]:
    """WHERE and ON of the SELECT, or the WHERE of the pipes, whose FROM has a table itself."""
    for node in nodes(query.tree):
        if not isinstance(node, Query):
            continue
        body = node.body
        if isinstance(body, Select | From) and body.source is not None and table in list(_plain(body.source)):
            joins = [each.on for each in nodes(body.source) if isinstance(each, Join)]
            where = [body.where] if isinstance(body, Select) else []
            yield from filter(None, [*where, *joins, *(pipe.where for pipe in node.pipes)])


def _plain(source: Source) -> Iterator[Table]:
    """The tables of FROM, those of sub-selects apart."""
    if isinstance(source, Join):
        yield from _plain(source.left)
        yield from _plain(source.right)
    elif isinstance(source, Table):
        yield source
