"""Runs a submitted pipeline spec on this machine, and tells of each task as it goes.

    python executing.py SPEC.json PARAMETERS.json FOLDER GS_ROOT CACHE

A process of the server's own: FOLDER/events.jsonl gets a line when a task begins and when it ends.
Outputs get `gs://` URIs below GS_ROOT, as on Vertex AI. A task wrapped as a custom job runs as the
component that it wraps.
"""

import copy
import datetime
import json
import os
import sys
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

_LAUNCHER = "google_cloud_pipeline_components"
_METADATA = "projects/1234/locations/us-central1/metadataStores/default"


def main(spec_file: str, parameters_file: str, folder: str, gs_root: str, cache: str) -> None:
    """Run the pipeline; a failed task ends the process with 1."""
    warnings.simplefilter("ignore")
    import yaml
    from kfp import components, local

    created = datetime.datetime.now(datetime.UTC).isoformat()
    text = Path(spec_file).read_text().replace("{{$.pipeline_job_create_time_utc}}", created)
    text = text.replace("{{$.pipeline_job_name}}", Path(gs_root).name)
    spec = unwrapped(json.loads(text))
    Hooks(Path(folder), gs_root).install()
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(Path(folder) / "kfp"),
        workspace_root=str(Path(folder) / "workspace"),
        enable_caching=True,
        cache_root=cache,
    )
    pipeline = components.load_component_from_text(yaml.safe_dump(spec))
    try:
        pipeline(**json.loads(Path(parameters_file).read_text()))
    except RuntimeError as error:  # kfp.local's way to say that a task failed
        sys.stdout.write(f"{error}\n")
        sys.exit(1)


def unwrapped(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with every custom job replaced by the container of its first worker pool."""
    spec = copy.deepcopy(spec)
    executors = spec["deploymentSpec"]["executors"]
    for component in spec["components"].values():
        executor = executors.get(component.get("executorLabel"), {})
        if not is_custom_job(component, executor):
            continue
        defined = component["inputDefinitions"]["parameters"]
        container = defined["worker_pool_specs"]["defaultValue"][0]["container_spec"]
        executor["container"] = {
            "image": container["image_uri"],
            "command": container["command"],
            "args": [argument.replace("{{$.json_escape[1]}}", "{{$}}") for argument in container["args"]],
            "env": [{"name": "SERVICE_ACCOUNT", "value": defined["service_account"].get("defaultValue", "")}],
        }
        own = set(_arguments(container["command"][-1]))
        for name in [name for name in defined if name not in own]:
            del defined[name]
        component["outputDefinitions"]["parameters"].pop("gcp_resources", None)
    return spec


def _arguments(source: str) -> list[str]:
    """The names of the arguments of a component's function, from its source."""
    import ast

    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return [argument.arg for argument in functions[0].args.args]


def is_custom_job(component: dict[str, Any], executor: dict[str, Any]) -> bool:
    """Whether a component of a spec is another one, wrapped as a custom job."""
    defined = component.get("inputDefinitions", {}).get("parameters", {})
    command = " ".join(executor.get("container", {}).get("command", []))
    return "worker_pool_specs" in defined and _LAUNCHER in command


class Hooks:
    """Where kfp.local is made to say what it does, and to name outputs as the service names them."""

    def __init__(self, folder: Path, gs_root: str) -> None:
        self.events, self.gs_root = folder / "events.jsonl", gs_root
        self.custom_jobs = json.loads((folder / "custom_jobs.json").read_text())
        self._ran: list[str] = []

    def install(self) -> None:
        """Put the hooks into kfp.local, in this process."""
        from kfp.local import executor_input_utils, task_dispatcher
        from kfp.local.orchestrator import task_executor

        self._execute = task_executor.execute_single_task
        task_executor.execute_single_task = self.execute
        self._run = task_dispatcher.run_single_task_implementation
        task_dispatcher.run_single_task_implementation = self.run
        self._artifact = executor_input_utils.artifact_type_schema_to_artifact_list
        executor_input_utils.artifact_type_schema_to_artifact_list = self.artifact

    def execute(self, task_name: str, task_spec: Any, **others: Any) -> Any:
        """A task, from the cache or not."""
        from kfp.local import status
        from kfp.local.orchestrator.orchestrator_utils import OrchestratorUtils

        arguments = OrchestratorUtils.make_task_arguments(task_spec.inputs, others["io_store"])
        self._ran.clear()
        os.environ["CLOUD_ML_JOB_ID"] = self._job(task_name)
        self._tell(task_name, "RUNNING", inputs=arguments)
        outputs, ended = self._execute(task_name=task_name, task_spec=task_spec, **others)
        worked = self._ran or task_name.startswith("importer")
        state = "FAILED" if ended != status.Status.SUCCESS else "SUCCEEDED" if worked else "SKIPPED"
        self._tell(task_name, state, outputs=outputs)
        return outputs, ended

    def run(self, **options: Any) -> Any:
        """A task that is not in the cache."""
        self._ran.append(options["component_name"])
        return self._run(**options)

    def artifact(self, name: str, artifact_type: Any, task_root: str) -> Any:
        """An output: below the pipeline's root, in a folder of its task; its name is that of a resource."""
        listed = self._artifact(name=name, artifact_type=artifact_type, task_root=task_root)
        task = Path(task_root).name
        uri = f"{self.gs_root}/{task}_{_task_id(task)}/{name}"
        listed.artifacts[0].uri = uri
        listed.artifacts[0].name = f"{_METADATA}/artifacts/{zlib.crc32(uri.encode())}"
        return listed

    def _job(self, task: str) -> str:
        """The id of the custom job that is a task's container."""
        return str(self.custom_jobs.get(task) or _task_id(task))

    def _tell(self, task: str, state: str, **values: dict[str, Any]) -> None:
        content = {
            kind: {name: _plain(value) for name, value in each.items()} for kind, each in values.items()
        }
        with self.events.open("a") as events:
            events.write(
                json.dumps(
                    {
                        "task": task,
                        "id": _task_id(task),
                        "job": self._job(task),
                        "state": state,
                        "time": time.time(),
                        **content,
                    }
                )
                + "\n"
            )


def _task_id(task: str) -> int:
    """The number of a task in a job: a part of the folder of its outputs."""
    return zlib.crc32(task.encode())


def _plain(value: Any) -> Any:
    if hasattr(value, "uri"):
        return {
            "artifact": {"uri": value.uri, "schema": value.schema_title, "metadata": dict(value.metadata)}
        }
    return value


if __name__ == "__main__":
    main(*sys.argv[1:])
