"""One stage by itself: its component called in this process, on the artifacts of an earlier run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfp import dsl

from components.artifacts import read_json
from components.resolve import core as resolve_core
from configs.errors import SettingsError, UnknownRunError
from configs.settings import Settings
from configs.stages.training import resolve_stage, told_training
from pipelines import training
from pipelines.code import code_digest
from pipelines.runs import MANIFEST, artifact_path, find_run

ALONE = training.STAGES[1:]


def run(name: str, settings: Settings, schema_pbtxt: str, run_id: str) -> Path:
    """Run one stage with these settings.

    Args:
        name: The stage.
        settings: What and where; its own part may differ from the run's.
        schema_pbtxt: The reviewed schema; empty: infer one.
        run_id: The run whose artifacts it reads; empty: the last run of the use case.

    Returns:
        The folder with the stage's outputs.

    Raises:
        SettingsError: No such stage.
        UnknownRunError: No such run, or it never made what the stage reads.
    """
    if name not in ALONE:
        raise SettingsError("stage", expected=f"one of {', '.join(ALONE)}", got=repr(name))
    component = getattr(training, name)
    root = settings.run_root
    out = root / "alone" / name
    out.mkdir(parents=True, exist_ok=True)
    arguments = {
        **_parameters(name, settings, schema_pbtxt, run_id),
        **_inputs(component, root, run_id or settings.name),
        **{
            output: _artifact(output, out / output)
            for output, spec in (component.component_spec.outputs or {}).items()
            if spec.is_artifact_list or spec.type.startswith("system.")
        },
    }
    component.python_func(**{key: arguments[key] for key in _named(component)})
    return out


def _named(component: Any) -> list[str]:
    """The arguments of a component's function: inputs, then output artifacts."""
    function = component.python_func
    return [name for name in function.__annotations__ if name != "return"]


def _parameters(name: str, settings: Settings, schema_pbtxt: str, run_id: str) -> Mapping[str, str]:
    """Everything a component may be told that is no artifact."""
    told = told_training(settings, schema_pbtxt)
    found = resolve_core.run(resolve_stage(settings), "")
    return {
        "settings": told[name],
        "code": code_digest(name),
        "source": found.source,
        "baseline": found.statistics,
        "champion": found.model,
        "champion_version": found.champion,
        "checkpoints": str((settings.run_root / "checkpoints").absolute()),
        "run_id": run_id,
        "job": "",
        "inputs_digest": "",
    }


def _inputs(component: Any, root: Path, wanted: str) -> dict[str, Any]:
    names = [
        n for n, spec in (component.component_spec.inputs or {}).items() if spec.type.startswith("system.")
    ]
    if not names:
        return {}
    folder = find_run(root, wanted)
    manifest = read_json(folder / MANIFEST)
    found = {name: artifact_path(manifest, name) for name in names}
    for name, path in found.items():
        if path is None:
            raise UnknownRunError(
                f"run '{folder.name}'",
                expected=f"the artifact '{name}', which the stage reads",
                got="a run that did not get so far",
                way_out="Name another run with --run.",
            )
    return {name: _artifact(name, Path(str(path))) for name, path in found.items()}


def _artifact(name: str, path: Path) -> dsl.Artifact:
    return dsl.Artifact(name=name, uri=str(path.absolute()))
