"""BigQuery on loopback: `bqemulator`, which exports to and loads from Cloud Storage's loopback server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.gcp.endpoints import VARIABLES


@dataclass
class BigQueryServer:
    """`bqemulator` on loopback: BigQuery's REST API and the Storage Read API."""

    url: str
    read_endpoint: str
    """`localhost:PORT` of the Storage Read API."""

    def client(self, project: str) -> Any:
        """The unmodified google-cloud-bigquery client of a project."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        return bigquery.Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # google-auth


@contextmanager
def emulator(exports: Path) -> Iterator[BigQueryServer]:
    """Such a server, while the block runs; this process's unmodified clients talk to it.

    Args:
        exports: A folder for the emulator's files.
    """
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.jobs import executor
    from bqemulator.server import EmulatorServer
    from bqemulator.storage.engine import DuckDBEngine

    settings = Settings(
        persistence_mode=PersistenceMode.EPHEMERAL,
        rest_port=0,
        grpc_port=0,
        log_level="error",
        gcs_local_root=exports,
    )
    with pytest.MonkeyPatch.context() as patched, _event_loop() as loop:
        # DuckDB's spatial extension is a download, and no table here holds a GEOGRAPHY.
        patched.setattr(DuckDBEngine, "_load_spatial", lambda _: None, raising=False)
        patched.setattr(executor, "write_export", partial(_export, executor.write_export, exports))
        patched.setattr(executor, "_resolve_uri", partial(_fetch, executor._resolve_uri, exports))
        server = EmulatorServer(settings)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=90)
        patched.setenv("BIGQUERY_EMULATOR_HOST", server.rest_url)
        patched.setenv(VARIABLES["bigquerystorage"], server.grpc_endpoint)
        yield BigQueryServer(server.rest_url, server.grpc_endpoint)
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=30)


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


def _export(write: Any, folder: Path, *arguments: Any) -> Any:
    """The emulator exports into a folder; the bucket that was meant gets the same objects.

    Two types go as BigQuery documents them: a TIMESTAMP without its zone (isAdjustedToUTC = false), which the
    emulator keeps; a sum of INT64 as INT64, which the emulator's engine makes wider.
    """
    from components.shared.files.gcs.client import client

    outcome = write(*arguments)
    for uri in outcome.uris:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        table = pq.read_table(folder / bucket / name)
        pq.write_table(table.cast(pa.schema(map(_documented_type, table.schema))), folder / bucket / name)
        client().bucket(bucket).blob(name).upload_from_filename(folder / bucket / name)
    return outcome


def _documented_type(column: Any) -> Any:
    if pa.types.is_timestamp(column.type):
        return column.with_type(pa.timestamp("us"))
    return column.with_type(pa.int64()) if column.type == pa.decimal128(38, 0) else column


def _fetch(resolve: Any, folder: Path, uri: str, *arguments: Any) -> Any:
    """The emulator loads from a folder; what is meant is copied there from the bucket."""
    from components.shared.files.gcs.client import client

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    for each in client().list_blobs(bucket, prefix=name.partition("*")[0]) if uri.startswith("gs://") else ():
        (folder / bucket / each.name).parent.mkdir(parents=True, exist_ok=True)
        each.download_to_filename(folder / bucket / each.name)
    return resolve(uri, *arguments)
