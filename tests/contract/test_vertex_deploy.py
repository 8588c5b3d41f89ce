"""The deploy stage and the commands on Vertex AI: the server proves itself here, then behind the endpoint."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.deploy import core
from components.deploy.settings import DeployStage
from components.shared.files.artifacts import read_json
from components.shared.files.paths import place
from components.shared.registry import Submission
from components.shared.stage.recording import silent
from configs.errors import EndpointError, SettingsError
from configs.loading import load
from configs.settings import Settings
from pipelines.commands import serving
from tests.contract.registries import METRICS, World, serving_cloud
from tests.unit.serving.conftest import FAKE, FEATURES, score

pytest.importorskip("google.cloud.aiplatform")
ROOT = Path(__file__).parents[2]
NO_SERVER = (sys.executable, "-c", "raise SystemExit('must not be started')")
GOLDEN = [
    {"distance": 100.0 * number, "seats": None if number % 3 else 150, "carrier": carrier, "origin": "JFK"}
    for number in range(5)
    for carrier in ("UA", "AA", "", "ZZ")
]


@functools.cache
def shift_of(artifact_uri: str) -> float:
    """What a registered model adds, read as its server would."""
    shift: float = json.loads((place(artifact_uri) / "model.json").read_text())["shift"]
    return shift


def as_the_server(model: Any, instances: Sequence[Any], _: Any) -> Sequence[float]:
    """The predictor that answers as the model's own server does."""
    return [score(instance, shift_of(model.artifact_uri)) for instance in instances]


