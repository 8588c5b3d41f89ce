"""The function of infra/trigger behind functions-framework on loopback, as Cloud Run would serve it."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.shared.files.artifacts import write_json
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.gcs_path import BucketPath
from components.shared.files.paths import place
from configs.loading import load
from configs.settings import Settings
from pipelines.commands import publish as publish_command
from tests.contract.vertex import small
from tests.contract.vertex.server import VertexServer
from tests.loopback import free_port

ROOT = Path(__file__).parents[3]
TOPIC = "//pubsub.googleapis.com/projects/local-project/topics/runs"


@dataclass
class Trigger:
    """The function, listening."""

    url: str

    def deliver(self, data: bytes, event_id: str = "1001") -> httpx.Response:
        """A message as Eventarc delivers it."""
        message = {"data": base64.b64encode(data).decode(), "messageId": event_id}
        return httpx.post(
            self.url,
            json={"message": message, "subscription": "projects/local-project/subscriptions/runs"},
            headers={
                "ce-id": event_id,
                "ce-source": TOPIC,
                "ce-specversion": "1.0",
                "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
            },
            timeout=60,
        )


@pytest.fixture
def there(vertex: VertexServer, bucket: BucketPath) -> Settings:
    """The settings of the flights in `dev`, at the servers."""
    name = str(bucket).removeprefix("gs://").strip("/")
    return load(
        "flights",
        "dev",
        [
            f"cloud.project={vertex.project}",
            f"cloud.bucket={name}",
            f"places.root=gs://{name}/runs",
        ],
    )


@pytest.fixture
def published(there: Settings, bucket: BucketPath, tmp_path: Path) -> Settings:
    """A small pipeline in the place of the flights': it runs in a second."""
    compiled = tmp_path / "small.yaml"
    small.compile_to(compiled)
    template = f"{bucket / 'pipelines/small.yaml'}"
    gcs_writing.put(compiled, template)
    launch = publish_command._launch(there, template, "training")
    write_json(place(f"{bucket / 'pipelines/training-flights.json'}"), launch)
    return there


@pytest.fixture
def trigger(bucket: BucketPath, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trigger]:
    """It finds pipelines in the bucket, published or not."""
    from functions_framework import create_app
    from werkzeug.serving import make_server

    monkeypatch.setenv("PIPELINES", f"{bucket / 'pipelines'}")
    monkeypatch.setattr(sys, "path", list(sys.path))
    app = create_app("start", str(ROOT / "infra/trigger/main.py"), "cloudevent")  # type: ignore[no-untyped-call]
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield Trigger(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()


@pytest.fixture
def pubsub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Pub/Sub's emulator, which comes with gcloud; where it is not, the test is skipped."""
    jar = _emulator()
    java = shutil.which("java")
    if jar is None or java is None:
        pytest.skip(
            "the Pub/Sub emulator is not installed: gcloud components install pubsub-emulator (and Java)"
        )
    port = free_port()
    main = "com.google.cloud.pubsub.testing.v1.Main"
    command = [java, "-cp", str(jar), main, "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _emulator() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parents[1]] if gcloud else []
    roots += [Path(each) for each in filter(None, [os.environ.get("CLOUDSDK_ROOT_DIR")])]
    found = [jar for root in roots for jar in root.glob("platform/pubsub-emulator/lib/*-all.jar")]
    return found[0] if found else None


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(f"the emulator ended with {process.returncode}")
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the emulator does not listen")


def asking(content: Any) -> bytes:
    """A message's data."""
    return json.dumps(content).encode()
