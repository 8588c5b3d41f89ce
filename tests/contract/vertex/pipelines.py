"""Pipeline jobs that really run: the submitted spec in a process of this machine, reported task by task."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1
from google.protobuf import empty_pb2, json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.contract.iam.callers import running_as
from tests.contract.vertex.executing import is_custom_job
from tests.contract.vertex.faults import Faults
from tests.contract.vertex.rejections import RPC, Rejection
from tests.contract.vertex.resources import Store, page
from tests.contract.vertex.routes import Route, raw

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
_ARTIFACT, _CONTEXT, _EXECUTION = (
    raw(kind) for kind in (aiplatform_v1.Artifact, aiplatform_v1.Context, aiplatform_v1.Execution)
)
_CUSTOM_JOB = raw(aiplatform_v1.CustomJob)
_STORE = raw(aiplatform_v1.MetadataStore)
_LIST = raw(aiplatform_v1.ListPipelineJobsResponse)
_TASK = raw(aiplatform_v1.PipelineTaskDetail)
_PENDING, _RUNNING, _SUCCEEDED, _FAILED, _CANCELLED = 2, 3, 4, 5, 7
_ENDED = {_SUCCEEDED, _FAILED, _CANCELLED}
_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_KINDS: dict[int, tuple[type[Any], ...]] = {
    1: (float, int),
    2: (float, int),
    3: (str,),
    4: (bool,),
    5: (list,),
    6: (dict,),
}


@dataclass
class Running:
    """A pipeline job's process.

    Args:
        folder: Its spec, events and log.
        process: It leads a process group of its own.
        custom_jobs: The custom job of each task that is wrapped as one.
        events_read: Lines of events that were read already.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    custom_jobs: Mapping[str, str]
    events_read: int = 0
    tasks: dict[str, Any] = field(default_factory=dict)