class Workspace:
    """Candidates, and the stage that deploys them."""

    def __init__(self, world: World) -> None:
        self.world, self.out = world, world.folder / "deployment"
        world.vertex.endpoints.predictor = as_the_server

    def stage(self, **deployment: Any) -> DeployStage:
        """The stage's settings."""
        vertex = self.world.vertex
        content = {
            "name": "flights",
            "registry": f"vertex://{vertex.project}/{vertex.location}",
            "vertex": serving_cloud(self.world.bucket),
            "deployment": deployment,
        }
        return DeployStage.model_validate(content)

    def candidate(self, shift: float, **lineage: str) -> Submission:
        """A model that adds `shift`, with golden requests and a verdict."""
        folder = self.world.folder / f"candidate-{shift}"
        for part in ("model", "evaluation", "statistics"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        golden = {"instances": GOLDEN, "scores": [score(each, shift) for each in GOLDEN]}
        contents = {
            "model/model": {"shift": shift, "features": FEATURES},
            "statistics/statistics": {},
            "evaluation/golden": golden,
            "evaluation/verdict": {"decision": "deploy", "reasons": []},
            "evaluation/metrics": METRICS,
        }
        for name, content in contents.items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        return Submission(folder / "model", folder / "statistics", folder / "evaluation", lineage)

    def deploy(
        self, candidate: Submission, command: Sequence[str] = FAKE, **deployment: Any
    ) -> dict[str, Any]:
        """Deploy with the fake server and read deployment.json."""
        core.run(candidate, self.stage(**deployment), self.out, silent, command)
        content: dict[str, Any] = read_json(self.out / "deployment.json")
        return content


@pytest.fixture
def workspace(world: World) -> Workspace:
    return Workspace(world)


def test_a_candidate_proves_itself_here_and_behind_the_endpoint(workspace: Workspace) -> None:
    first = workspace.deploy(workspace.candidate(0.0, judged_against=""))
    assert (first["version"], first["action"], first["endpoint"]) == (1, "deployed", {"traffic": {"1": 100}})
    assert first["golden"]["rows"] == 20
    assert max(first["golden"]["max_difference"], first["golden"]["endpoint_max_difference"]) < 1e-6
    parent = "projects/local-project/locations/us-central1"
    assert first["resources"] == [f"{parent}/models/flights@1", f"{parent}/endpoints/flights"]
    second = workspace.deploy(workspace.candidate(1.0, judged_against="1"), canary_percent=10)
    assert (second["endpoint"], second["aliases"]) == (
        {"traffic": {"1": 90, "2": 10}}, {"champion": 1, "challenger": 2},
    )  # fmt: skip
    again = workspace.deploy(workspace.candidate(1.0, judged_against="1"), NO_SERVER, canary_percent=10)
    assert (again["action"], again["version"]) == ("already_serving", 2)
    assert all(len(request.instances) == 20 for request in workspace.world.vertex.requests_of("Predict"))


def test_an_endpoint_that_says_something_else_is_put_back_and_the_reason_is_kept(
    workspace: Workspace,
) -> None:
    workspace.deploy(workspace.candidate(0.0))

    def otherwise(model: Any, instances: Sequence[Any], parameters: Any) -> Sequence[float]:
        right = as_the_server(model, instances, parameters)
        return [each + 1e-3 for each in right] if model.version_id == "2" else right

    workspace.world.vertex.endpoints.predictor = otherwise
    with pytest.raises(
        EndpointError, match=r"golden request 0: .* from the endpoint\. The traffic was taken"
    ):
        workspace.deploy(workspace.candidate(1.0))
    content = read_json(workspace.out / "deployment.json")
    assert (content["action"], content["version"], content["endpoint"]) == (
        "taken_back",
        2,
        {"traffic": {"1": 100}},
    )
    assert "golden request 0" in content["reasons"][0]
    assert (workspace.world.running, workspace.world.split) == ({1}, {"1": 100})
    workspace.world.vertex.endpoints.predictor = as_the_server
    assert workspace.deploy(workspace.candidate(1.0))["endpoint"] == {"traffic": {"2": 100}}


def test_a_version_that_was_rolled_back_is_left_alone(workspace: Workspace) -> None:
    workspace.deploy(workspace.candidate(0.0))
    workspace.deploy(workspace.candidate(1.0, source="s", inputs_digest="i"))
    workspace.world.open().roll_back("flights")
    again = workspace.deploy(workspace.candidate(1.1, source="s", inputs_digest="i"), NO_SERVER)
    assert (again["action"], again["version"]) == ("left_alone", 2)
    assert "python -m pipelines promote flights 2" in again["reasons"][0]


DEPLOY = """
import json, sys
from pathlib import Path
from components.deploy import core
from components.shared.stage.recording import silent
from components.deploy.settings import DeployStage
from components.shared.registry import Submission

settings, command, out, *paths = sys.argv[1:]
candidate = Submission(*map(Path, paths), {})
core.run(candidate, DeployStage.model_validate_json(settings), Path(out), silent, json.loads(command))
"""


def test_a_run_killed_with_its_version_on_trial_is_finished_by_the_same_run(workspace: Workspace) -> None:
    workspace.deploy(workspace.candidate(0.0))
    candidate = workspace.candidate(1.0)
    paths = map(str, (candidate.model, candidate.statistics, candidate.evaluation))
    arguments = [workspace.stage().model_dump_json(), json.dumps(FAKE), str(workspace.out), *paths]
    started: list[subprocess.Popen[bytes]] = []

    def deadly(model: Any, instances: Sequence[Any], parameters: Any) -> Sequence[float]:
        if model.version_id == "2":
            os.kill(started[0].pid, 9)
        return as_the_server(model, instances, parameters)

    workspace.world.vertex.endpoints.predictor = deadly
    started.append(subprocess.Popen([sys.executable, "-c", DEPLOY, *arguments], cwd=ROOT))
    assert started[0].wait(120) == -9
    assert workspace.world.split == {"1": 90, "2": 10}
    assert workspace.world.open().version("flights", 2).status == "on trial"
    workspace.world.vertex.endpoints.predictor = as_the_server
    assert workspace.deploy(candidate)["endpoint"] == {"traffic": {"2": 100}}
    assert len(workspace.world.open().versions("flights")) == 2


# --- commands ---------------------------------------------------------------------------------


@pytest.fixture
def there(workspace: Workspace) -> Settings:
    """The settings of `dev` at the loopback server, where two versions were champion."""
    workspace.deploy(workspace.candidate(0.0))
    workspace.deploy(workspace.candidate(1.0))
    vertex = workspace.world.vertex
    return load(
        "flights",
        "dev",
        [
            f"cloud.project={vertex.project}",
            f"cloud.bucket={str(workspace.world.bucket).removeprefix('gs://').strip('/')}",
            f"places.registry=vertex://{vertex.project}/{vertex.location}",
        ],
    )


def test_the_commands_look_at_the_endpoint_and_change_it(
    workspace: Workspace, there: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    serving.rollback(there)
    assert workspace.world.split == {"1": 100}
    shown = capfd.readouterr().out
    assert "versions of flights" in shown
    assert "rolled back" in shown
    serving.promote(there, 2)
    assert workspace.world.split == {"2": 100}
    capfd.readouterr()
    serving.predict(there, None, "")
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all("version 2" in line for line in lines)
    assert lines[0].startswith(f"{score(GOLDEN[0], 1.0):.4f}")


def test_rows_of_a_file_are_sent_to_the_endpoint(
    workspace: Workspace, there: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    path = workspace.world.folder / "rows.csv"
    path.write_text("distance,seats,carrier,origin,note\n100,,UA,JFK,x\n200,150,,EWR,y\n")
    serving.predict(there, path, "")
    lines = capfd.readouterr().out.splitlines()
    assert lines[1].startswith(f"{score({'distance': 200, 'seats': 150}, 1.0):.4f}")


def test_serve_is_of_this_machine_alone(there: Settings) -> None:
    with pytest.raises(SettingsError, match=r"servers run on Vertex AI.*pipelines predict flights --env dev"):
        serving.serve(there, "127.0.0.1", 0)
