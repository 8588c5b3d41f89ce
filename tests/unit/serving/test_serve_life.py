"""The server's life: starting, sharing the traffic, changing versions, ending; and how it fails to start."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry

Start = Callable[..., Any]
MakeModel = Callable[..., Path]
Expected = Callable[..., float]

ROOT = Path(__file__).parents[3]
FLIGHT = {"distance": 500.0, "seats": 150, "carrier": "UA", "origin": "JFK"}
WAITING = {**FLIGHT, "origin": "WAIT"}
FAILING = {**FLIGHT, "origin": "FAIL"}


@pytest.fixture
def registry(tmp_path: Path, fake_model: MakeModel) -> FolderRegistry:
    """Two versions, distinguished by their scores; the first serves."""
    registry = FolderRegistry(tmp_path / "registry")
    for shift in (0.0, 1.0):
        registry.register("flights", submission(tmp_path, fake_model(shift)))
    registry.deploy("flights", 1, 100)
    return registry


def submission(folder: Path, model: Path) -> Submission:
    evaluation, statistics = folder / "evaluation", folder / "statistics"
    for artifact in (evaluation, statistics):
        artifact.mkdir(exist_ok=True)
    for file in ("metrics.json", "verdict.json", "golden.json"):
        (evaluation / file).write_text("{}")
    return Submission(model, statistics, evaluation)


def endpoint(registry: FolderRegistry) -> tuple[str, ...]:
    return "--registry", f"file://{registry.root}", "--name", "flights"


# --- starting -------------------------------------------------------------------------------


def test_the_server_answers_503_until_the_model_is_ready(start: Start, fake_model: MakeModel) -> None:
    folder = fake_model(fifos=["loading"])
    server = start("--model", folder, wait=False)
    server.listening()
    for answer in (server.client.get("/health"), server.ask(FLIGHT)):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert "loading" in answer.json()["error"]["message"]
    (folder / "loading").write_text("")
    assert server.healthy()
    assert server.ask(FLIGHT).status_code == 200


def test_a_busy_port_is_reported_in_one_line_before_anything_is_loaded(fake_model: MakeModel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "components.serve", "--port", port, "--model", str(fake_model())]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"BusyError: port {port} on 127.0.0.1: expected a free port")
    assert "--port N" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "ModelError: nothing to serve"),
        (["--model", "s3://bucket/model"], "got s3://bucket/model"),
        (["--model", "nowhere"], "ModelError: nowhere/model.json: expected a model's description"),
        (["--registry", "s3://x", "--name", "flights"], "RegistryError: no registry for 's3://x'"),
        (["--model", "x", "--settings", '{"thread": 1}'], "SettingsError: --settings, thread"),
    ],
)
def test_what_cannot_be_served_is_reported_in_one_line(
    start: Start, arguments: list[str], message: str
) -> None:
    settings = {} if "--settings" not in arguments else json.loads(arguments[-1])
    server = start(*arguments, settings=settings, wait=False)
    assert server.process.wait() == 1
    assert message in server.log.read_text().splitlines()[-1]
    assert "Traceback" not in server.log.read_text()


def test_the_error_of_an_endpoint_without_a_version_names_the_command_to_deploy_one(
    start: Start, tmp_path: Path
) -> None:
    server = start("--registry", f"file://{tmp_path}/none", "--name", "flights", wait=False)
    assert server.process.wait() == 1
    last = server.log.read_text().splitlines()[-1]
    assert last.startswith("RegistryError: endpoint 'flights'")
    assert "python -m pipelines run USE_CASE" in last


# --- versions and traffic -------------------------------------------------------------------


def test_the_traffic_is_split_as_the_endpoint_says_and_each_answer_names_its_version(
    start: Start, registry: FolderRegistry, expected: Expected
) -> None:
    registry.deploy("flights", 2, 25)
    server = start(*endpoint(registry))
    versions: Counter[str] = Counter()
    for _ in range(800):
        answer = server.ask(FLIGHT).json()
        version = answer["modelVersionId"]
        versions[version] += 1
        assert answer["deployedModelId"] == f"flights-{version}"
        assert answer["predictions"] == pytest.approx([expected(FLIGHT, {"1": 0.0, "2": 1.0}[version])])
    assert versions["2"] == pytest.approx(200, abs=75)  # six standard deviations
    assert [version["traffic"] for version in server.client.get("/").json()["versions"]] == [75, 25]


def test_a_change_of_traffic_is_followed_without_dropping_a_request(
    start: Start, registry: FolderRegistry
) -> None:
    server = start(*endpoint(registry), settings={"reload_seconds": 0.05})
    ended = threading.Event()

    def ask_all_the_time() -> list[int]:
        codes = []
        while not ended.is_set():
            codes.append(server.ask(FLIGHT).status_code)
        return codes

    with ThreadPoolExecutor(1) as client:
        codes = client.submit(ask_all_the_time)
        registry.promote("flights", 2)
        while server.ask(FLIGHT).json()["modelVersionId"] != "2":
            assert server.process.poll() is None
        registry.roll_back("flights")
        while server.ask(FLIGHT).json()["modelVersionId"] != "1":
            assert server.process.poll() is None
        ended.set()
    assert set(codes.result()) == {200}


def test_what_serves_goes_on_serving_when_its_successor_cannot_be_loaded(
    start: Start, registry: FolderRegistry, tmp_path: Path, fake_model: MakeModel
) -> None:
    broken = fake_model(2.0)
    (broken / "broken").touch()
    registry.register("flights", submission(tmp_path, broken))
    server = start(*endpoint(registry), settings={"reload_seconds": 0.05})
    registry.promote("flights", 3)
    while "the former versions serve on: ModelError" not in server.log.read_text():
        assert server.ask(FLIGHT).json()["modelVersionId"] == "1"
    registry.promote("flights", 2)
    while server.ask(FLIGHT).json()["modelVersionId"] != "2":
        assert server.process.poll() is None
    assert server.log.read_text().count("the former versions serve on") == 1


def test_a_field_that_only_the_challenger_knows_is_no_mistake(
    start: Start, registry: FolderRegistry, tmp_path: Path, fake_model: MakeModel
) -> None:
    features = {"numeric": ["distance", "seats"], "categorical": ["carrier", "origin"]}
    more = {**features, "categorical": ["carrier", "origin", "dest"]}
    server = start(*endpoint(registry), settings={"reload_seconds": 0.05})
    assert server.ask({**FLIGHT, "dest": "LAX"}).status_code == 400
    registry.register("flights", submission(tmp_path, fake_model(0.0, features=more)))
    registry.deploy("flights", 3, 1)
    while len(server.client.get("/").json()["versions"]) == 1:
        assert server.process.poll() is None
    assert {server.ask({**FLIGHT, "dest": "LAX"}).status_code for _ in range(20)} == {200}


# --- a batch that fails ---------------------------------------------------------------------


def test_rows_that_the_model_fails_on_fail_alone_even_within_a_joint_batch(
    start: Start, fake_model: MakeModel, expected: Expected
) -> None:
    folder = fake_model(fifos=["gate"])
    server = start("--model", folder)
    with ThreadPoolExecutor(6) as clients:
        running = clients.submit(server.ask, WAITING)
        with (folder / "gate").open("w"):  # opens when the first batch runs: the rest will be joined
            answers = [clients.submit(server.ask, row) for row in (FLIGHT, FAILING, FLIGHT, FLIGHT)]
            bad = server.ask({"distance": "far"})  # rejected while the batch runs: it is in no batch
            assert bad.status_code == 400
        codes = [answer.result().status_code for answer in (running, *answers)]
    assert codes == [200, 200, 500, 200, 200]
    assert answers[1].result().json()["error"]["status"] == "INTERNAL"
    assert answers[3].result().json()["predictions"] == pytest.approx([expected(FLIGHT)])


def test_more_waiting_requests_than_allowed_get_a_retry_after(start: Start, fake_model: MakeModel) -> None:
    folder = fake_model(fifos=["gate"])
    server = start("--model", folder, settings={"max_waiting_requests": 1})
    with ThreadPoolExecutor(3) as clients:
        running = clients.submit(server.ask, WAITING)
        with (folder / "gate").open("w"):
            answers = [clients.submit(server.ask, FLIGHT) for _ in range(2)]  # the second to come is rejected
            (rejected,) = wait(answers, return_when=FIRST_COMPLETED).done
            assert rejected.result().status_code == 503
            assert rejected.result().headers["retry-after"] == "1"
        assert sorted(answer.result().status_code for answer in (running, *answers)) == [200, 200, 503]


# --- ending ---------------------------------------------------------------------------------


def test_sigterm_answers_what_is_in_flight_and_rejects_what_comes_then(
    start: Start, fake_model: MakeModel, expected: Expected
) -> None:
    folder = fake_model(fifos=["gate"])
    server = start("--model", folder)
    with ThreadPoolExecutor(1) as clients:
        running = clients.submit(server.ask, WAITING)
        with (folder / "gate").open("w"):
            server.process.send_signal(signal.SIGTERM)
            while (rejected := server.client.get("/health")).status_code == 200:
                pass
            assert rejected.status_code == 503
            assert server.ask(FLIGHT).status_code == 503
            assert "shutting down" in server.ask(FLIGHT).json()["error"]["message"]
        assert running.result().json()["predictions"] == pytest.approx([expected(FLIGHT)])
    assert server.process.wait() == 0


def test_sigterm_waits_no_longer_than_configured(start: Start, fake_model: MakeModel) -> None:
    folder = fake_model(fifos=["gate"])
    server = start("--model", folder, settings={"drain_seconds": 0.1})
    with ThreadPoolExecutor(1) as clients:
        running = clients.submit(server.ask, WAITING)
        with (folder / "gate").open("w"):
            server.process.terminate()
            assert server.process.wait() == 0
        error = running.exception()
        assert error is not None or running.result().status_code == 500


def test_an_idle_server_ends_at_once_though_clients_stay_connected(
    start: Start, fake_model: MakeModel
) -> None:
    server = start("--model", fake_model(), settings={"drain_seconds": 600})
    assert server.ask(FLIGHT).status_code == 200
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait() == 0


def test_a_server_ends_when_its_parent_was_killed(
    fake: Sequence[str], fake_model: MakeModel, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    log = tmp_path / "log"
    with (
        log.open("w") as stream,
        subprocess.Popen(
            [*fake, "--port", "0", "--model", str(fake_model()), "--until-stdin-closes"],
            stdin=reader, stderr=stream, cwd=ROOT,
        ) as process,
    ):  # fmt: skip
        os.close(reader)
        while "serving" not in log.read_text():
            assert process.poll() is None
        os.close(writer)
        assert process.wait() == 0
