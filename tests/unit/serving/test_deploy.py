"""Deployment: nothing moves before the server has proved itself, and a run killed anywhere is run again."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from kfp import dsl

from components.deploy import core
from components.deploy.settings import DeployStage
from components.shared.files.artifacts import read_json
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry
from components.shared.stage.recording import silent
from configs.errors import EndpointError, RegistryError

ROOT = Path(__file__).parents[3]
NO_SERVER = (sys.executable, "-c", "raise SystemExit('must not be started')")
GOLDEN = [
    {"distance": 100.0 * number, "seats": None if number % 3 else 150, "carrier": carrier, "origin": "JFK"}
    for number in range(5)
    for carrier in ("UA", "AA", "", "ZZ")
]


@dataclass
class World:
    """A registry, candidates for it, and the fake server."""

    folder: Path
    fake: Sequence[str]
    fake_model: Callable[..., Path]
    expected: Callable[..., float]

    @property
    def registry(self) -> FolderRegistry:
        """The registry that the candidates go to."""
        return FolderRegistry(self.folder / "registry")

    @property
    def traffic(self) -> dict[int, int]:
        """Who serves."""
        return self.registry.endpoint("flights").traffic

    def stage(self, **deployment: Any) -> DeployStage:
        """The stage's settings."""
        registry = f"file://{self.folder}/registry"
        content = {"name": "flights", "registry": registry, "deployment": deployment}
        return DeployStage.model_validate(content)

    def candidate(
        self, shift: float = 0.0, model: Path | None = None, /, decision: str = "deploy", **lineage: str
    ) -> Submission:
        """A model that adds `shift`, with golden requests and a verdict."""
        made = model or self.fake_model(shift)
        evaluation, statistics = self.folder / f"evaluation-{made.name}", self.folder / "statistics"
        for folder in (evaluation, statistics):
            folder.mkdir(exist_ok=True)
        scores = [self.expected(instance, shift) for instance in GOLDEN]
        passed = {"passed": True, "sentence": "AUC is high enough"}
        judged = {"passed": decision == "deploy", "sentence": "AUC fell"}
        write(evaluation / "golden.json", {"instances": GOLDEN, "scores": scores})
        write(evaluation / "verdict.json", {"decision": decision, "reasons": [passed, judged]})
        write(evaluation / "metrics.json", {})
        return Submission(made, statistics, evaluation, lineage)

    def deploy(
        self, candidate: Submission, command: Sequence[str] | None = None, **deployment: Any
    ) -> dict[str, Any]:
        """Deploy with the fake server and read deployment.json."""
        out = self.folder / "deployment"
        core.run(candidate, self.stage(**deployment), out, silent, command or self.fake)
        content: dict[str, Any] = read_json(out / "deployment.json")
        return content

    def put(self, candidate: Submission) -> Submission:
        """Make it the champion without asking any server, as an earlier run would have left it."""
        self.registry.deploy("flights", self.registry.register("flights", candidate).number, 100)
        return candidate


@pytest.fixture
def world(
    tmp_path: Path, fake: Sequence[str], fake_model: Callable[..., Path], expected: Callable[..., float]
) -> World:
    return World(tmp_path, fake, fake_model, expected)


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


# --- through the real server ----------------------------------------------------------------


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., Any]:
    """Makes KFP artifacts, as the runner would hand them to a component."""
    return lambda name, path=None: dsl.Artifact(name=name, uri=str(path or tmp_path / "out" / name))


def test_the_component_deploys_a_saved_model_through_the_real_server(
    world: World, saved_model: Path, artifact: Callable[..., Any]
) -> None:
    from components.deploy.component import deploy as component

    candidate = world.candidate(0.0, saved_model)
    deployment = artifact("deployment")
    component.python_func(
        model=artifact("model", candidate.model),
        evaluation=artifact("evaluation", candidate.evaluation),
        statistics=artifact("statistics", candidate.statistics),
        run_id="",
        job="run-1",
        source="s1",
        inputs_digest="i1",
        champion_version="",
        settings=world.stage().model_dump_json(),
        deployment=deployment,
    )
    content = read_json(Path(deployment.path) / "deployment.json")
    assert content["golden"]["rows"] == 20
    assert content["golden"]["max_difference"] < 1e-6
    assert {key: content[key] for key in ("version", "action", "endpoint", "aliases")} == {
        "version": 1,
        "action": "deployed",
        "endpoint": {"traffic": {"1": 100}},
        "aliases": {"champion": 1},
    }
    champion = world.registry.champion("flights")
    assert champion is not None
    assert champion.lineage == {
        "run_id": "run-1", "source": "s1", "inputs_digest": "i1", "judged_against": "",
    }  # fmt: skip


