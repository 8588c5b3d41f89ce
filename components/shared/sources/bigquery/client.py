"""The way to BigQuery: the clients, jobs with limits and labels, and results as Arrow batches.

The clients are Google's own, unchanged. `BIGQUERY_EMULATOR_HOST`, a variable of theirs, names a server
that stands in for BigQuery, where nobody logs in; `endpoints` has one for the Storage Read API.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from components.shared.gcp.endpoints import anonymous, emulator
from components.shared.gcp.retry import poll
from components.shared.sources.bigquery.errors import Context, elsewhere, translate_bigquery_error
from components.shared.stage.signals import Signals
from configs.bigquery import BigQueryAccess

_POLL_SECONDS = 1.0
_CANCEL_SECONDS = 15.0
"""How long a cancellation is tried: a stage that has to stop is killed soon after."""
_READ_STREAMS = 4
"""Streams of a read session; BigQuery gives fewer for small tables."""


@dataclass(frozen=True)
class Statement:
    """One statement of GoogleSQL."""

    sql: str
    parameters: Sequence[Any] = ()
    """Values of its `@name` parameters."""
    dataset: str = ""
    """`project.dataset` of tables that it names without one; empty: none."""
    about: str = ""
    """The user's SQL within it, for errors."""
    lines_before: int = 0
    """Lines of ours before that."""


