"""The registry: versions, aliases and traffic, whole after every move, crash and race."""

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

from components.registry import Submission, open_registry
from components.registry import endpoint as moves
from components.registry.endpoint import Endpoint
from components.registry.folder import FolderRegistry
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


def test_a_registered_version_is_complete_and_knows_its_origin(
    registry: FolderRegistry, submit: Submit
) -> None:
    registry.register("flights", submit("a"))
    version = registry.version("flights", 1)
    assert (version.model / "variables/data").read_text() == "a"
    assert (version.statistics / "statistics.pb").is_file()
    assert sorted(path.name for path in version.evaluation.iterdir()) == [
        "golden.json", "metrics.json", "verdict.json",
    ]  # fmt: skip
    assert version.lineage["run_id"] == "run-a"
    assert (version.inputs_digest, version.judged_against) == ("i1", "")
    assert version.status == "registered"
    written = json.loads((version.folder / "version.json").read_text())
    assert written["version"] == 1
    assert written["created_at"] == "2026-01-01T00:00:00Z"


def test_the_same_model_is_registered_once(registry: FolderRegistry, submit: Submit) -> None:
    first = registry.register("flights", submit("a"))
    again = registry.register("flights", submit("a"))
    assert again.number == first.number
    assert len(registry.versions("flights")) == 1
    assert [event.event for event in registry.history("flights")] == ["register"]


def test_a_number_is_never_used_twice(three: FolderRegistry, submit: Submit) -> None:
    three.register("flights", submit("d"))
    three.register("flights", submit("e"))
    three.clean_up("flights", keep=1)
    assert three.register("flights", submit("f")).number == 6


def test_models_of_two_names_do_not_meet(registry: FolderRegistry, submit: Submit) -> None:
    registry.register("flights", submit("a"))
    registry.register("trips", submit("b"))
    assert registry.names() == ["flights", "trips"]
    assert [version.number for version in registry.versions("trips")] == [1]


def test_an_unknown_version_alias_or_model_is_answered_by_what_exists(
    three: FolderRegistry, tmp_path: Path
) -> None:
    with pytest.raises(RegistryError, match=r"flights.*versions 1, 2, 3, got version 7"):
        three.version("flights", 7)
    with pytest.raises(RegistryError, match=r"champion \(version 3\), got 'challenger'"):
        three.promote("flights")
    with pytest.raises(RegistryError, match="its models: flights, got 'fligths'"):
        three.promote("fligths", 1)
    with pytest.raises(RegistryError, match=r"got '\.\./elsewhere'"):
        three.endpoint("../elsewhere")
    assert not (tmp_path / "registry/fligths").exists()
    assert three.versions("trips") == []
    assert three.champion("trips") is None


@pytest.mark.parametrize("uri", ["s3://bucket/registry", "output/registry", "file://", ""])
def test_a_registry_of_an_unknown_scheme_is_refused(uri: str) -> None:
    with pytest.raises(RegistryError, match="expected file://FOLDER"):
        open_registry(uri)


# --- traffic --------------------------------------------------------------------------------


def test_the_first_version_takes_all_traffic_whatever_the_canary_says(
    registry: FolderRegistry, submit: Submit
) -> None:
    registry.register("flights", submit("a"))
    assert registry.deploy("flights", 1, 10).traffic == {1: 100}


def test_a_canary_shares_the_traffic_until_it_is_promoted(registry: FolderRegistry, submit: Submit) -> None:
    for weights in ("a", "b"):
        registry.register("flights", submit(weights))
    registry.deploy("flights", 1, 100)
    assert registry.deploy("flights", 2, 10).traffic == {1: 90, 2: 10}
    assert registry.alias("flights", "challenger").number == 2
    endpoint = registry.promote("flights")
    assert (endpoint.champion, endpoint.traffic, endpoint.former) == (2, {2: 100}, (1,))


