"""The tasks of a graph: each gets its settings, the digest of its code, its image and its machine.

Where a task runs is the only thing in which the targets' graphs differ.
"""

import importlib
from collections.abc import Collection, Mapping
from typing import Any

from kfp import dsl

from configs.settings import Settings
from configs.stages import STAGES, Pipeline, StageSpec, container_tasks
from pipelines.graph.custom_job import as_custom_job
from pipelines.graph.machines import stage_machine
from pipelines.graph.parameters import run_how, stage_code, stage_parameter


class Tasks:
    """The tasks of one pipeline's graph, added in the order of the data; `fresh` ones are never cached."""

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
        there = settings.cloud is not None
        self.job_name: str = dsl.PIPELINE_JOB_NAME_PLACEHOLDER if there else ""
        """The placeholder for the name of the job, by which a run that a clock started is known."""
        self.job_created_at: str = dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER if there else ""
        """The placeholder for the instant (UTC) of its creation; KFP's local runner breaks at it."""

    def add(self, component: Any, **arguments: Any) -> dsl.PipelineTask:
        """Add the task of a stage or a branch; `settings` and `code` are filled in where it has them."""
        spec = self.specs.get(component.name)
        own = self.parameters.get(component.name, {})
        filled = {name: value for name, value in own.items() if name in component.component_spec.inputs}
        if spec and spec.custom_job and self._settings.cloud:
            component = as_custom_job(component, self._settings, self._settings.cloud)
        task = component(**filled, **arguments)
        cached = spec is not None and spec.cached and spec.name not in self.fresh
        self._added[task.name] = self._placed(task).set_caching_options(cached)
        return self._added[task.name]

    def _placed(self, task: dsl.PipelineTask) -> dsl.PipelineTask:
        """The task with its image and, on Google Cloud, its share of a machine."""
        cloud = self._settings.cloud
        if cloud and task.name not in container_tasks():
            return task  # the launcher's own image; ours is in the job's worker pools
        task.set_container_image(self._settings.image)
        if cloud:
            machine = stage_machine(cloud, task.name)
            task.set_cpu_limit(str(machine.cpus)).set_memory_limit(f"{machine.memory_gb}G")
        return task

    def import_model(self, place: Any, version: Any) -> Any:
        """The artifact of a registered version, the same one in every run: docs/adr/0014."""
        metadata = {"version": version}
        return dsl.importer(artifact_uri=place, artifact_class=dsl.Model, metadata=metadata).output

    def reported(self, **arguments: Any) -> dsl.ExitHandler:
        """A group of tasks after which, however it ends, a report is written that shows these arguments."""
        (last,) = [spec.name for spec in self.specs.values() if spec.last]
        component = stage_component(last)
        shown = dict.fromkeys(("run_id", "scored_at", "version", "command"), "")
        task = self.add(component, pipeline=self._pipeline, **{**shown, **arguments})
        return dsl.ExitHandler(task, name="stages")

    def add_others(self) -> None:
        """Add the stages that the graph does not name: their inputs are the outputs of the same names."""
        for component in [stage_component(name) for name in self.specs if name not in self._added]:
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
