"""Settings: what a YAML may say, and how a mistake is described."""

import datetime
import re
from pathlib import Path

import pytest

from components.deliver.settings import DeliverStage
from components.select.settings import SelectStage
from configs.access import bigquery_access
from configs.errors import SettingsError
from configs.loading import load, schema_text, use_case_folder, use_cases
from configs.rows import TimeSplit
from configs.settings import Settings
from configs.stages import STAGES
from pipelines.graph.parameters import stage_part
from tests.errors import raises

MINIMAL = """
name: tiny
label: {column: y}
split: {by: hash, column: id}
features:
  numeric: {x: {}}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "use_case.yaml").write_text(MINIMAL)
    return folder


def rejected(folder: Path, *overrides: str) -> str:
    with pytest.raises(SettingsError) as error:
        load(folder, overrides=overrides)
    return str(error.value)


def rewrite(folder: Path, before: str, after: str) -> None:
    path = folder / "use_case.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_every_use_case_in_configs_loads() -> None:
    assert "flights" in use_cases()
    for name in use_cases():
        assert load(name).name


def test_settings_cannot_be_changed_once_read(tiny: Path) -> None:
    settings = load(tiny)
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "other"  # type: ignore[misc]


def test_an_override_has_the_last_word(tiny: Path) -> None:
    settings = load(tiny, overrides=["training.epochs=3", "features.numeric.x.transform=log"])
    assert settings.training.epochs == 3
    assert settings.features.numeric["x"].transform == "log"


def test_a_misspelt_key_names_file_line_and_nearest_key(tiny: Path) -> None:
    rewrite(tiny, "features:", "trainning: {}\nfeatures:")
    message = rejected(tiny)
    assert "use_case.yaml:5" in message
    assert "'trainning'" in message
    assert "Did you mean 'training'?" in message


def test_a_misspelt_key_deep_inside_names_the_keys_of_that_place(tiny: Path) -> None:
    rewrite(tiny, "{x: {}}", "{x: {bucketz: 3}}")
    message = rejected(tiny)
    assert "features.numeric.x.bucketz" in message
    assert "Did you mean 'buckets'?" in message


def test_a_misspelt_override_is_named_as_such(tiny: Path) -> None:
    assert "override 'training.epocs=3'" in rejected(tiny, "training.epocs=3")


def test_an_impossible_value_says_what_was_expected_and_got(tiny: Path) -> None:
    message = rejected(tiny, "training.epochs=many")
    assert "training.epochs" in message
    assert "integer" in message
    assert "'many'" in message


def test_a_missing_key_is_named(tiny: Path) -> None:
    rewrite(tiny, "label: {column: y}", "")
    assert "label: expected this key" in rejected(tiny)


def test_a_key_said_twice_is_rejected(tiny: Path) -> None:
    rewrite(tiny, "name: tiny", "name: tiny\nname: other")
    message = rejected(tiny)
    assert "use_case.yaml:3" in message
    assert "'name' again" in message


def test_broken_yaml_names_line_and_column(tiny: Path) -> None:
    rewrite(tiny, "name: tiny", "name: [tiny")
    assert "use_case.yaml:3:" in rejected(tiny)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n"])
def test_yaml_without_keys_is_rejected(tiny: Path, text: str) -> None:
    (tiny / "use_case.yaml").write_text(text)
    assert "expected keys and values" in rejected(tiny)


def test_a_sql_file_that_is_not_there_is_rejected_before_any_work(tiny: Path) -> None:
    (tiny / "query.sql").write_text("SELECT 1")
    message = rejected(tiny, "source.query=qery.sql")
    assert "qery.sql" in message
    assert "Did you mean 'query.sql'?" in message


def test_the_sql_travels_with_the_settings(tiny: Path) -> None:
    (tiny / "query.sql").write_text("SELECT 1")
    assert load(tiny, overrides=["source.query=query.sql"]).source.sql == "SELECT 1"


def test_an_unknown_use_case_names_the_nearest() -> None:
    with raises(SettingsError, remedy=re.compile("'flights'")):
        use_case_folder("flihgts")


def test_an_unknown_environment_names_the_known(tiny: Path) -> None:
    with raises(SettingsError, expected=re.compile("local")):
        load(tiny, "lokal")


def test_the_label_cannot_be_a_feature(tiny: Path) -> None:
    assert "cannot be a feature" in rejected(tiny, "label.column=x")


def test_a_cross_of_undeclared_columns_is_rejected(tiny: Path) -> None:
    assert "neither numeric nor categorical" in rejected(tiny, "features.crosses={c: {of: [x, z]}}")


def test_a_column_declared_twice_is_rejected(tiny: Path) -> None:
    assert "both numeric and categorical" in rejected(tiny, "features.categorical={x: {}}")


def test_a_hash_split_leaves_rows_to_train(tiny: Path) -> None:
    message = rejected(tiny, "split.eval_percent=60", "split.test_percent=40")
    assert "something to train on" in message


def test_a_time_split_is_in_order_and_in_utc(tiny: Path) -> None:
    rewrite(
        tiny,
        "{by: hash, column: id}",
        "{by: time, column: at, eval_from: 2020-01-02, test_from: 2020-01-03T00:00:00+02:00}",
    )
    split = load(tiny).split
    assert isinstance(split, TimeSplit)
    assert split.eval_from.isoformat() == "2020-01-02T00:00:00+00:00"
    assert split.test_from.isoformat() == "2020-01-02T22:00:00+00:00"
    assert "must lie before" in rejected(tiny, "split.test_from=2020-01-01")


def test_a_stage_receives_its_own_part_only(tiny: Path) -> None:
    """A knob of one stage leaves what the others receive, and so their cache keys, as they were."""
    before, after = load(tiny), load(tiny, overrides=["training.epochs=3"])
    stages = [spec.name for spec in STAGES["training"] if not spec.last]  # which shows all settings
    assert [name for name in stages if stage_part(name, before) != stage_part(name, after)] == ["train"]


def test_the_schema_is_kept_beside_the_use_case(tiny: Path) -> None:
    assert schema_text(tiny) == ""
    (tiny / "schema.pbtxt").write_text("feature {}")
    assert schema_text(tiny) == load(tiny).schema_pbtxt == "feature {}"


def test_settings_survive_json(tiny: Path) -> None:
    settings = load(tiny)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_a_parameter_is_a_day_or_an_instant_by_how_it_is_written(tiny: Path) -> None:
    days, instants = "a: 2013-09-01, b: '2013-09-01'", "c: 2013-09-01 00:00:00, d: '2013-09-01 00:00'"
    settings = load(tiny, overrides=[f"source.parameters={{{days}, {instants}, e: 7, f: x}}"])
    day, instant = datetime.date(2013, 9, 1), datetime.datetime(2013, 9, 1, tzinfo=datetime.UTC)
    expected = {"a": day, "b": day, "c": instant, "d": instant, "e": 7, "f": "x"}
    for each in (settings, Settings.model_validate_json(settings.model_dump_json())):
        assert each.source.parameters == expected
        assert [type(value) for value in each.source.parameters.values()] == [
            type(value) for value in expected.values()
        ]


def test_a_stage_on_google_cloud_receives_who_pays_and_under_which_labels() -> None:
    settings = load("flights", "dev")
    access = bigquery_access(settings, "ingest")
    assert access is not None
    assert (access.project, access.location) == ("my-project-dev", "us-central1")
    assert access.labels == {"environment": "dev", "use_case": "flights", "stage": "ingest"}
    assert access.seed_command == "python -m pipelines seed flights --env dev"
    elsewhere = bigquery_access(load("flights", "dev", ["cloud.bigquery.location=US"]), "ingest")
    assert elsewhere is not None
    assert elsewhere.location == "US"
    assert bigquery_access(load("flights"), "ingest") is None


# --- batch prediction ---------------------------------------------------------------------------


def test_rows_to_score_come_from_the_source_where_nothing_else_is_said(tiny: Path) -> None:
    rewrite(tiny, "name: tiny", "name: tiny\nkey: id\nsource: {uri: file://data, parameters: {n: 1}}")
    config = SelectStage.of(load(tiny))
    assert (config.source.uri, config.source.sql, config.examples) == ("file://data", "", "")
    assert DeliverStage.of(load(tiny)).output == "file://output/predictions/tiny"


def test_a_prediction_query_has_the_training_query_as_a_table_and_its_parameters_too(tiny: Path) -> None:
    (tiny / "query.sql").write_text("SELECT 1 AS id")
    (tiny / "prediction.sql").write_text("SELECT * FROM examples")
    rewrite(tiny, "name: tiny", "name: tiny\nkey: id\nsource: {query: query.sql, parameters: {n: 1, m: 1}}")
    settings = load(
        tiny, overrides=["prediction={query: prediction.sql, parameters: {m: 2}, columns: [day]}"]
    )
    config = SelectStage.of(settings)
    assert (config.source.sql, config.examples) == ("SELECT * FROM examples", "SELECT 1 AS id")
    assert (config.source.parameters, config.columns) == ({"n": 1, "m": 2}, ("day",))
    assert "prediction.sqll" in rejected(tiny, "prediction.query=prediction.sqll")


def test_a_prediction_must_be_distinguished_from_another(tiny: Path) -> None:
    with raises(SettingsError, expected=re.compile(r"a key, or prediction\.columns")):
        SelectStage.of(load(tiny))
    assert SelectStage.of(load(tiny, overrides=["prediction.columns=[day]"])).key is None


def test_a_column_cannot_have_the_name_of_one_that_every_prediction_has(tiny: Path) -> None:
    assert "['score'] is a column of every prediction" in rejected(tiny, "prediction.columns=[score]")
    assert "['run_id'] is a column of every prediction" in rejected(tiny, "key=run_id")


@pytest.mark.parametrize("output", ["output", "s3://bucket/x", "bq://project.dataset", "bq://p.d.t.more"])
def test_an_output_that_nothing_can_write_is_rejected(tiny: Path, output: str) -> None:
    assert "prediction.output" in rejected(tiny, f"prediction.output={output}")


def test_a_run_on_google_cloud_leaves_its_predictions_there() -> None:
    assert DeliverStage.of(load("flights", "dev")).output == (
        "gs://my-project-dev-pipeline/runs/predictions/flights"
    )
    with raises(SettingsError, expected=re.compile("gs://… or bq://… in environment 'dev'")):
        DeliverStage.of(load("flights", "dev", ["prediction.output=file://here"]))
