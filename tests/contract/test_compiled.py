"""The compiled pipeline of each environment: as it was reviewed, and as Google's own protos read it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from configs.errors import SettingsError
from configs.loading import load
from configs.stages import Pipeline
from pipelines.graph import compiling, lint
from tests.contract.golden.files import ENVIRONMENTS, PIPELINES, compiled, golden_file
from tests.contract.vertex.pipelines import _custom_job
from tests.contract.vertex.routes import raw

aiplatform: Any = pytest.importorskip("google.cloud.aiplatform")
CLOUD = ("dev", "test", "prod")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


def compile_for(folder: Path, environment: str, *overrides: str) -> dict[str, Any]:
    path = folder / f"{environment}.yaml"
    if path.exists() and not overrides:
        known: dict[str, Any] = yaml.safe_load(path.read_text())
        return known
    if overrides:
        path = folder / "other.yaml"
    compiling.compile_to(load("flights", environment, overrides), path)
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def custom_job(spec: dict[str, Any]) -> Any:
    executor = spec["deploymentSpec"]["executors"]["exec-train"]
    return _custom_job(spec["components"]["comp-train"], executor, load("flights", "dev").labels)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_compiled_file_is_the_reviewed_one(environment: str, pipeline: Pipeline) -> None:
    golden = golden_file(environment, pipeline)
    assert compiled(environment, pipeline) == golden.read_text(), (
        f"The {pipeline} graph for {environment} changed. If that is meant: python -m tests.contract.golden, "
        f"then read the difference of {golden.name} and commit it."
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_compiled_file_is_a_pipeline_spec_to_the_letter(folder: Path, environment: str) -> None:
    spec = json_format.ParseDict(compile_for(folder, environment), pipeline_spec_pb2.PipelineSpec())
    assert spec.pipeline_info.name == "training-flights"


@pytest.mark.parametrize("environment", CLOUD)
def test_the_client_makes_a_pipeline_job_of_it_to_the_letter(folder: Path, environment: str) -> None:
    compile_for(folder, environment)
    job = aiplatform.PipelineJob(
        "flights",
        str(folder / f"{environment}.yaml"),
        pipeline_root="gs://bucket/root",
        parameter_values={"run_id": "flights-1"},
        project="my-project",
        location="us-central1",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth
    )
    content = json_format.MessageToDict(job._gca_resource._pb)
    kind = raw(aiplatform.gapic.PipelineJob)
    assert json_format.ParseDict(content, kind()) == job._gca_resource._pb


def test_training_is_a_custom_job_on_the_machine_of_the_settings(folder: Path) -> None:
    job = custom_job(compile_for(folder, "dev"))
    (pool,) = job.job_spec.worker_pool_specs
    machine = pool.machine_spec
    assert (machine.machine_type, machine.accelerator_count) == ("n1-standard-8", 1)
    assert machine.accelerator_type == machine.DESCRIPTOR.fields_by_name[
        "accelerator_type"
    ].enum_type.values_by_name["NVIDIA_TESLA_T4"].number  # fmt: skip
    assert pool.container_spec.image_uri == load("flights", "dev").image
    assert (job.job_spec.scheduling.strategy, job.job_spec.scheduling.timeout.seconds) == (4, 7200)  # SPOT
    assert job.job_spec.service_account.startswith("trainer@")
    assert dict(job.labels) == {"use_case": "flights", "environment": "dev"}


def test_many_hosts_with_reduction_servers_are_pools_of_one_job(folder: Path) -> None:
    machines = "{machine_type: g2-standard-24, accelerator: NVIDIA_L4, accelerator_count: 2, replicas: 3, "
    machines += "reduction_server_replicas: 2}"
    job = custom_job(compile_for(folder, "dev", f"cloud.training={machines}"))
    pools = job.job_spec.worker_pool_specs
    assert [pool.replica_count for pool in pools] == [1, 2, 2]
    assert "reductionserver" in pools[2].container_spec.image_uri


def test_a_tpu_slice_a_reservation_and_a_key_are_said_to_the_service(folder: Path) -> None:
    key = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
    tpu = "cloud.training={machine_type: ct5lp-hightpu-4t, tpu_topology: 4x4, accelerator: null, "
    tpu += "accelerator_count: 0, provisioning: RESERVED, reservation: projects/p/zones/z/reservations/r}"
    job = custom_job(compile_for(folder, "dev", tpu, f"cloud.kms_key={key}"))
    machine = job.job_spec.worker_pool_specs[0].machine_spec
    assert (machine.machine_type, machine.tpu_topology) == ("ct5lp-hightpu-4t", "4x4")
    assert list(machine.reservation_affinity.values) == ["projects/p/zones/z/reservations/r"]
    assert job.encryption_spec.kms_key_name == key


def test_the_other_stages_get_their_share_of_a_machine(folder: Path) -> None:
    spec = compile_for(folder, "dev", "cloud.stages={validate: {cpus: 8, memory_gb: 32}}")
    resources = {
        label.removeprefix("exec-"): executor["container"].get("resources", {}).get("resourceMemoryLimit")
        for label, executor in spec["deploymentSpec"]["executors"].items()
        if "container" in executor
    }
    assert (resources["validate"], resources["ingest"], resources["train"]) == ("32G", "16G", None)


def test_an_image_without_a_digest_is_rejected_where_images_are_pinned(folder: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape("pipeline-python:1 is not named by its digest")):
        compile_for(folder, "prod", "image=registry.example/pipeline-python:1")


# --- the lint -------------------------------------------------------------------------------------


def group(spec: dict[str, Any], wanted: str) -> dict[str, Any]:
    """A task, wherever it is."""
    every = [each["dag"]["tasks"] for each in spec["components"].values() if "dag" in each]
    found: dict[str, Any] = next(task for tasks in every for name, task in tasks.items() if wanted in name)
    return found


def test_a_graph_as_it_is_has_no_problem(folder: Path) -> None:
    assert list(lint.lint(compile_for(folder, "dev"))) == []


def conditions(spec: dict[str, Any]) -> dict[str, Any]:
    """The tasks of the branches, by name, wherever they are."""
    every = [each["dag"]["tasks"] for each in spec["components"].values() if "dag" in each]
    found: dict[str, Any] = next(tasks for tasks in every if "triggerPolicy" in next(iter(tasks.values())))
    return found


def test_an_if_without_an_else_is_found(folder: Path) -> None:
    spec = compile_for(folder, "dev")
    tasks = conditions(spec)
    for name in [
        n for n, t in tasks.items() if t.get("triggerPolicy", {}).get("condition", "").startswith("!")
    ]:
        del tasks[name]
    (problem,) = lint.lint(spec)
    assert "dsl.If without dsl.Else" in problem


def test_a_gate_with_a_named_output_is_found(folder: Path) -> None:
    spec = compile_for(folder, "dev")
    for task in conditions(spec).values():
        condition = task["triggerPolicy"]["condition"].replace("evaluate-Output", "evaluate-decision")
        task["triggerPolicy"]["condition"] = condition
    assert [problem for problem in lint.lint(spec) if "named output" in problem]


def test_a_loop_over_another_tasks_parameter_is_found(folder: Path) -> None:
    spec = compile_for(folder, "dev")
    loop = group(spec, "evaluate")
    loop["parameterIterator"] = {"itemInput": "settings-loop-item", "items": {"raw": "[1]"}}
    assert any("becomes the" in p or "is the loop's" in p for p in lint.lint(spec))


def test_a_stage_that_installs_packages_is_found(folder: Path) -> None:
    spec = compile_for(folder, "dev")
    spec["deploymentSpec"]["executors"]["exec-ingest"]["container"]["command"].append("pip install x")
    (problem,) = lint.lint(spec)
    assert problem.startswith("ingest: installs packages")


def test_a_parameter_without_a_default_or_of_another_type_is_found(folder: Path) -> None:
    spec = compile_for(folder, "dev")
    del spec["root"]["inputDefinitions"]["parameters"]["run_id"]["defaultValue"]
    group(spec, "ingest")["inputs"]["parameters"]["code"]["runtimeValue"]["constant"] = 3.0
    problems = list(lint.lint(spec))
    assert "'run_id' has no default" in problems[0]
    assert problems[1] == "ingest: 'code' is a STRING, but gets 3.0"
