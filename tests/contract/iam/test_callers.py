"""A server knows who asks it, and a client cannot say that it is somebody else."""

import os
import subprocess
import sys

import httpx

from tests.contract.dataflow.googleapis import FORWARDED
from tests.contract.iam.callers import running_as
from tests.contract.iam.calls import Calls
from tests.contract.storage.server import StorageServer
from tests.contract.vertex.server import VertexServer

_ASKS = "import sys, urllib.request as r; r.urlopen(sys.argv[1]).read()"
_MODELS = "/v1/projects/local-project/locations/us-central1/models"


def called_by_a_process(url: str, account: str) -> None:
    command = [sys.executable, "-c", _ASKS, url]
    subprocess.run(command, env={**os.environ, **running_as(account)}, check=True)


def called_by_its_child(url: str, account: str) -> None:
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_ASKS!r}, {url!r}], check=True)"
    subprocess.run([sys.executable, "-c", inner], env={**os.environ, **running_as(account)}, check=True)


def test_a_process_is_known_by_its_account_and_so_are_its_children() -> None:
    calls = Calls()
    with VertexServer() as server:
        server.watch = calls.of("vertex")
        called_by_a_process(server.url + _MODELS, "trainer@p.iam.gserviceaccount.com")
        called_by_its_child(server.url + _MODELS, "pipeline@p.iam.gserviceaccount.com")
    assert [(call.who, call.service, call.verb, call.target) for call in calls.all] == [
        ("trainer", "vertex", "GET", _MODELS),
        ("pipeline", "vertex", "GET", _MODELS),
    ]


def test_the_tests_own_calls_are_nobodys_unless_they_say_so() -> None:
    calls = Calls()
    with VertexServer() as server, httpx.Client(trust_env=False) as client:
        server.watch = calls.of("vertex")
        client.get(server.url + _MODELS)
        with calls.callers.this_process_as("trigger@p.iam.gserviceaccount.com"):
            client.get(server.url + _MODELS)
        client.get(server.url + _MODELS)
    assert [call.who for call in calls.all] == ["trigger"]


def test_a_request_that_was_passed_on_is_its_first_senders(storage_server: StorageServer) -> None:
    calls = Calls()
    storage_server.watch = calls.of("storage")
    try:
        with (
            calls.callers.this_process_as("serving"),
            httpx.Client(trust_env=False) as client,
        ):
            client.get(f"{storage_server.url}/storage/v1/b/b/o")
            nowhere = {FORWARDED: 'for="127.0.0.1:1"'}
            client.get(f"{storage_server.url}/storage/v1/b/b/o", headers=nowhere)
    finally:
        storage_server.watch = None
    assert [call.who for call in calls.all] == ["serving"]
