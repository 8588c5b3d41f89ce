"""Every knob of the settings is either a part of the cache key of named stages, or of none."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.loading import load
from configs.rows import HashSplit
from configs.settings import Settings
from configs.stages import STAGES, every_stage
from pipelines.graph.parameters import run_how, stage_parameter, stage_part
from tests.unit.graph.knobs import changed, knobs

GROUPS: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "knobs.yaml").read_text())
WHAT = {knob: stages.split() for stages, names in GROUPS["what"].items() for knob in names.split()}
HOW, NEVER_CACHED = GROUPS["how"].split(), GROUPS["never_cached"].split()
CACHED = [spec for spec in every_stage() if spec.cached]
FULL = (
    "evaluation.bins=500",
    "features.crosses={origin_carrier: {of: [origin, carrier]}}",
    "cloud.stages={ingest: {}}",
    "cloud.prediction.request_log={table: 'bq://project.dataset.requests'}",
)
"""So that every section is there."""


@pytest.fixture(scope="module", params=["time", "hash"])
def settings(request: pytest.FixtureRequest) -> Settings:
    full = load("flights", "dev", FULL)
    hashed = HashSplit(by="hash", column="origin")
    return full if request.param == "time" else full.model_copy(update={"split": hashed})


def test_each_knob_is_in_one_group() -> None:
    assert sorted([*WHAT, *HOW, *NEVER_CACHED]) == sorted(set(knobs(Settings)))


def test_a_knob_is_a_part_of_the_keys_of_these_stages_and_of_no_other(settings: Settings) -> None:
    before = {spec.name: stage_parameter(spec, settings) for spec in CACHED}
    there = [knob for knob in set(knobs(Settings)) if has(settings, knob)]
    assert len(there) > 150
    for knob in there:
        other = changed(settings, knob)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a value that no YAML could give
            after = {spec.name: stage_parameter(spec, other) for spec in CACHED}
        assert [name for name in before if before[name] != after[name]] == WHAT.get(knob, []), knob


def test_what_is_in_no_key_still_reaches_the_stages(settings: Settings) -> None:
    """For each of these knobs, something that the run is given beside its keys is another one."""
    for knob in ("cloud.dataflow.max_workers", "cloud.labels", "cloud.identities.dataflow", "ingest.threads"):
        for pipeline in STAGES:
            assert run_how(pipeline, changed(settings, knob)) != run_how(pipeline, settings), (pipeline, knob)


def test_the_two_parts_of_a_stages_settings_make_the_whole(settings: Settings) -> None:
    import json

    from configs.section import lacks_how, with_how

    for pipeline, specs in STAGES.items():
        how = json.loads(run_how(pipeline, settings))
        for spec in specs:
            part = stage_part(spec.name, settings)
            given = json.loads(stage_parameter(spec, settings))
            assert lacks_how(type(part), given) == (spec.name in how)
            whole = with_how(given, how.get(spec.name, {}))
            assert type(part).model_validate_json(json.dumps(whole)) == part


def has(section: Any, knob: str) -> bool:
    """Whether there is such a knob: of a split by time there is no percentage."""
    try:
        changed(section, knob)
    except AttributeError:
        return False
    return True
