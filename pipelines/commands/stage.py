"""One stage by itself: its component called in this process, on the artifacts of an earlier run."""

import datetime
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kfp import dsl

from components.report.manifest import MANIFEST
from components.resolve import core as resolve_core
from components.resolve.settings import ResolveStage
from components.shared.files.artifacts import read_json
from components.shared.files.place import Place
from components.shared.stage.records import artifact_path, artifact_uri
from configs.errors import SettingsError, UnknownRunError
from configs.settings import Settings
from configs.stages import artifact_makers, every_stage
from pipelines import view
from pipelines.graph import definitions
from pipelines.graph.definitions import Definition
from pipelines.graph.parameters import stage_code, stage_part
from pipelines.graph.tasks import stage_component
from pipelines.runs import find_run

_SYSTEM = "system."
"""How the names of KFP's own artifact types begin."""
_STANDING = {"source", "baseline", "champion", "champion_version"}
"""What `resolve` finds: a stage that runs alone and needs any of it looks at the world by itself."""


def run(name: str, settings: Settings, run_id: str) -> Path:
    """Run one stage with these settings, and say where its outputs lie.

    It reads the artifacts of a run of its pipeline, of the last one where none is named; its own part of the
    settings may differ from that run's. Returns the folder with its outputs.

    Raises:
        SettingsError: No such stage.
        UnknownRunError: No such run, or it never made what the stage reads.
    """
    pipeline, component = _pipeline_with(name), stage_component(name)
    out = settings.run_root / "alone" / name
    out.mkdir(parents=True, exist_ok=True)
    earlier = _Earlier(settings.run_root, run_id or settings.name, pipeline)
    training = pipeline.name == "training"
    arguments = {
        "settings": stage_part(name, settings).model_dump_json(),
        "code": stage_code(name, settings),
        **_inputs(component, earlier),
        **(_of_training(component, settings, run_id) if training else _of_prediction(name, earlier)),
        **{
            output: _artifact(output, str(out / output), spec.type)
            for output, spec in (component.component_spec.outputs or {}).items()
            if spec.type.startswith(_SYSTEM)
        },
    }
    function = component.python_func
    function(**{name: arguments[name] for name in function.__annotations__ if name != "return"})
    view.show_places(view.open_console(), {path.name: str(path) for path in sorted(out.iterdir())})
    return out


class _Earlier:
    """The run whose artifacts are read; looked for only where the stage needs it."""

    def __init__(self, root: Path, wanted: str, pipeline: Definition) -> None:
        self.root, self.wanted, self.pipeline = root, wanted, pipeline

    @cached_property
    def folder(self) -> Path:
        """Where it lies."""
        return find_run(self.root, self.wanted, self.pipeline.name)

    def here(self, artifact: str) -> Place:
        """An artifact as far as this machine has it: of a run on Google Cloud, what it says of itself."""
        found = artifact_path(self._manifest, artifact)
        if found is None:
            raise UnknownRunError(
                f"run '{self.folder.name}'",
                expected=f"the artifact '{artifact}', which the stage reads",
                got="a run that did not get so far",
                remedy="Name another run with --run.",
            )
        return found

    def whole(self, artifact: str) -> str:
        """The place of all of an artifact."""
        self.here(artifact)
        return artifact_uri(self._manifest, artifact)

    @cached_property
    def _manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = read_json(self.folder / MANIFEST)
        return manifest


def _pipeline_with(name: str) -> Definition:
    known = [spec.name for spec in every_stage() if spec.alone]
    if name not in known:
        raise SettingsError("stage", expected=f"one of {', '.join(known)}", got=repr(name))
    return next(each for each in definitions.every() if name in each.stages)


def _of_training(component: Any, settings: Settings, run_id: str) -> Mapping[str, Any]:
    """Everything that a component of training may be given that is no artifact of an earlier run."""
    standing = {}
    if _STANDING & set(component.component_spec.inputs or {}):
        found = resolve_core.look(ResolveStage.of(settings), "")
        standing = {
            "source": found.source,
            "baseline": found.statistics,
            "champion": _artifact("champion", found.model),
            "champion_version": found.champion,
        }
    unknown = dict.fromkeys(("job", "inputs_digest", "how"), "")
    return {**standing, "checkpoints": settings.checkpoints, "run_id": run_id, **unknown}


def _of_prediction(name: str, earlier: _Earlier) -> Mapping[str, Any]:
    """The same of prediction: `choose` looks at the world now, the others get what it chose then."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()
    chosen = {"version": "", "run_id": "", "scored_at": now}
    if name != "choose":
        chosen = read_json(earlier.here("choice") / "choice.json")
        chosen["model"] = _artifact("model", chosen["model"])
    return {**chosen, "job": "", "created": "", "how": ""}


def _inputs(component: Any, earlier: _Earlier) -> dict[str, Any]:
    """The artifacts that it reads."""
    read = component.component_spec.inputs or {}
    made = artifact_makers(earlier.pipeline.name)
    names = [name for name, spec in read.items() if spec.type.startswith(_SYSTEM) and name in made]
    return {name: _artifact(name, earlier.whole(name)) for name in names}


def _artifact(name: str, place: str, kind: str = f"{_SYSTEM}Artifact") -> dsl.Artifact:
    """An artifact of a type of KFP: a `gs://` place as it is, a path as seen from anywhere."""
    made = getattr(dsl, kind.removeprefix(_SYSTEM).partition("@")[0])
    found: dsl.Artifact = made(name=name, uri=place if "://" in place else str(Path(place).absolute()))
    return found
