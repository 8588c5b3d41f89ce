"""Which tables of BigQuery a query means, whether it filters them, what is in them: from metadata alone."""

import uuid
from typing import Any

from sqlglot import exp

from components.shared.sources import googlesql
from components.shared.sources.bigquery import errors
from components.shared.sources.bigquery.client import Connection, Statement
from configs.errors import QueryError, SourceError, did_you_mean

_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
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
    plain = [table for table in query.tables if not table.db]
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


def named(project: str, query: googlesql.Query, default: str) -> dict[str, exp.Table]:
    """`project.dataset.table` of each table that the query names, with its place in the tree."""
    found = {}
    for table in query.tables:
        if "INFORMATION_SCHEMA" in table.sql("bigquery").upper() or "*" in table.name:
            continue
        dataset = f"{table.catalog or project}.{table.db}" if table.db else default
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
        if not _is_filtered(node, columns):
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


def _is_filtered(node: exp.Table, columns: list[str]) -> bool:
    """Whether a WHERE or ON of its SELECT compares one of these columns with something."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return False
    wanted = {column.lower() for column in columns}
    conditions = [select.args.get("where"), *(join.args.get("on") for join in select.args.get("joins") or ())]
    return any(
        column.name.lower() in wanted and column.table in ("", node.alias_or_name)
        for condition in conditions
        if condition is not None
        for comparison in condition.find_all(*_COMPARISONS)
        for column in comparison.find_all(exp.Column)
    )