class Pipelines:
    """PipelineService's pipeline jobs."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self.store, self.faults = store, faults
        self.running: dict[str, Running] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="vertex.", ignore_cleanup_errors=True)
        self.environment: dict[str, str] = {}
        """Variables for the jobs' processes, over those of this one."""

    def close(self) -> None:
        """End what still runs."""
        for running in self.running.values():
            _kill(running)
        self._folder.cleanup()

    # --- methods ------------------------------------------------------------------------------

    def create_pipeline_job(self, request: Any, _: Route) -> Any:
        """Check the spec and its parameters to the letter, and start the job."""
        job = type(request.pipeline_job)()
        job.CopyFrom(request.pipeline_job)
        job_id = (
            request.pipeline_job_id or f"{job.pipeline_spec['pipelineInfo']['name']}-{self.store.number()}"
        )
        if not _JOB_ID.fullmatch(job_id):
            raise Rejection(
                "INVALID_ARGUMENT", f"pipeline_job_id '{job_id}' does not match {_JOB_ID.pattern}"
            )
        root = job.runtime_config.gcs_output_directory
        if not root.startswith("gs://"):
            raise Rejection("INVALID_ARGUMENT", f"gcs_output_directory must be a gs:// path, got '{root}'")
        spec = json_format.MessageToDict(job.pipeline_spec)
        parameters = _checked_parameters(spec, job)
        name = f"{request.parent}/pipelineJobs/{job_id}"
        self.store.add(name, job)
        job.state = _PENDING
        job.start_time.GetCurrentTime()
        self._describe(job, request.parent, job_id, parameters)
        gs_root = f"{root.rstrip('/')}/{request.parent.split('/')[1]}/{job_id}"
        self.running[name] = self._start(job, spec, parameters, gs_root)
        return job

    def get_pipeline_job(self, request: Any, _: Route) -> Any:
        """The job as it is now."""
        return self._look(self.store.get(request.name))

    def list_pipeline_jobs(self, request: Any, _: Route) -> Any:
        """The jobs as they are now; a read mask is honoured by leaving nothing out that it names."""
        jobs = self.store.of_kind("google.cloud.aiplatform.v1.PipelineJob", request.parent)
        return page([self._look(job) for job in jobs], request, _LIST())

    def cancel_pipeline_job(self, request: Any, _: Route) -> Any:
        """End a job and what it runs."""
        job = self._look(self.store.get(request.name))
        if job.state in _ENDED:
            raise Rejection("FAILED_PRECONDITION", f"{request.name} has ended and cannot be cancelled.")
        running = self.running[request.name]
        _kill(running)
        self._read_events(job, running)
        for task in job.job_detail.task_details:
            if task.state == _TASK.State.RUNNING:
                self._end(job, task, "CANCELLED", time.time())
        self._finish(job, _CANCELLED)
        job.error.code, job.error.message = RPC["CANCELLED"], "The job was cancelled."
        return empty_pb2.Empty()

    def delete_pipeline_job(self, request: Any, _: Route) -> Any:
        """Forget a job that has ended."""
        job = self._look(self.store.get(request.name))
        if job.state not in _ENDED:
            raise Rejection("FAILED_PRECONDITION", f"{request.name} is running: cancel it first.")
        del self.store.messages[request.name]
        return empty_pb2.Empty()

    # --- starting -----------------------------------------------------------------------------

    def _describe(self, job: Any, parent: str, job_id: str, parameters: Mapping[str, Any]) -> None:
        """The job's own entries in the metadata store."""
        metadata = f"{parent}/metadataStores/default"
        if metadata not in self.store.messages:
            self.store.add(metadata, _STORE())
        context = _CONTEXT(display_name=job_id, schema_title="system.PipelineRun", schema_version="0.0.1")
        self.store.add(f"{metadata}/contexts/{job_id}", context)
        execution = _EXECUTION(display_name=job_id, schema_title="system.Run", schema_version="0.0.1")
        execution.metadata.update({f"input:{name}": value for name, value in parameters.items()})
        self.store.add(f"{metadata}/executions/{job_id}", execution)
        self.store.contexts[execution.name] = {context.name}
        job.job_detail.pipeline_run_context.CopyFrom(context)

    def _start(self, job: Any, spec: Any, parameters: Mapping[str, Any], gs_root: str) -> Running:
        number = self.store.number()
        folder = Path(self._folder.name) / number
        folder.mkdir()
        (folder / "spec.json").write_text(json.dumps(spec))
        (folder / "parameters.json").write_text(json.dumps(parameters))
        custom_jobs = self._custom_jobs(job, spec)
        ids = {task: name.rsplit("/", 1)[-1] for task, name in custom_jobs.items()}
        (folder / "custom_jobs.json").write_text(json.dumps(ids))
        fate = self.faults.due("CreatePipelineJob", "fail_job")
        command = [sys.executable, str(HERE / "executing.py"), str(folder / "spec.json")]
        command += [str(folder / "parameters.json"), str(folder), gs_root, f"{self._folder.name}/cache"]
        if fate:
            command = [sys.executable, "-c", f"print({fate.message!r}); raise SystemExit(1)"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=self._container_environment(folder, job),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(folder, process, custom_jobs)

    def _container_environment(self, folder: Path, job: Any) -> dict[str, str]:
        """What a container of the pipeline image has: our packages, and no run folder of the submitter's."""
        _, project, _, location, *_ = job.name.split("/")
        inherited = {name: value for name, value in os.environ.items() if name != "STAGE_RECORDS"}
        paths = [str(HERE / "container"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {
            **inherited,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "VERTEX_GCS_MOUNT": str(folder.parent / "gcs"),
            "TF_CPP_MIN_LOG_LEVEL": "1",
            "CLOUD_ML_PROJECT_ID": project,
            "CLOUD_ML_REGION": location,
            **running_as(job.service_account),
            **self.environment,
        }

    def _custom_jobs(self, job: Any, spec: Any) -> dict[str, str]:
        """A custom job for each component wrapped as one, its spec parsed to the letter."""
        parent = job.name.rsplit("/pipelineJobs/", 1)[0]
        jobs = {}
        for component in spec["components"].values():
            executor = spec["deploymentSpec"]["executors"].get(component.get("executorLabel"), {})
            if is_custom_job(component, executor):
                name = f"{parent}/customJobs/{self.store.number()}"
                self.store.add(name, _custom_job(component, executor, dict(job.labels)))
                jobs[component["executorLabel"].removeprefix("exec-")] = name
        return jobs

    # --- following ----------------------------------------------------------------------------

    def _look(self, job: Any) -> Any:
        running = self.running.get(job.name)
        if running is None or job.state in _ENDED:
            return job
        ended = running.process.poll()
        self._read_events(job, running)
        job.state = _RUNNING
        if ended is not None:
            self._finish(job, _SUCCEEDED if ended == 0 else _FAILED)
            self._explain(job, running, ended)
        return self.store.changed(job)

    def _finish(self, job: Any, state: int) -> None:
        job.state = state
        job.end_time.GetCurrentTime()
        self.store.changed(job)

    def _explain(self, job: Any, running: Running, code: int) -> None:
        """The error of a job that failed, and the tasks that were not reached in one that did not."""
        spec = json_format.MessageToDict(job.pipeline_spec)
        if code == 0:
            for name in _task_names(spec):
                if name not in running.tasks:
                    running.tasks[name] = self._task(job, name)
                    running.tasks[name].state = _TASK.State.NOT_TRIGGERED
            return
        failed = [t.task_name for t in job.job_detail.task_details if t.state == _TASK.State.FAILED]
        job.error.code = RPC["FAILED_PRECONDITION"]
        job.error.message = (
            f"The DAG failed because some tasks failed. The failed tasks are: [{', '.join(failed)}]."
            if failed
            else (running.folder / "log").read_text()[-500:].strip()
        )

    def _read_events(self, job: Any, running: Running) -> None:
        events = running.folder / "events.jsonl"
        lines = (events.read_text() if events.exists() else "").splitlines(keepends=True)
        complete = [line for line in lines if line.endswith("\n")]
        for line in complete[running.events_read :]:
            self._event(job, running, json.loads(line))
        running.events_read = len(complete)

    def _event(self, job: Any, running: Running, event: Mapping[str, Any]) -> None:
        name = event["task"]
        if event["state"] == "RUNNING":
            task = running.tasks[name] = self._task(job, name, event["id"])
            task.state = _TASK.State.RUNNING
            task.start_time.FromNanoseconds(int(event["time"] * 1e9))
            self._values(job, task, "input", event["inputs"])
            custom_job = f"{job.name.split('/pipelineJobs')[0]}/customJobs/{event['job']}"
            task.executor_detail.container_detail.main_job = custom_job
            if name in running.custom_jobs:
                resources = [{"resourceType": "CustomJob", "resourceUri": _uri(custom_job)}]
                task.execution.metadata["output:gcp_resources"] = json.dumps({"resources": resources})
                self.store.get(custom_job).state = _RUNNING
            return
        task = running.tasks[name]
        self._values(job, task, "output", event["outputs"])
        self._end(job, task, event["state"], event["time"])
        if name in running.custom_jobs:
            custom_job_state = _FAILED if event["state"] == "FAILED" else _SUCCEEDED
            self.store.get(running.custom_jobs[name]).state = custom_job_state

    def _task(self, job: Any, name: str, number: int = 0) -> Any:
        task = job.job_detail.task_details.add()
        task.task_id, task.task_name = number, name
        task.create_time.GetCurrentTime()
        task.execution.display_name = name
        task.execution.schema_title = "system.ContainerExecution"
        return task

    def _end(self, job: Any, task: Any, state: str, instant: float) -> None:
        task.state = _TASK.State.Value(state)
        task.end_time.FromNanoseconds(int(instant * 1e9))
        if state == "FAILED":
            job_id = task.executor_detail.container_detail.main_job.rsplit("/", 1)[-1]
            task.error.code = RPC["FAILED_PRECONDITION"]
            task.error.message = (
                "The replica workerpool0-0 exited with a non-zero status of 1. To find out more about why "
                "your job exited please check the logs: https://console.cloud.google.com/logs/viewer?"
                f"project={job.name.split('/')[1]}&resource=ml_job%2Fjob_id%2F{job_id}"
            )

    def _values(self, job: Any, task: Any, direction: str, values: Mapping[str, Any]) -> None:
        """Artifacts into the task's lists, parameters into its execution's metadata."""
        lists = task.inputs if direction == "input" else task.outputs
        for name, value in values.items():
            if isinstance(value, dict) and "artifact" in value:
                lists[name].artifacts.append(self._artifact(job, name, value["artifact"]))
            else:
                task.execution.metadata.update({f"{direction}:{name}": value})

    def _artifact(self, job: Any, name: str, described: Mapping[str, Any]) -> Any:
        """The artifact of a URI: made once, then found."""
        metadata = job.job_detail.pipeline_run_context.name.rsplit("/contexts/", 1)[0]
        for known in self.store.of_kind("google.cloud.aiplatform.v1.Artifact", metadata):
            if known.uri == described["uri"]:
                return known
        artifact = _ARTIFACT(
            display_name=name,
            uri=described["uri"],
            schema_title=described["schema"],
            schema_version="0.0.1",
            state=2,
        )
        artifact.metadata.update(described["metadata"])
        self.store.add(f"{metadata}/artifacts/{self.store.number()}", artifact)
        self.store.contexts[artifact.name] = {job.job_detail.pipeline_run_context.name}
        return artifact


def _kill(running: Running) -> None:
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def _uri(name: str) -> str:
    return f"https://{name.split('/')[3]}-aiplatform.googleapis.com/v1/{name}"


def _checked_parameters(spec: Any, job: Any) -> dict[str, Any]:
    """The parameters as Python values.

    Raises:
        Rejection: The spec is no pipeline spec, or a parameter is unknown, missing or of another type.
    """
    try:
        parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        raise Rejection("INVALID_ARGUMENT", f"pipeline_spec: {error}") from error
    given: dict[str, Any] = json_format.MessageToDict(job.runtime_config).get("parameterValues", {})
    defined = parsed.root.input_definitions.parameters
    for name, value in given.items():
        if name not in defined:
            raise Rejection("INVALID_ARGUMENT", f"runtime_config.parameter_values: unknown parameter {name}")
        kind = defined[name].parameter_type
        if not isinstance(value, _KINDS.get(kind, (object,))):
            raise Rejection("INVALID_ARGUMENT", f"runtime_config.parameter_values: {name} is of another type")
        if kind == 2:
            given[name] = int(value)
    missing = [
        n
        for n, each in defined.items()
        if n not in given and not each.HasField("default_value") and not each.is_optional
    ]
    if missing:
        raise Rejection("INVALID_ARGUMENT", f"runtime_config.parameter_values: missing {missing}")
    return dict(given)


def _task_names(spec: Any) -> Sequence[str]:
    """Every task that is no group of tasks."""
    dags = [spec["root"], *(each for each in spec["components"].values() if "dag" in each)]
    tasks = {name: task for each in dags for name, task in each["dag"]["tasks"].items()}
    components = spec["components"]
    return [name for name, task in tasks.items() if "dag" not in components[task["componentRef"]["name"]]]


def _custom_job(component: Any, executor: Any, labels: dict[str, str]) -> Any:
    """The custom job that the launcher would create: its own payload, filled in and parsed to the letter.

    The labels of the run are added to its own, as the launcher does (VERTEX_AI_PIPELINES_RUN_LABELS).

    Raises:
        Rejection: The payload is no custom job.
    """
    defaults = {
        name: each.get("defaultValue") for name, each in component["inputDefinitions"]["parameters"].items()
    }

    def filled(found: re.Match[str]) -> str:
        value = defaults[found[1]]
        text = json.dumps(value)
        return text[1:-1] if isinstance(value, str) else text

    arguments = executor["container"]["args"]
    payload = arguments[arguments.index("--payload") + 1]
    payload = re.sub(r"\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}", filled, payload)
    content = json.loads(payload)
    content["labels"] = {**labels, **content["labels"]}
    content["job_spec"]["persistent_resource_id"] = ""  # a placeholder: the pipeline's own, if it has one
    try:
        return json_format.ParseDict(content, _CUSTOM_JOB(state=_PENDING))
    except json_format.ParseError as error:
        raise Rejection("INVALID_ARGUMENT", f"the custom job's payload: {error}") from error