class Connection:
    """BigQuery as one project sees it.

    Args:
        access: Who pays, where, limits and labels.
        project: Where tables lie that the SQL names without a project.
    """

    def __init__(self, access: BigQueryAccess, project: str) -> None:
        self.access, self.project = access, project

    @cached_property
    def client(self) -> Any:
        """Google's client.

        Raises:
            SourceError: Nobody is logged in.
        """
        from google.cloud import bigquery

        with self.translate_errors():
            return bigquery.Client(
                project=self.access.project,
                location=self.access.location or None,
                credentials=anonymous() if os.environ.get("BIGQUERY_EMULATOR_HOST") else None,
            )

    @cached_property
    def reader(self) -> Any:
        """Google's client of the Storage Read API."""
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient

        server = emulator("bigquerystorage")
        if not server:
            with self.translate_errors():
                return BigQueryReadClient()
        import grpc
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
            BigQueryReadGrpcTransport,
        )

        unlimited = [("grpc.max_receive_message_length", -1)]  # as Google's own channel is
        channel = grpc.insecure_channel(server, unlimited)
        return BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    def dry_run(self, statement: Statement) -> Any:
        """The job as it would be: columns, types and bytes, at no cost."""
        with self.translate_errors(statement):
            return self.client.query(statement.sql, job_config=self._config(statement, dry_run=True))

    def run(self, statement: Statement, waiting: Callable[[float], None] = lambda _: None) -> Any:
        """Run a statement to its end, and return the job; cancelled where the wait is broken off.

        Args:
            statement: What to run.
            waiting: Called now and then with the seconds that the job has taken.
        """
        with self.translate_errors(statement):
            config = self._config(statement)
            job = self.finished(lambda: self.client.query(statement.sql, job_config=config), waiting)
            job.result(max_results=0)
            return job

    def finished(self, start: Callable[[], Any], waiting: Callable[[float], None] = lambda _: None) -> Any:
        """Start a job, and return it when it has ended, well or not; cancelled where the wait is broken off.

        Args:
            start: Starts it. Ctrl-C and SIGTERM wait until it has: a job without a name cannot be cancelled.
            waiting: Called now and then with the seconds that the job has taken; its errors end the wait.
        """
        with Signals() as signals:
            with signals.deferred():
                job = start()
            began = time.monotonic()

            def look() -> bool:
                done = bool(job.done())
                if not done:
                    waiting(time.monotonic() - began)
                return done

            try:
                signals.raise_pending()
                poll(look, first=0.05, most=_POLL_SECONDS)
            except BaseException:
                _cancel(job)
                raise
        return job

    def pages(self, sql: str, page_rows: int) -> Iterator[pa.RecordBatch]:
        """The rows of a query, by pages over REST."""
        statement = Statement(sql)
        with self.translate_errors(statement):
            job = self.finished(lambda: self.client.query(sql, job_config=self._config(statement)))
            yield from job.result(page_size=page_rows).to_arrow_iterable()

    def read(self, table: str, columns: Sequence[str], where: str = "") -> Iterator[pa.RecordBatch]:
        """Columns of a table through the Storage Read API: streams of Arrow batches, no query.

        Args:
            table: `project.dataset.table`.
            columns: Which, in this order.
            where: A predicate over the table's columns.
        """
        from google.cloud.bigquery_storage_v1 import types

        project, dataset, name = table.split(".")
        wanted = types.ReadSession(
            table=f"projects/{project}/datasets/{dataset}/tables/{name}",
            data_format=types.DataFormat.ARROW,
            read_options=types.ReadSession.TableReadOptions(
                selected_fields=list(columns), row_restriction=where
            ),
        )
        with self.translate_errors():
            session = self.reader.create_read_session(
                parent=f"projects/{self.access.project}",
                read_session=wanted,
                max_stream_count=_READ_STREAMS,
            )
            schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
            for stream in session.streams:
                for answer in self.reader.read_rows(stream.name):
                    content = pa.py_buffer(answer.arrow_record_batch.serialized_record_batch)
                    yield pa.ipc.read_record_batch(content, schema).select(list(columns))

    def make_dataset(self, name: str, *, expire_hours: int = 0, location: str = "") -> None:
        """A dataset, where it is missing.

        Args:
            name: `project.dataset`.
            expire_hours: After which its tables vanish; 0: never.
            location: Where; empty: where `access` says.

        Raises:
            SourceError: It is there, in another location.
        """
        from google.api_core.exceptions import NotFound

        wanted = self.access.location or location
        with self.translate_errors():
            try:  # to look needs fewer rights than to try to make it
                there = self.client.get_dataset(name)
            except NotFound:
                there = self._new_dataset(name, expire_hours, wanted)
        if wanted and there.location.lower() != wanted.lower():
            raise elsewhere(name, wanted, there.location)

    def _new_dataset(self, name: str, expire_hours: int, location: str) -> Any:
        from google.cloud import bigquery

        dataset = bigquery.Dataset(name)
        if location:
            dataset.location = location
        dataset.labels = dict(self.access.labels)
        if expire_hours:
            dataset.default_table_expiration_ms = expire_hours * 3_600_000
        if self.access.kms_key:
            dataset.default_encryption_configuration = bigquery.EncryptionConfiguration(
                kms_key_name=self.access.kms_key
            )
        return self.client.create_dataset(dataset, exists_ok=True)

    @contextlib.contextmanager
    def translate_errors(self, statement: Statement | None = None) -> Iterator[None]:
        """Turn Google's errors within into ours."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        about = statement or Statement("")
        try:
            yield
        except (GoogleAPIError, GoogleAuthError) as error:
            context = Context(
                self.access, about.about, about.lines_before, self.table_names, self.dataset_names
            )
            raise translate_bigquery_error(error, context) from error

    def dataset_names(self) -> list[str]:
        """The datasets of the project without the temporary one; none where they may not be listed."""
        names = [each.dataset_id for each in _listed(self.client.list_datasets, self.project)]
        return [name for name in names if name != self.access.bigquery.temporary_dataset]

    def table_names(self, dataset: str) -> list[str]:
        """The tables of a dataset (`[project.]dataset`); none where they may not be listed."""
        whole = dataset if "." in dataset else f"{self.project}.{dataset}"
        return [each.table_id for each in _listed(self.client.list_tables, whole)]

    def _config(self, statement: Statement, *, dry_run: bool = False) -> Any:
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            dry_run=dry_run,
            use_legacy_sql=False,
            use_query_cache=False,
            query_parameters=list(statement.parameters),
            maximum_bytes_billed=self.access.bigquery.maximum_bytes_billed,
            labels=dict(self.access.labels),
        )
        if statement.dataset:
            config.default_dataset = statement.dataset
        return config


def _listed(items: Callable[[str], Any], parent: str) -> list[Any]:
    from google.api_core.exceptions import GoogleAPIError

    try:
        return list(items(parent))
    except GoogleAPIError:
        return []


def _cancel(job: Any) -> None:
    """Ask BigQuery to end a job; says so in the log, and how to do it by hand where that fails."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    try:
        job.cancel(retry=DEFAULT_RETRY.with_timeout(_CANCEL_SECONDS), timeout=_CANCEL_SECONDS)
        sys.stdout.write(f"BigQuery job {job.job_id} is being cancelled\n")
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        where = f"--project_id={job.project} --location={job.location}"
        sys.stdout.write(f"{error}\nIt may go on: bq {where} cancel {job.job_id}\n")
