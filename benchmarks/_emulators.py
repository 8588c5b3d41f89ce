"""BigQuery and Cloud Storage on loopback, in a process of their own: the emulators of the contract tests."""

import contextlib
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from components.shared.gcp.endpoints import VARIABLES
from components.shared.stage.recording import log_to

BUCKET = "benchmark"
_ENDPOINTS = "STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", VARIABLES["bigquerystorage"]


@contextlib.contextmanager
def emulators() -> Iterator[None]:
    """The servers with an empty bucket; Google's clients in this process and in its children find them."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    servers = context.Process(target=_serve, args=(there,))
    with log_to(Path(os.devnull)):
        servers.start()
    there.close()
    os.environ.update(here.recv())
    try:
        yield
    finally:
        here.close()
        servers.join()


def _serve(pipe: Connection) -> None:
    from google.cloud import storage

    from tests.contract.bigquery.emulator import emulator
    from tests.contract.storage.server import serving

    with tempfile.TemporaryDirectory() as exports, serving() as buckets:
        os.environ["STORAGE_EMULATOR_HOST"] = buckets.url
        storage.Client(project="benchmark").create_bucket(BUCKET)
        with emulator(Path(exports)):
            pipe.send({name: os.environ[name] for name in _ENDPOINTS})
            with contextlib.suppress(EOFError):
                pipe.recv()
