"""The table of stages says what their components say."""

from pathlib import Path

import pytest

from configs.stages import StageSpec, every_stage, task_artifacts
from pipelines.graph.tasks import stage_component

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("spec", every_stage(), ids=lambda spec: spec.name)
def test_the_artifacts_of_a_stage_are_those_of_its_component(spec: StageSpec) -> None:
    outputs = stage_component(spec.name).component_spec.outputs or {}
    assert {name for name, each in outputs.items() if each.type.startswith("system.")} == set(spec.artifacts)
    assert all(task_artifacts(branch) == spec.artifacts for branch in spec.branches)


def test_a_component_only_unpacks_calls_its_core_and_records() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in ROOT.glob("components/*/component.py")}
    assert set(lines) == {ROOT / "components" / spec.name / "component.py" for spec in every_stage()}
    assert {path.parent.name: count for path, count in lines.items() if count > 25} == {}
