"""`bq://PROJECT[.DATASET]`: tables of BigQuery, queried by Google's own client.

A selection is dry-run first: its columns, its mistakes and the bytes that it would scan are known, and
a query beyond `maximum_bytes_billed` is rejected, before anything costs.
"""

import contextlib
import hashlib
import re
import uuid
from collections.abc import Callable, Iterator

import pyarrow as pa

from components.shared.sources import googlesql
from components.shared.sources.bigquery import errors, tables
from components.shared.sources.bigquery.client import Connection, Statement
from components.shared.sources.bigquery.rows import Bound, BoundRows
from components.shared.sources.bigquery.types import parameters, table_schema, type_name
from components.shared.sources.googlesql.syntax import Table
from components.shared.sources.source import Answer, Rows
from configs.bigquery import BigQueryAccess
from configs.errors import QueryError, UnknownSourceError
from configs.rows import Source as Selection


class BigQuerySource:
    """The tables of a project, or of one dataset, queried in GoogleSQL.

    Args:
        uri: `bq://PROJECT[.DATASET]`: where tables lie that the SQL names without either.
        access: Who pays, and where; None: that project, in the location where BigQuery finds the tables.

    Raises:
        UnknownSourceError: The URI names something else.
    """

    def __init__(self, uri: str, access: BigQueryAccess | None = None) -> None:
        self.uri = uri
        project, self._dataset = parsed_uri(uri)
        self._connection = Connection(access or BigQueryAccess(project=project), project)

    @contextlib.contextmanager
    def asking(self) -> Iterator[Callable[[str], Answer]]:
        """See `Source.asking`; each query is dry-run and held to the limit of bytes first."""
        yield self._answer

    def _answer(self, sql: str) -> Answer:
        bound = self._bound(Selection(uri=self.uri, sql=sql))
        job = self._connection.run(bound.statement)
        with self._connection.translate_errors(bound.statement):
            rows = job.result()
        return Answer(
            [(field.name, type_name(field)) for field in rows.schema], [row.values() for row in rows]
        )

    def tables(self) -> dict[str, pa.Schema]:
        """See `Source.tables`; one look-up a table, nothing is scanned."""
        client, found = self._connection.client, {}
        with self._connection.translate_errors():
            for dataset in [self._dataset] if self._dataset else self._connection.dataset_names():
                for item in client.list_tables(f"{self._connection.project}.{dataset}"):
                    table = client.get_table(item.reference)
                    found[f"{dataset}.{table.table_id}"] = table_schema(table.schema)
        return found

    def fingerprint(self, selection: Selection) -> str:
        """See `Source.fingerprint`; from the tables' metadata (time of change, rows, bytes, columns).

        Loading the same rows again moves a table's time of change, and so counts as another content.
        """
        bound = self._bound(selection)
        total = hashlib.blake2b(uuid.uuid4().bytes if bound.volatile else b"", digest_size=16)
        for table in sorted(bound.tables):
            total.update(f"{tables.content(self._connection, table)}\n".encode())
        return total.hexdigest()

    @contextlib.contextmanager
    def rows(self, selection: Selection) -> Iterator[Rows]:
        """See `Source.rows`; what holding and writing made is dropped at the end."""
        rows = BoundRows(self._connection, self._bound(selection))
        try:
            yield rows
        finally:
            rows.drop()

    def _bound(self, selection: Selection) -> Bound:
        """A selection's query, dry-run."""
        text = selection.sql if selection.sql.strip() else tables.only_table(self._connection, self._dataset)
        try:
            query, failure = googlesql.parse(text), None
        except QueryError as error:  # BigQuery may understand it, and has the last word
            query, failure = None, error
        sql, dataset, named = selection.sql.strip().removesuffix(";"), "", set[str]()
        if query is not None:
            googlesql.check_names(query.names)
            googlesql.check_parameters(query, selection.parameters)
            dataset = tables.default_dataset(self._connection, query, self._dataset)
            tables.check_partition_filters(self._connection, query, dataset)
            named = set(tables.named(self._connection.project, query, dataset))
            sql = self._placed(query)
        elif self._dataset:
            dataset = f"{self._connection.project}.{self._dataset}"
        statement = Statement(sql, parameters(selection.parameters), dataset, about=sql)
        job = self._connection.dry_run(statement)
        if job.statement_type not in (None, "", "SELECT"):
            raise failure or QueryError("the query", expected="one SELECT", got=job.statement_type)
        scanned, limit = job.total_bytes_processed or 0, self._connection.access.bigquery.maximum_bytes_billed
        if scanned > limit:
            raise errors.scans_too_much(scanned, limit)
        referenced = {f"{each.project}.{each.dataset_id}.{each.table_id}" for each in job.referenced_tables}
        volatile = query is not None and bool(query.volatile)
        return Bound(statement, job, frozenset(named | referenced), volatile)

    def _placed(self, query: googlesql.Query) -> str:
        """The SQL as it is; but where another project pays, with the source's before each `dataset.table`."""
        project = self._connection.project
        elsewhere = project != self._connection.access.project

        def placed(table: Table) -> str | None:
            full = googlesql.quoted(f"{project}.{table.dataset}.{table.name}")
            return full if elsewhere and table.dataset and not table.project else None

        return googlesql.spliced(query, placed)


def parsed_uri(uri: str) -> tuple[str, str]:
    """Project and dataset ("" where it names none) of `bq://PROJECT[.DATASET]`.

    Raises:
        UnknownSourceError: It is no such URI.
    """
    found = re.fullmatch(r"bq://([a-z][a-z0-9-]*)(?:\.(\w+))?", uri)
    if found is None:
        raise UnknownSourceError(
            f"no reader for '{uri}'",
            expected="bq://PROJECT[.DATASET]",
            remedy="Set source.uri.",
        )
    return found[1], found[2] or ""
