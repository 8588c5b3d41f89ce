"""BigQuery and Cloud Storage on loopback, in a process of their own: `bqemulator` and `gcp-storage-emulator`.

Prints the variables that lead Google's clients there, as JSON, and ends when its input does.
"""

import asyncio
import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.shared.gcp.endpoints import VARIABLES

BUCKET = "benchmark"


@contextlib.contextmanager
def served() -> Iterator[dict[str, str]]:
    """The servers; yields the environment for a process that talks to them."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._bigquery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        yield json.loads(next(line for line in server.stdout if line.startswith("{")))
    finally:
        server.communicate()


def main() -> None:
    """Serve until the input ends."""
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.jobs import executor
    from bqemulator.server import EmulatorServer
    from bqemulator.storage.engine import DuckDBEngine
    from google.cloud import storage

    os.environ["STORAGE_EMULATOR_HOST"] = _start_storage()
    storage.Client(project="benchmark").create_bucket(BUCKET)
    DuckDBEngine._load_spatial = lambda _: None  # noqa: SLF001 - a download, and no table holds a GEOGRAPHY
    with tempfile.TemporaryDirectory() as folder:
        exports = Path(folder)
        write = executor.write_export
        executor.write_export = lambda *arguments: _uploaded(write(*arguments), exports)
        settings = Settings(
            persistence_mode=PersistenceMode.EPHEMERAL,
            rest_port=0,
            grpc_port=0,
            log_level="error",
            gcs_local_root=exports,
        )
        server, loop = EmulatorServer(settings), asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=90)
        variables = {
            "BIGQUERY_EMULATOR_HOST": server.rest_url,
            "STORAGE_EMULATOR_HOST": os.environ["STORAGE_EMULATOR_HOST"],
            VARIABLES["bigquerystorage"]: server.grpc_endpoint,
        }
        print(json.dumps(variables), flush=True)
        sys.stdin.read()
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=30)


def _start_storage() -> str:
    from gcp_storage_emulator.server import RequestHandler
    from gcp_storage_emulator.storage import Storage

    handler = functools.partial(RequestHandler, Storage(use_memory_fs=True))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def _uploaded(outcome: Any, folder: Path) -> Any:
    from google.cloud import storage

    bucket = storage.Client(project="benchmark").bucket(BUCKET)
    for uri in outcome.uris:
        name = uri.removeprefix(f"gs://{BUCKET}/")
        bucket.blob(name).upload_from_filename(str(folder / BUCKET / name))
    return outcome


if __name__ == "__main__":
    main()
