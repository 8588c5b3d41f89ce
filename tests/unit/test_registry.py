"""The registry in a folder: whole after every move, crash and race; tests/contract has what holds for all."""

import datetime
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.registry import Submission, open_registry
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.folder import FolderRegistry
from configs.errors import RegistryError

ROOT = Path(__file__).parents[2]
Submit = Callable[[str], Submission]


def ticks() -> Iterator[datetime.datetime]:
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return (start + datetime.timedelta(minutes=minute) for minute in itertools.count())


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    clock = ticks()
    return FolderRegistry(tmp_path / "registry", clock=lambda: next(clock))


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Makes a submission whose model consists of the given weights."""

    def made(weights: str) -> Submission:
        folder = tmp_path / "runs" / weights
        for artifact in ("model/variables", "statistics", "evaluation"):
            (folder / artifact).mkdir(parents=True, exist_ok=True)
        (folder / "model/variables/data").write_text(weights)
        (folder / "statistics/statistics.pb").write_text("statistics")
        for file in ("metrics.json", "verdict.json", "golden.json"):
            (folder / "evaluation" / file).write_text("{}")
        (folder / "evaluation/large").mkdir(exist_ok=True)
        lineage = {"run_id": f"run-{weights}", "inputs_digest": "i1", "judged_against": ""}
        return Submission(folder / "model", folder / "statistics", folder / "evaluation", lineage)

    return made


@pytest.fixture
def three(registry: FolderRegistry, submit: Submit) -> FolderRegistry:
    """Versions 1, 2 and 3, each of them champion in its turn."""
    for weights in ("a", "b", "c"):
        number = registry.register("flights", submit(weights)).number
        registry.deploy("flights", number, 100)
    return registry


# --- versions -------------------------------------------------------------------------------


def test_a_version_says_itself_what_it_is(registry: FolderRegistry, submit: Submit) -> None:
    version = registry.register("flights", submit("a"))
    written = json.loads((version.folder / "version.json").read_text())
    assert written["version"] == 1
    assert written["created_at"] == "2026-01-01T00:00:00Z"
    assert written["lineage"]["run_id"] == "run-a"


def test_a_mistyped_name_leaves_no_folder(three: FolderRegistry, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="its models: flights, got 'fligths'"):
        three.promote("fligths", 1)
    three.reconcile("fligths")
    assert not (tmp_path / "registry/fligths").exists()


@pytest.mark.parametrize("uri", ["s3://bucket/registry", "output/registry", "file://", ""])
def test_a_registry_of_an_unknown_scheme_is_rejected(uri: str) -> None:
    with pytest.raises(RegistryError, match="expected file://FOLDER"):
        open_registry(uri)


# --- traffic --------------------------------------------------------------------------------


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("deploy"), st.integers(1, 5), st.integers(1, 100)),
        st.tuples(st.just("promote"), st.integers(1, 5), st.just(0)),
        st.tuples(st.just("rollback"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(deadline=None)  # no test is timed
@given(MOVES)
def test_no_sequence_of_moves_leaves_the_endpoint_without_a_champion(
    sequence: list[tuple[str, int, int]],
) -> None:
    endpoint = Endpoint()
    for move, version, percent in sequence:
        try:
            if move == "deploy":
                endpoint = endpoint.deploy(version, percent)
            elif move == "promote":
                endpoint = endpoint.promote(version)
            else:
                endpoint = endpoint.roll_back()
        except RegistryError:
            assert move == "rollback"
            continue
        assert endpoint.champion in endpoint.traffic
        assert sum(endpoint.traffic.values()) == 100
        assert not set(endpoint.traffic) & {*endpoint.former, *endpoint.rolled_back}
        assert not set(endpoint.former) & set(endpoint.rolled_back)
        assert len(set(endpoint.former)) == len(endpoint.former)


@pytest.mark.parametrize(
    ("aliases", "traffic"),
    [({"champion": 1}, {1: 90}), ({"champion": 1}, {2: 100}), ({"challenger": 1}, {1: 100}), ({}, {1: 100}),
     ({"champion": 1, "challenger": 2}, {1: 100, 2: 0})],
)  # fmt: skip
def test_an_impossible_endpoint_cannot_be_written_down(
    aliases: dict[str, int], traffic: dict[int, int]
) -> None:
    with pytest.raises(ValueError, match=r"traffic|aliases"):
        Endpoint.model_validate({"aliases": aliases, "traffic": traffic})


# --- cleaning up, crashes, two at once ------------------------------------------------------


@pytest.mark.parametrize("torn", [b"", b'{"sequence": 6, "at'])
def test_a_line_that_a_crash_kept_from_the_history_is_put_back(three: FolderRegistry, torn: bytes) -> None:
    path = three.root / "flights/history.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + torn)
    assert [event.sequence for event in three.history("flights")] == [1, 2, 3, 4, 5, 6]
    three.promote("flights", 3)  # changes nothing, but settles
    assert path.read_bytes() == whole


def test_a_registration_killed_in_the_middle_is_not_seen_and_leaves_nothing(
    three: FolderRegistry, submit: Submit
) -> None:
    versions = three.root / "flights/versions"
    shutil.copytree(versions / "3", versions / ".4.0a1b2c3d")
    (versions / ".4.0a1b2c3d/version.json").unlink()
    assert [version.number for version in three.versions("flights")] == [1, 2, 3]
    assert three.register("flights", submit("d")).number == 4
    assert sorted(path.name for path in versions.iterdir()) == ["1", "2", "3", "4"]


def test_a_version_that_a_killed_run_could_not_announce_is_taken_up(
    three: FolderRegistry, submit: Submit
) -> None:
    before = (three.root / "flights/endpoint.json").read_bytes()
    three.register("flights", submit("d"))
    (three.root / "flights/endpoint.json").write_bytes(before)
    assert three.register("flights", submit("d")).number == 4
    assert three.register("flights", submit("e")).number == 5


def test_a_damaged_file_is_named(three: FolderRegistry) -> None:
    (three.root / "flights/endpoint.json").write_text('{"endpoint": {"traffic": {"3": 40}}}')
    with pytest.raises(RegistryError, match=r"endpoint\.json.*must sum to 100"):
        three.champion("flights")


REGISTER_AND_DEPLOY = """
import sys
from pathlib import Path
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry

