"""What holds for every registry: in a folder, and on Vertex AI as the unmodified client sees it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from components.shared.files.artifacts import read_json
from components.shared.files.storage import storage
from components.shared.registry import Registry, Submission
from components.shared.registry.folder import FolderRegistry
from configs.errors import RegistryError
from tests.contract.registries import submission, vertex_registry

Submit = Callable[[str], Submission]


@pytest.fixture(params=["folder", "vertex"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Registry]:
    """Opens the same registry anew."""
    if request.param == "folder":
        return lambda: FolderRegistry(tmp_path / "registry")
    vertex, bucket = request.getfixturevalue("vertex"), request.getfixturevalue("bucket")
    return lambda: vertex_registry(vertex, bucket)


@pytest.fixture
def registry(make: Callable[[], Registry]) -> Registry:
    return make()


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Makes a submission whose model consists of the given weights."""
    return lambda weights: submission(tmp_path, weights)


@pytest.fixture
def three(registry: Registry, submit: Submit) -> Registry:
    """Versions 1, 2 and 3, each of them champion in its turn."""
    for weights in ("a", "b", "c"):
        registry.deploy("flights", registry.register("flights", submit(weights)).number, 100)
    return registry


# --- versions -------------------------------------------------------------------------------


def test_a_registered_version_is_complete_and_knows_its_origin(registry: Registry, submit: Submit) -> None:
    registered = registry.register("flights", submit("a"))
    version = registry.version("flights", 1)
    assert version == registered
    assert (version.model / "variables/data").read_text() == "a"
    assert (version.statistics / "statistics.pb").read_text() == "statistics"
    assert storage(version.evaluation).files(version.evaluation) == [
        "golden.json", "metrics.json", "verdict.json",
    ]  # fmt: skip
    assert version.lineage == {"run_id": "run-a", "inputs_digest": "i1", "judged_against": ""}
    assert (version.name, version.number, version.status) == ("flights", 1, "registered")
    assert (version.lineage["inputs_digest"], version.lineage["judged_against"]) == ("i1", "")
    assert version.created_at.utcoffset() is not None
    assert read_json(version.folder / "version.json")["lineage"] == version.lineage
    assert registry.find("flights", version.model_digest) == version
    assert registry.find("flights", "0" * 32) is None


def test_the_same_model_is_registered_once(registry: Registry, submit: Submit) -> None:
    first = registry.register("flights", submit("a"))
    again = registry.register("flights", submit("a"))
    assert again.number == first.number
    assert len(registry.versions("flights")) == 1
    assert [event.event for event in registry.history("flights")] == ["register"]


def test_a_number_is_never_used_twice(three: Registry, submit: Submit) -> None:
    three.register("flights", submit("d"))
    three.register("flights", submit("e"))
    three.clean_up("flights", keep=1)
    assert three.register("flights", submit("f")).number == 6


def test_models_of_two_names_do_not_meet(registry: Registry, submit: Submit) -> None:
    assert registry.names() == []
    registry.register("flights", submit("a"))
    registry.register("trips", submit("b"))
    assert registry.names() == ["flights", "trips"]
    assert [version.number for version in registry.versions("trips")] == [1]


def test_an_unknown_version_alias_or_model_is_answered_by_what_exists(three: Registry) -> None:
    with pytest.raises(RegistryError, match=r"flights.*versions 1, 2, 3, got version 7"):
        three.version("flights", 7)
    with pytest.raises(RegistryError, match=r"flights.*versions 1, 2, 3, got version 7"):
        three.deploy("flights", 7, 100)
    with pytest.raises(RegistryError, match=r"champion \(version 3\), got 'challenger'"):
        three.promote("flights")
    with pytest.raises(RegistryError, match="its models: flights, got 'fligths'"):
        three.promote("fligths", 1)
    with pytest.raises(RegistryError, match="its models: flights, got 'fligths'"):
        three.roll_back("fligths")
    with pytest.raises(RegistryError, match=r"got '\.\./elsewhere'"):
        three.endpoint("../elsewhere")
    assert three.names() == ["flights"]
    three.reconcile("trips")
    assert three.versions("trips") == []
    assert three.champion("trips") is None
    assert three.history("trips") == []


# --- traffic --------------------------------------------------------------------------------


def test_before_the_first_deployment_nobody_serves(registry: Registry, submit: Submit) -> None:
    registry.register("flights", submit("a"))
    endpoint = registry.endpoint("flights")
    assert (endpoint.aliases, endpoint.traffic, registry.champion("flights")) == ({}, {}, None)
    with pytest.raises(RegistryError, match="expected a champion"):
        registry.roll_back("flights")


def test_the_first_version_takes_all_traffic_whatever_the_canary_says(
    registry: Registry, submit: Submit
) -> None:
    registry.register("flights", submit("a"))
    assert registry.deploy("flights", 1, 10).traffic == {1: 100}
    assert registry.endpoint("flights").traffic == {1: 100}


