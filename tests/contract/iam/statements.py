"""What a job of BigQuery asks for beyond being a job: of the tables that it reads and writes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp

Table = Mapping[str, Sequence[str]]
"""permissions.yaml's section `statements`."""


class UnknownStatementError(Exception):
    """Nothing is known of what it asks for."""


def needs(body: bytes, table: Table) -> Iterator[tuple[str, str]]:
    """On what, and which permission.

    Args:
        body: Of the request that starts the job; an upload's has its data after it.
        table: By what a statement does.

    Raises:
        UnknownStatementError: It is of another kind.
    """
    content = _json(body)
    job = content.get("configuration", {"query": content})
    if "load" in job:
        yield from _of_load(job["load"], table)
    elif "query" in job:
        yield from _of_query(job["query"], table)
    else:
        raise UnknownStatementError(f"neither a query nor a load: {sorted(job)}")


def _json(body: bytes) -> dict[str, Any]:
    """The first JSON object, of a body that has several parts too."""
    text = body[body.index(b"{") :].decode(errors="replace")
    found, _ = json.JSONDecoder().raw_decode(text)
    return dict(found)


def _of_load(load: Mapping[str, Any], table: Table) -> Iterator[tuple[str, str]]:
    yield from _each(table, "load", f"dataset/{load['destinationTable']['datasetId']}")
    for uri in load.get("sourceUris", ()):
        yield from _each(table, "load_from_bucket", _bucket(uri))


def _of_query(query: Mapping[str, Any], table: Table) -> Iterator[tuple[str, str]]:
    tree = sqlglot.parse_one(query["query"], dialect="bigquery")
    default = query.get("defaultDataset", {}).get("datasetId", "")
    target = tree.find(exp.Table) if isinstance(tree, exp.Create | exp.Merge) else None
    read = {_dataset(each, default) for each in _tables(tree) if each is not target}
    for dataset in read:
        yield from _each(table, "read", dataset)
    if isinstance(tree, exp.Create):
        yield from _of_create(tree, _dataset(target, default), table)
    elif isinstance(tree, exp.Merge):
        yield from _each(table, "merge", _dataset(target, default))
    elif isinstance(tree, exp.Export):
        yield from (each for dataset in read for each in _each(table, "export", dataset))
        uri = re.search(r"uri\s*=\s*'(gs://[^']+)'", query["query"], re.IGNORECASE)
        yield from _each(table, "export_to_bucket", _bucket(uri[1] if uri else ""))
    elif not isinstance(tree, exp.Query):
        raise UnknownStatementError(f"no permissions are known for a statement {type(tree).__name__}")


def _of_create(tree: exp.Create, dataset: str, table: Table) -> Iterator[tuple[str, str]]:
    yield from _each(table, "create", dataset)
    if tree.args.get("replace"):
        yield from _each(table, "replace", dataset)
    if "expiration_timestamp" in tree.sql("bigquery"):
        yield from _each(table, "expire", dataset)


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """Those that exist: not the names that WITH gives, nor arrays."""
    named = {each.alias for each in tree.find_all(exp.CTE)}
    for each in tree.find_all(exp.Table):
        if each.name and (each.db or each.name not in named):
            yield each


def _dataset(table: exp.Table | None, default: str) -> str:
    return f"dataset/{(table.db if table else '') or default}"


def _bucket(uri: str) -> str:
    return f"bucket/{uri.removeprefix('gs://').partition('/')[0]}"


def _each(table: Table, does: str, where: str) -> Iterator[tuple[str, str]]:
    return ((where, permission) for permission in table[does])