def test_a_failed_gate_deploys_nothing_and_says_why(world: World, artifact: Callable[..., Any]) -> None:
    from components.deploy.rejection import reject

    deployment = artifact("deployment")
    candidate = world.candidate(decision="reject")
    reject.python_func(
        evaluation=artifact("evaluation", candidate.evaluation),
        statistics=artifact("statistics", candidate.statistics),
        deployment=deployment,
    )
    assert read_json(Path(deployment.path) / "deployment.json") == {
        "version": None,
        "action": "rejected",
        "endpoint": {"traffic": {}},
        "aliases": {},
        "golden": None,
        "reasons": ["AUC fell"],
    }


# --- what is done, and what is left -----------------------------------------------------------


def test_a_candidate_that_did_not_pass_is_rejected_though_the_graph_let_it_in(world: World) -> None:
    with pytest.raises(RegistryError, match=r"verdict\.json: expected decision 'deploy', got 'reject'"):
        world.deploy(world.candidate(decision="reject"))
    assert world.registry.versions("flights") == []


def test_a_model_that_serves_is_left_serving_without_a_server_being_started(world: World) -> None:
    candidate = world.candidate(judged_against="")
    assert world.deploy(candidate)["action"] == "deployed"
    again = world.deploy(candidate, command=NO_SERVER)
    assert (again["action"], again["version"], again["golden"]) == ("already_serving", 1, None)
    assert again["endpoint"] == {"traffic": {"1": 100}}
    assert [event.event for event in world.registry.history("flights")] == ["register", "deploy"]


def test_a_later_version_starts_as_challenger_with_its_share(world: World) -> None:
    world.put(world.candidate())
    candidate = world.candidate(1.0, judged_against="1")
    assert world.deploy(candidate, canary_percent=10) == {
        "version": 2,
        "action": "deployed",
        "endpoint": {"traffic": {"1": 90, "2": 10}},
        "aliases": {"champion": 1, "challenger": 2},
        "golden": {"rows": 20, "max_difference": pytest.approx(0.0, abs=1e-6)},
        "reasons": [],
    }
    assert world.deploy(candidate, command=NO_SERVER, canary_percent=10)["action"] == "already_serving"


def test_a_version_that_was_rolled_back_is_left_alone_and_the_command_to_go_back_is_named(
    world: World,
) -> None:
    world.put(world.candidate())
    candidate = world.put(world.candidate(1.0, source="s", inputs_digest="i"))
    world.registry.roll_back("flights")
    again = world.deploy(candidate, command=NO_SERVER)
    assert (again["action"], again["version"]) == ("left_alone", 2)
    assert again["endpoint"] == {"traffic": {"1": 100}}
    assert "python -m pipelines promote flights 2" in again["reasons"][0]
    trained_anew = world.candidate(1.1, source="s", inputs_digest="i")
    assert world.deploy(trained_anew, command=NO_SERVER)["action"] == "left_alone"
    assert len(world.registry.versions("flights")) == 2
    world.registry.promote("flights", 2)
    assert world.deploy(candidate, command=NO_SERVER)["action"] == "already_serving"


def test_a_model_made_from_the_inputs_of_the_champion_is_the_champion_to_a_run_that_stands_on_its_predecessor(
    world: World,
) -> None:
    """As after `--no-cache`: the champion is a new model, the next run has the old one from the cache."""
    inputs = {"source": "s", "inputs_digest": "i"}
    first = world.put(world.candidate(0.0, source="s", inputs_digest="i", judged_against=""))
    world.put(world.candidate(0.1, source="s", inputs_digest="i", judged_against="1"))
    assert world.traffic == {2: 100}
    stands_on_the_predecessor = replace(first, lineage={**inputs, "judged_against": "1"})
    again = world.deploy(stands_on_the_predecessor, command=NO_SERVER)
    assert (again["action"], again["version"]) == ("already_serving", 2)


def test_other_inputs_are_deployed_after_a_rollback(world: World) -> None:
    world.put(world.candidate())
    world.put(world.candidate(1.0, source="s", inputs_digest="i"))
    world.registry.roll_back("flights")
    fixed = world.candidate(1.1, source="s", inputs_digest="fixed", judged_against="1")
    assert world.deploy(fixed)["endpoint"] == {"traffic": {"3": 100}}


def test_a_candidate_judged_against_another_champion_is_rejected_before_any_work(world: World) -> None:
    world.put(world.candidate())
    with pytest.raises(RegistryError, match="champion, version 1, got one judged against version none"):
        world.deploy(world.candidate(1.0, judged_against=""), command=NO_SERVER)
    assert len(world.registry.versions("flights")) == 1