root, *folders = map(Path, sys.argv[1:])
registry = FolderRegistry(root)
registry.deploy("flights", registry.register("flights", Submission(*folders)).number, 100)
"""


def own_process(code: str, root: Path, submission: Submission) -> subprocess.Popen[bytes]:
    folders = (submission.model, submission.statistics, submission.evaluation)
    return subprocess.Popen([sys.executable, "-c", code, root, *map(str, folders)], cwd=ROOT)


def test_runs_at_once_each_get_a_version_and_one_of_them_serves(tmp_path: Path, submit: Submit) -> None:
    root = tmp_path / "registry"
    runs = [own_process(REGISTER_AND_DEPLOY, root, submit(weights)) for weights in "abcab"]
    assert [run.wait() for run in runs] == [0] * len(runs)
    registry = FolderRegistry(root)
    assert [version.number for version in registry.versions("flights")] == [1, 2, 3]
    assert list(registry.endpoint("flights").traffic.values()) == [100]
    events = registry.history("flights")
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))


KILLED_BY_ITS_CLOCK = """
import os, sys
from pathlib import Path
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry

root, *folders = map(Path, sys.argv[1:])
FolderRegistry(root, clock=lambda: os.kill(os.getpid(), 9)).register("flights", Submission(*folders))
"""


def test_a_registration_killed_with_the_lock_in_hand_leaves_the_registry_whole(
    three: FolderRegistry, submit: Submit
) -> None:
    assert own_process(KILLED_BY_ITS_CLOCK, three.root, submit("d")).wait() == -9
    assert three.endpoint("flights").traffic == {3: 100}
    assert three.register("flights", submit("d")).number == 4