def test_a_rollback_withdraws_the_challenger_first_then_the_champion(
    three: FolderRegistry, submit: Submit
) -> None:
    three.register("flights", submit("d"))
    three.deploy("flights", 4, 25)
    assert three.roll_back("flights").traffic == {3: 100}
    assert three.roll_back("flights").traffic == {2: 100}
    assert three.roll_back("flights").traffic == {1: 100}
    assert {v.number: v.status for v in three.versions("flights")} == {
        1: "champion", 2: "rolled back", 3: "rolled back", 4: "rolled back",
    }  # fmt: skip
    with pytest.raises(RegistryError, match="expected a former champion, got version 1"):
        three.roll_back("flights")


def test_promoting_a_version_forgives_its_rollback(three: FolderRegistry) -> None:
    three.roll_back("flights")
    endpoint = three.promote("flights", 3)
    assert (endpoint.traffic, endpoint.rolled_back, endpoint.former) == ({3: 100}, (), (1, 2))


def test_promoting_the_champion_passes_the_challenger_over(three: FolderRegistry, submit: Submit) -> None:
    three.register("flights", submit("d"))
    three.deploy("flights", 4, 25)
    endpoint = three.promote("flights", 3)
    assert (endpoint.traffic, endpoint.rolled_back) == ({3: 100}, (4,))


def test_a_candidate_judged_against_a_former_champion_does_not_move_traffic(
    three: FolderRegistry, submit: Submit
) -> None:
    three.register("flights", submit("d"))
    with pytest.raises(RegistryError, match=r"champion, version 3, got one judged against version 2"):
        three.deploy("flights", 4, 100, judged_against="2")
    assert three.endpoint("flights").traffic == {3: 100}
    assert three.deploy("flights", 4, 100, judged_against="3").traffic == {4: 100}


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
                endpoint = moves.deployed(endpoint, version, percent)
            elif move == "promote":
                endpoint = moves.promoted(endpoint, version)
            else:
                endpoint = moves.rolled_back(endpoint)
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


def test_clean_up_keeps_what_serves_and_what_a_rollback_needs(three: FolderRegistry, submit: Submit) -> None:
    for weights in ("d", "e", "f"):
        three.register("flights", submit(weights))
    three.deploy("flights", 4, 10)
    assert three.clean_up("flights", keep=1) == [1, 5]
    assert [version.number for version in three.versions("flights")] == [2, 3, 4, 6]
    assert three.endpoint("flights").former == (2,)
    three.roll_back("flights")
    assert three.roll_back("flights").traffic == {2: 100}


def test_every_event_is_in_the_history(three: FolderRegistry) -> None:
    three.roll_back("flights")
    three.promote("flights", 3)
    three.promote("flights", 3)  # changes nothing
    events = three.history("flights")
    assert [event.event for event in events] == [*["register", "deploy"] * 3, "rollback", "promote"]
    assert [event.sequence for event in events] == list(range(1, 9))
    assert events[-2].traffic == {2: 100}


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
from components.registry import Submission
from components.registry.folder import FolderRegistry

root, *folders = map(Path, sys.argv[1:])
registry = FolderRegistry(root)
registry.deploy("flights", registry.register("flights", Submission(*folders)).number, 100)
"""


def own_process(code: str, root: Path, submission: Submission) -> subprocess.Popen[bytes]:
    folders = (submission.model, submission.statistics, submission.evaluation)
    return subprocess.Popen([sys.executable, "-c", code, root, *folders], cwd=ROOT)


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
from components.registry import Submission
from components.registry.folder import FolderRegistry

root, *folders = map(Path, sys.argv[1:])
FolderRegistry(root, clock=lambda: os.kill(os.getpid(), 9)).register("flights", Submission(*folders))
"""


def test_a_registration_killed_with_the_lock_in_hand_leaves_the_registry_whole(
    three: FolderRegistry, submit: Submit
) -> None:
    assert own_process(KILLED_BY_ITS_CLOCK, three.root, submit("d")).wait() == -9
    assert three.endpoint("flights").traffic == {3: 100}
    assert three.register("flights", submit("d")).number == 4