@pytest.mark.parametrize(("inputs", "ends_well"), [("i", True), ("other", False)])
def test_of_two_runs_at_once_the_slower_leaves_the_quicker_one_serving(
    world: World, inputs: str, ends_well: bool
) -> None:
    """With the same inputs it is the same model: nothing is left to do. With others it was misjudged."""
    lineage = {"source": "s", "judged_against": ""}
    slower = world.candidate(0.0, inputs_digest="i", **lineage)
    quicker = world.candidate(0.1, inputs_digest=inputs, **lineage)

    def overtaken(what: str, done: int, total: int | None = None, **_: Any) -> None:  # noqa: ARG001 - as Progress
        if what == "moving traffic":
            world.put(quicker)

    out = world.folder / "deployment"
    expected = nullcontext() if ends_well else pytest.raises(RegistryError, match="champion changed")
    with expected:
        core.run(slower, world.stage(), out, overtaken, world.fake)
        assert read_json(out / "deployment.json")["action"] == "already_serving"
    assert world.traffic == {2: 100}


def test_old_versions_are_cleaned_up(world: World) -> None:
    for shift in (0.0, 0.1):
        world.put(world.candidate(shift))
    world.deploy(world.candidate(0.2), keep_versions=1)
    assert [version.number for version in world.registry.versions("flights")] == [2, 3]


# --- a server that does not prove itself --------------------------------------------------------


def golden_with(candidate: Submission, **changes: Any) -> Submission:
    path = Path(str(candidate.evaluation), "golden.json")
    write(path, {**read_json(path), **changes})
    return candidate


def test_a_served_score_that_differs_from_the_offline_one_moves_nothing(world: World) -> None:
    world.put(world.candidate())
    scores = [world.expected(instance, 1.0) for instance in GOLDEN]
    scores[7] += 1e-3
    candidate = world.candidate(1.0)
    golden_with(candidate, scores=scores, keys=[f"flight {row}" for row in range(len(GOLDEN))])
    with pytest.raises(EndpointError, match=r"golden request 7 \(flight 7\): expected the offline score"):
        world.deploy(candidate)
    assert world.traffic == {1: 100}
    assert world.registry.version("flights", 2).status == "registered"
    assert not (world.folder / "deployment/deployment.json").exists()
    assert world.deploy(candidate, tolerance=1e-2)["endpoint"] == {"traffic": {"2": 100}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instances": [], "scores": []}, "expected golden requests, each with its offline score"),
        ({"scores": [0.5]}, "got 20 instances and 1 scores"),
        ({"instances": [{"gate": "A1"}], "scores": [0.5]}, "got 400 .*unknown field 'gate'"),
        ({"instances": [GOLDEN[0]], "scores": [float("nan")]}, "expected the offline score nan"),
    ],
)  # fmt: skip
def test_golden_requests_that_cannot_be_compared_with_the_server_move_nothing(
    world: World, changes: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(EndpointError, match=message):
        world.deploy(golden_with(world.candidate(), **changes))
    assert world.registry.champion("flights") is None


def test_a_server_that_does_not_start_is_reported_with_its_last_line(world: World) -> None:
    folder = world.fake_model()
    (folder / "broken").touch()
    with pytest.raises(EndpointError, match=r"exit status 1: ModelError: .*got a broken one"):
        world.deploy(world.candidate(0.0, folder))
    assert world.traffic == {}


def test_a_server_that_is_not_healthy_in_time_is_reported(world: World) -> None:
    silent_server = (sys.executable, "-c", "import sys; sys.stdin.read()")
    with pytest.raises(EndpointError, match=r"healthy within 1 s.*larger deployment\.start_seconds"):
        world.deploy(world.candidate(), command=silent_server, start_seconds=1)


# --- killed -------------------------------------------------------------------------------------

KILLED_AT = """
import json, os, psutil, sys
from pathlib import Path
from components.deploy import core
from components.deploy.settings import DeployStage
from components.shared.registry import Submission

step, settings, command, out, *paths = sys.argv[1:]

def kill(what, done, total=None):
    if what == step:
        print(json.dumps([child.pid for child in psutil.Process().children()]), flush=True)
        os.kill(os.getpid(), 9)

candidate = Submission(*map(Path, paths), {})
core.run(candidate, DeployStage.model_validate_json(settings), Path(out), kill, json.loads(command))
"""


@pytest.mark.parametrize(
    "step", ["registering", "starting the server", "asking golden requests", "moving traffic"]
)
def test_a_run_killed_anywhere_leaves_the_champion_serving_and_is_run_again(world: World, step: str) -> None:
    world.put(world.candidate())
    candidate = world.candidate(1.0)
    paths = candidate.model, candidate.statistics, candidate.evaluation
    settings = world.stage().model_dump_json()
    out = str(world.folder / "deployment")
    arguments = [step, settings, json.dumps(world.fake), out, *map(str, paths)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert world.traffic == {1: 100}
    orphans = [psutil.Process(pid) for pid in json.loads(killed.stdout) if psutil.pid_exists(pid)]
    assert psutil.wait_procs(orphans, timeout=10)[1] == []
    assert world.deploy(candidate)["endpoint"] == {"traffic": {"2": 100}}
    assert len(world.registry.versions("flights")) == 2