def test_a_canary_shares_the_traffic_until_it_is_promoted(registry: Registry, submit: Submit) -> None:
    for weights in ("a", "b"):
        registry.register("flights", submit(weights))
    registry.deploy("flights", 1, 100)
    assert registry.deploy("flights", 2, 10).traffic == {1: 90, 2: 10}
    assert registry.endpoint("flights").traffic == {1: 90, 2: 10}
    assert registry.alias("flights", "challenger").number == 2
    endpoint = registry.promote("flights")
    assert (endpoint.champion, endpoint.traffic, endpoint.former) == (2, {2: 100}, (1,))
    assert registry.endpoint("flights") == endpoint


def test_a_second_challenger_takes_the_place_of_the_first(three: Registry, submit: Submit) -> None:
    for number, weights in ((4, "d"), (5, "e")):
        three.register("flights", submit(weights))
        three.deploy("flights", number, 20)
    assert three.endpoint("flights").traffic == {3: 80, 5: 20}
    assert three.version("flights", 4).status == "registered"


def test_a_rollback_withdraws_the_challenger_first_then_the_champion(three: Registry, submit: Submit) -> None:
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


def test_promoting_a_version_forgives_its_rollback(three: Registry) -> None:
    three.roll_back("flights")
    endpoint = three.promote("flights", 3)
    assert (endpoint.traffic, endpoint.rolled_back, endpoint.former) == ({3: 100}, (), (1, 2))
    assert three.endpoint("flights") == endpoint


def test_promoting_the_champion_passes_the_challenger_over(three: Registry, submit: Submit) -> None:
    three.register("flights", submit("d"))
    three.deploy("flights", 4, 25)
    endpoint = three.promote("flights", 3)
    assert (endpoint.traffic, endpoint.rolled_back) == ({3: 100}, (4,))


def test_a_candidate_judged_against_a_former_champion_does_not_move_traffic(
    three: Registry, submit: Submit
) -> None:
    three.register("flights", submit("d"))
    with pytest.raises(RegistryError, match=r"champion, version 3, got one judged against version 2"):
        three.deploy("flights", 4, 100, judged_against="2")
    assert three.endpoint("flights").traffic == {3: 100}
    assert three.deploy("flights", 4, 100, judged_against="3").traffic == {4: 100}


# --- cleaning up, history, two at once --------------------------------------------------------


def test_clean_up_keeps_what_serves_and_what_a_rollback_needs(three: Registry, submit: Submit) -> None:
    for weights in ("d", "e", "f"):
        three.register("flights", submit(weights))
    three.deploy("flights", 4, 10)
    files = three.version("flights", 1).folder
    assert three.clean_up("flights", keep=1) == [1, 5]
    assert [version.number for version in three.versions("flights")] == [2, 3, 4, 6]
    assert not (files / "version.json").exists()
    assert three.endpoint("flights").former == (2,)
    three.roll_back("flights")
    assert three.roll_back("flights").traffic == {2: 100}


def test_clean_up_of_versions_that_never_served_keeps_the_newest(registry: Registry, submit: Submit) -> None:
    for weights in ("a", "b", "c"):
        registry.register("flights", submit(weights))
    assert registry.clean_up("flights", keep=1) == [1, 2]
    assert [version.number for version in registry.versions("flights")] == [3]


def test_every_event_is_in_the_history(three: Registry) -> None:
    three.roll_back("flights")
    three.promote("flights", 3)
    three.promote("flights", 3)  # changes nothing
    events = three.history("flights")
    assert [event.event for event in events] == [*["register", "deploy"] * 3, "rollback", "promote"]
    assert [event.sequence for event in events] == list(range(1, 9))
    assert [event.version for event in events] == [1, 1, 2, 2, 3, 3, 2, 3]
    assert events[-2].traffic == {2: 100}
    three.reconcile("flights")
    assert three.history("flights") == events


def test_runs_at_once_each_get_a_version_and_one_of_them_serves(
    make: Callable[[], Registry], submit: Submit
) -> None:
    errors: list[Exception] = []
    submissions = {weights: submit(weights) for weights in "abc"}

    def run(weights: str) -> None:
        registry = make()
        try:
            registry.deploy("flights", registry.register("flights", submissions[weights]).number, 100)
        except Exception as error:  # noqa: BLE001 - a thread's own would get lost
            errors.append(error)

    runs = [threading.Thread(target=run, args=(weights,)) for weights in "abcab"]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    registry = make()
    digests = [version.model_digest for version in registry.versions("flights")]
    assert len(digests) == len(set(digests)) == 3
    assert all("changed it meanwhile" in str(error) for error in errors), errors
    assert list(registry.endpoint("flights").traffic.values()) == [100]
    events = registry.history("flights")
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
