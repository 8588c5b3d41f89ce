"""The prediction server in a container, as Vertex AI starts it: configured by AIP_ variables."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import tenacity
from gcp_storage_emulator.server import create_server

from tests.images.engine import CONFINED, Engine
from tests.loopback import free_port, wait_until_it_answers

_HEALTH, _PREDICT = "/v1/endpoints/7/deployedModels/8", "/v1/endpoints/7/deployedModels/8:predict"
Start = Callable[..., httpx.Client]


@pytest.fixture
def start(engine: Engine) -> Iterator[Start]:
    """Starts a server and waits until it is healthy; each is ended, in order, at the end of the test."""
    started: list[str] = []
    clients: list[httpx.Client] = []

    def started_one(image: str, *flags: str, command: tuple[str, ...] = (), **variables: str) -> httpx.Client:
        port = free_port()
        environment = {"AIP_HTTP_PORT": str(port), "AIP_HEALTH_ROUTE": _HEALTH, "AIP_PREDICT_ROUTE": _PREDICT}
        words = [f"--env={name}={value}" for name, value in {**environment, **variables}.items()]
        words = [*CONFINED, "--detach", "--network=host", *words, *flags, image, *command]
        started.append(engine.podman("run", *words))
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        clients.append(client)
        try:
            wait_until_it_answers(f"http://127.0.0.1:{port}{_HEALTH}", 60)
        except tenacity.RetryError:
            pytest.fail(f"no health in a minute:\n{engine.podman('logs', started[-1])}")
        return client

    yield started_one
    for client in clients:
        client.close()
    for container in started:
        engine.podman("stop", "--time=20", container)
        code = engine.podman("inspect", "--format={{.State.ExitCode}}", container)
        engine.podman("rm", container)
        assert code == "0", "SIGTERM is no orderly end"


@pytest.fixture(params=["serving", "pipeline"])
def server(request: pytest.FixtureRequest) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """An image, flags and the command: the lean one as it is, the pipeline's as the Model Registry has it."""
    if request.param == "serving":
        return request.getfixturevalue("serving_image"), (), ()
    command = ("-m", "components.serve", "--host", "0.0.0.0")  # noqa: S104 - in its container
    return request.getfixturevalue("pipeline_image"), ("--entrypoint=python",), command


def test_it_answers_the_golden_rows_on_vertex_ais_routes(
    start: Start, server: tuple[str, tuple[str, ...], tuple[str, ...]], run: Path
) -> None:
    image, flags, command = server
    golden, model = _golden(run), _model(run)

    client = start(image, *flags, f"--volume={model}:/model:ro", command=command, AIP_STORAGE_URI="/model")

    assert client.get(_HEALTH).json() == {"status": "ready"}
    assert _predictions(client, golden["instances"]) == pytest.approx(golden["scores"], abs=1e-5)


def test_a_model_on_cloud_storage_is_fetched_and_served(start: Start, serving_image: str, run: Path) -> None:
    port = free_port()
    server = create_server("localhost", port, in_memory=True, default_bucket="models")
    server.start()
    try:
        _upload(_model(run), f"http://localhost:{port}")
        client = start(
            serving_image,
            AIP_STORAGE_URI="gs://models/planes",
            STORAGE_EMULATOR_HOST=f"http://localhost:{port}",
        )
    finally:
        server.stop()

    golden = _golden(run)
    assert _predictions(client, golden["instances"]) == pytest.approx(golden["scores"], abs=1e-5)


def test_a_request_that_cannot_be_answered_says_why(start: Start, serving_image: str, run: Path) -> None:
    client = start(serving_image, f"--volume={_model(run)}:/model:ro", AIP_STORAGE_URI="/model")

    answer = client.post(_PREDICT, json={"instances": [{**_golden(run)["instances"][0], "wings": 2}]})

    assert answer.status_code == 400
    assert "the unknown field 'wings'" in answer.json()["error"]["message"]


def _predictions(client: httpx.Client, instances: list[dict[str, Any]]) -> list[float]:
    answer = client.post(_PREDICT, json={"instances": instances})
    assert answer.status_code == 200, answer.text
    predictions: list[float] = answer.json()["predictions"]
    return predictions


def _model(run: Path) -> Path:
    return next((run / "registry").rglob("saved_model.pb")).parent


def _golden(run: Path) -> dict[str, Any]:
    golden: dict[str, Any] = json.loads(next((run / "registry").rglob("golden.json")).read_text())
    return golden


def _upload(folder: Path, url: str) -> None:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
    bucket = storage.Client("test", anonymous, client_options={"api_endpoint": url}).bucket("models")
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.blob(f"planes/{path.relative_to(folder)}").upload_from_filename(path)
