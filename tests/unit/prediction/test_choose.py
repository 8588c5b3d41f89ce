"""What a batch prediction stands on: the champion or a named version, and its stamp."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.choose import core
from components.choose.core import Choice, Stamp
from components.choose.settings import ChooseStage
from components.shared.files.artifacts import read_json
from components.shared.registry import Submission
from components.shared.registry.folder import FolderRegistry
from configs.errors import ModelError, QueryError, RegistryError, SettingsError
from configs.rows import Source

FEATURES = {"numeric": ["distance"], "categorical": ["carrier"]}
GIVEN = Stamp("run-1", "2020-05-01T12:00:00+02:00")
NOTHING = Stamp("", "")


@pytest.fixture
def registry(tmp_path: Path) -> FolderRegistry:
    """Version 1, the champion, and version 2, its challenger."""
    found = FolderRegistry(tmp_path / "registry")
    for number in (1, 2):
        folder = tmp_path / f"run-{number}"
        for artifact in ("model", "statistics", "evaluation"):
            (folder / artifact).mkdir(parents=True)
        (folder / "model/model.json").write_text(json.dumps({"features": FEATURES, "number": number}))
        for name in ("metrics.json", "verdict.json", "golden.json"):
            (folder / "evaluation" / name).write_text("{}")
        found.register("flights", Submission(folder / "model", folder / "statistics", folder / "evaluation"))
    found.deploy("flights", 1, 100)
    found.deploy("flights", 2, 10)
    return found


@pytest.fixture
def stage(tmp_path: Path) -> ChooseStage:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"id": ["a"], "distance": [1.0]}), tmp_path / "data/flights.parquet")
    return ChooseStage(
        name="flights",
        registry=f"file://{tmp_path / 'registry'}",
        source=Source(uri=f"file://{tmp_path / 'data'}"),
        examples="",
    )


def chosen(stage: ChooseStage, version: str = "", given: Stamp = GIVEN, job: Stamp = NOTHING) -> Choice:
    out = Path(stage.registry.removeprefix("file://")).with_name("choice")
    return core.run(stage, version, given, job, out)


def test_the_champion_scores_where_no_version_is_named(
    registry: FolderRegistry, stage: ChooseStage, tmp_path: Path
) -> None:
    choice = chosen(stage)
    assert choice.version == "1"
    assert Path(choice.model) == registry.version("flights", 1).model
    assert json.loads(choice.features) == FEATURES
    content = read_json(tmp_path / "choice/choice.json")
    assert choice._asdict().items() <= content.items()
    assert (content["name"], content["status"], content["resources"]) == ("flights", "champion", [])


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("version", "number"), [("2", "2"), ("challenger", "2"), ("champion", "1")])
def test_a_version_is_named_by_number_or_alias(stage: ChooseStage, version: str, number: str) -> None:
    assert chosen(stage, version).version == number


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("version", "known"), [("3", "versions 1, 2"), ("best", "champion")])
def test_an_unknown_version_is_answered_with_the_known_ones(
    stage: ChooseStage, version: str, known: str
) -> None:
    with pytest.raises(RegistryError, match=known):
        chosen(stage, version)


def test_without_a_champion_the_remedy_is_to_train_one_or_to_name_a_version(
    registry: FolderRegistry, stage: ChooseStage
) -> None:
    other = stage.model_copy(update={"name": "planes"})
    with pytest.raises(RegistryError, match="python -m pipelines run planes"):
        chosen(other)
    folder = registry.version("flights", 1).folder
    registry.register("planes", Submission(folder / "model", folder / "statistics", folder / "evaluation"))
    with pytest.raises(RegistryError, match=r"none, of the versions 1\. Name one: --version N"):
        chosen(other)


def test_a_version_that_does_not_say_its_features_is_rejected(
    registry: FolderRegistry, stage: ChooseStage
) -> None:
    Path(str(registry.version("flights", 1).model), "model.json").unlink()
    with pytest.raises(ModelError, match=r"model\.json.*Train again, or name another version"):
        chosen(stage)


@pytest.mark.usefixtures("registry")
def test_the_source_is_identified_by_its_content(stage: ChooseStage, tmp_path: Path) -> None:
    before = chosen(stage).source
    assert chosen(stage).source == before
    pq.write_table(pa.table({"id": ["b"], "distance": [1.0]}), tmp_path / "data/flights.parquet")
    assert chosen(stage).source != before


@pytest.mark.usefixtures("registry")
def test_the_stamp_is_as_given_in_utc_or_else_that_of_the_job(stage: ChooseStage) -> None:
    job = Stamp("job-9", "2021-01-02T03:04:05.123456789Z")
    given = chosen(stage, job=job)
    assert (given.run_id, given.scored_at) == ("run-1", "2020-05-01T10:00:00+00:00")
    otherwise = chosen(stage, given=NOTHING, job=job)
    assert (otherwise.run_id, otherwise.scored_at) == ("job-9", "2021-01-02T03:04:05.123456+00:00")


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("scored_at", ["", "yesterday"])
def test_predictions_without_an_instant_are_rejected(stage: ChooseStage, scored_at: str) -> None:
    with pytest.raises(SettingsError, match="scored_at: expected an instant like 2013-12-31T06:00:00Z"):
        chosen(stage, given=Stamp("run-1", scored_at))


@pytest.mark.usefixtures("registry")
def test_a_mistake_in_the_sql_is_found_before_rows_are_read(stage: ChooseStage) -> None:
    source = stage.source.model_copy(update={"sql": "SELECT *\nFROM flight"})
    with pytest.raises(QueryError, match="line 2, column 6"):
        chosen(stage.model_copy(update={"source": source}))
