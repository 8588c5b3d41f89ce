"""The tasks of a graph: each gets its settings, the digest of its code, its image and its machine."""

import importlib
from collections.abc import Collection, Mapping
from typing import Any

from kfp import dsl

from configs.settings import Settings
from configs.stages import STAGES, Pipeline, StageSpec
from pipelines.graph import placement
from pipelines.graph.custom_job import as_custom_job
from pipelines.graph.parameters import run_how, stage_code, stage_parameter


class Tasks:
    """The tasks of one graph, added in the order of the data.

    Args:
        pipeline: Whose graph it is.
        settings: What and where.
        fresh: Stages that must not be taken from the cache.
    """

    def __init__(self, pipeline: Pipeline, settings: Settings, fresh: Collection[str]) -> None:
        self.specs: Mapping[str, StageSpec] = {spec.name: spec for spec in STAGES[pipeline]}
        self.fresh = fresh
        self._settings = settings
        self._added: dict[str, dsl.PipelineTask] = {}
        self.how = run_how(pipeline, settings)
        self.parameters = {
            name: {"settings": stage_parameter(spec, settings), "code": stage_code(name, settings)}
            for name, spec in self.specs.items()
        }
        self._pipeline = pipeline

    def add(self, component: Any, **arguments: Any) -> dsl.PipelineTask:
        """Add the task of a component.

        Args:
            component: A stage's, or a branch's.
            **arguments: Its inputs but for `settings` and `code`, which are filled in where it has them.
        """
        spec = self.specs.get(component.name)
        own = self.parameters.get(component.name, {})
        filled = {name: value for name, value in own.items() if name in component.component_spec.inputs}
        if spec and spec.custom_job and self._settings.cloud:
            component = as_custom_job(component, self._settings, self._settings.cloud)
        task = component(**filled, **arguments)
        cached = spec is not None and spec.cached and spec.name not in self.fresh
        self._added[task.name] = placement.placed(task, self._settings).set_caching_options(cached)
        return self._added[task.name]

    def import_model(self, place: Any, version: Any) -> Any:
        """The artifact of a registered version, the same one in every run: docs/adr/0014."""
        metadata = {"version": version}
        return dsl.importer(artifact_uri=place, artifact_class=dsl.Model, metadata=metadata).output

    def reported(self, **arguments: Any) -> dsl.ExitHandler:
        """A group of tasks after which, however it ends, the run's report is written.

        Args:
            **arguments: What the run is given, as far as the report shows it.
        """
        (last,) = [spec.name for spec in self.specs.values() if spec.last]
        component = stage_component(last)
        shown = dict.fromkeys(("run_id", "scored_at", "version", "command"), "")
        task = self.add(component, pipeline=self._pipeline, **{**shown, **arguments})
        return dsl.ExitHandler(task, name="stages")

    def add_others(self) -> None:
        """Add the stages that the graph does not name: their inputs are the outputs of the same names."""
        for name in self.specs:
            if name not in self._added:
                component = stage_component(name)
                self.add(component, **self._by_name(component))

    def _by_name(self, component: Any) -> dict[str, Any]:
        always = [
            task for name, task in self._added.items() if name in self.specs and not self.specs[name].branches
        ]
        outputs = {name: value for task in always for name, value in task.outputs.items()}
        inputs = component.component_spec.inputs or {}
        return {name: outputs[name] for name in inputs if name not in ("settings", "code")}


def stage_component(name: str) -> Any:
    """The KFP component of a stage."""
    return getattr(importlib.import_module(f"components.{name}.component"), name)
