"""A component as a Vertex AI custom job: Google's own launcher, given the component's command as a payload.

The launcher's image and its arguments, and the names of the component's inputs, are those of Google's
pipeline components 2.22. What the job is made of are inputs with defaults.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from configs.cloud import Cloud, TrainingJob
from configs.settings import Settings

LAUNCHER = "gcr.io/ml-pipeline/google-cloud-pipeline-components:2.22.0"
_LAUNCHER_MODULE = "google_cloud_pipeline_components.container.v1.custom_job.launcher"
REDUCTION_SERVER = "us-docker.pkg.dev/vertex-ai-restricted/training/reductionserver:latest"
"""Google's own image, which has no other tag."""
REDUCTION_MACHINE = "n1-highcpu-16"
_KIND = inspect.Parameter.POSITIONAL_OR_KEYWORD
_RESERVATION_KEY = "compute.googleapis.com/reservation-name"
_JOB_SPEC = {
    "display_name": str,
    "job_spec": {
        "worker_pool_specs": list,
        "scheduling": {
            "timeout": str,
            "restart_job_on_worker_restart": bool,
            "strategy": str,
            "max_wait_duration": str,
        },
        "service_account": str,
        "tensorboard": str,
        "enable_web_access": bool,
        "network": str,
        "reserved_ip_ranges": list,
        "base_output_directory": {"output_uri_prefix": "base_output_directory"},
        "persistent_resource_id": str,
        "psc_interface_config": dict,
    },
    "labels": dict,
    "encryption_spec": {"kms_key_name": "encryption_spec_key_name"},
}
"""The payload: each value is the input of the same name (or of this name), of this type."""


def as_custom_job(component: Any, settings: Settings, cloud: Cloud) -> Any:
    """The component of the same name, inputs and outputs that runs as a custom job.

    It is made of a Python component; KFP takes no other values than named ones from such a job.
    """
    from kfp import dsl

    own = inspect.signature(component.python_func).parameters.values()
    outputs = (component.component_spec.outputs or {}).items()
    values = {name: spec.type for name, spec in outputs if not spec.type.startswith("system.")}
    values["gcp_resources"] = str
    made = [inspect.Parameter(name, _KIND, annotation=dsl.OutputPath(kind)) for name, kind in values.items()]
    inputs = _inputs(component, settings, cloud).items()
    job = [inspect.Parameter(name, _KIND, default=value, annotation=type(value)) for name, value in inputs]

    def launch(*_: Any) -> Any:
        return dsl.ContainerSpec(
            image=LAUNCHER,
            command=["python3", "-u", "-m", _LAUNCHER_MODULE],
            args=[
                *("--type", "CustomJob"),
                *("--payload", _payload(_JOB_SPEC)),
                *("--project", _input("project")),
                *("--location", _input("location")),
                *("--gcp_resources", "{{$.outputs.parameters['gcp_resources'].output_file}}"),
            ],
        )

    launch.__name__ = component.name
    launch.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # it is how a function says so
        [*own, *made, *job], return_annotation=dsl.ContainerSpec
    )
    return dsl.container_component(launch)


def _input(name: str) -> str:
    return f"{{{{$.inputs.parameters['{name}']}}}}"


def _payload(spec: Any, name: str = "") -> str:
    """JSON in which each value is the placeholder of an input: a text in quotes, anything else without."""
    if isinstance(spec, Mapping):
        items = (f"{json.dumps(key)}: {_payload(each, key)}" for key, each in spec.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(spec, str):
        return f'"{_input(spec)}"'
    return f'"{_input(name)}"' if spec is str else _input(name)


def _inputs(component: Any, settings: Settings, cloud: Cloud) -> dict[str, Any]:
    """The inputs of the job; it gets the labels of the pipeline's run from Vertex AI itself."""
    job, attachment = cloud.training, cloud.network.psc_attachment
    curves = f"{settings.places.root}/{settings.name}/tensorboard"
    return {
        "display_name": f"{settings.name}-{component.name}",
        "worker_pool_specs": _worker_pools(component, job, settings.image),
        "timeout": f"{job.timeout_hours * 3600}s",
        "restart_job_on_worker_restart": job.restart_on_worker_restart,
        "strategy": "SPOT" if job.provisioning == "SPOT" else "STANDARD",
        "max_wait_duration": "86400s",
        "service_account": cloud.identities.trainer,
        "tensorboard": cloud.tracking.tensorboard,
        "enable_web_access": False,
        "network": cloud.network.network,
        "reserved_ip_ranges": [],
        "base_output_directory": curves if cloud.tracking.tensorboard else "",
        "persistent_resource_id": "{{$.pipeline_persistent_resource_id}}",
        "psc_interface_config": {"network_attachment": attachment} if attachment else {},
        "labels": {},
        "encryption_spec_key_name": cloud.kms_key,
        "project": "{{$.pipeline_google_cloud_project_id}}",
        "location": "{{$.pipeline_google_cloud_location}}",
    }


def _worker_pools(component: Any, job: TrainingJob, image: str) -> list[dict[str, Any]]:
    """The first host, the others, and those that add up gradients."""
    container = component.pipeline_spec.deployment_spec["executors"][f"exec-{component.name}"]["container"]
    pool = {
        "machine_spec": _machine(job),
        "replica_count": 1,
        "container_spec": {
            "image_uri": image,
            "command": list(container["command"]),
            # the executor's input stands in a JSON text inside the payload
            "args": ["{{$.json_escape[1]}}" if each == "{{$}}" else each for each in container["args"]],
            "env": [],
        },
        "disk_spec": {"boot_disk_type": "pd-ssd", "boot_disk_size_gb": job.disk_gb},
    }
    pools = [pool]
    if job.replicas > 1:
        pools.append(pool | {"replica_count": job.replicas - 1})
    if job.reduction_server_replicas:
        pools.append(
            {
                "machine_spec": {"machine_type": REDUCTION_MACHINE},
                "replica_count": job.reduction_server_replicas,
                "container_spec": {"image_uri": REDUCTION_SERVER},
            }
        )
    return pools


def _machine(job: TrainingJob) -> dict[str, Any]:
    machine: dict[str, Any] = {"machine_type": job.machine_type}
    if job.accelerator:
        machine |= {"accelerator_type": job.accelerator, "accelerator_count": job.accelerator_count}
    if job.tpu_topology:
        machine["tpu_topology"] = job.tpu_topology
    if job.provisioning == "RESERVED":
        machine["reservation_affinity"] = {
            "reservation_affinity_type": "SPECIFIC_RESERVATION",
            "key": _RESERVATION_KEY,
            "values": [job.reservation],
        }
    return machine
