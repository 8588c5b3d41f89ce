"""On which machine a task runs: the only place where the targets' graphs differ."""

from typing import Any

from configs.cloud import Cloud, StageMachine, TrainingJob
from configs.settings import Settings
from configs.stages import container_tasks

REDUCTION_SERVER = "us-docker.pkg.dev/vertex-ai-restricted/training/reductionserver:latest"
"""Google's own image, which has no other tag."""
REDUCTION_MACHINE = "n1-highcpu-16"
_RESERVATION_KEY = "compute.googleapis.com/reservation-name"


def as_custom_job(component: Any, settings: Settings) -> Any:
    """The component itself; on Google Cloud, the same as a Vertex AI custom job.

    Its command, its inputs and its outputs stay what they are.
    """
    cloud = settings.cloud
    if cloud is None:
        return component
    from google_cloud_pipeline_components.v1.custom_job import create_custom_training_job_from_component

    network = cloud.network
    wrapped = create_custom_training_job_from_component(
        component,
        display_name=f"{settings.name}-{component.name}",
        **_machine(cloud.training),
        timeout=f"{cloud.training.timeout_hours * 3600}s",
        restart_job_on_worker_restart=cloud.training.restart_on_worker_restart,
        strategy="SPOT" if cloud.training.provisioning == "SPOT" else "STANDARD",
        service_account=cloud.identities.trainer,
        network=network.network,
        psc_interface_config={"network_attachment": network.psc_attachment} if network.psc_attachment else {},
        reserved_ip_ranges=[],
        encryption_spec_key_name=cloud.kms_key,
        tensorboard=cloud.tracking.tensorboard,
        base_output_directory=f"{settings.places.root}/{settings.name}/tensorboard"
        if cloud.tracking.tensorboard
        else "",
        labels=settings.labels,
    )
    return _with_pools(wrapped, cloud.training, settings.image)


def _machine(job: TrainingJob) -> dict[str, Any]:
    reserved = {
        "reservation_affinity_type": "SPECIFIC_RESERVATION",
        "reservation_affinity_key": _RESERVATION_KEY,
        "reservation_affinity_values": [job.reservation],
    }
    return {
        "machine_type": job.machine_type,
        "accelerator_type": job.accelerator or "",
        "accelerator_count": job.accelerator_count,
        "replica_count": job.replicas,
        "boot_disk_size_gb": job.disk_gb,
        **(reserved if job.provisioning == "RESERVED" else {}),
    }


def _with_pools(wrapped: Any, job: TrainingJob, image: str) -> Any:
    """What the wrapper cannot be told: our image, the TPUs' topology, the reduction servers."""
    import yaml
    from google.protobuf import json_format
    from kfp import components

    spec = json_format.MessageToDict(wrapped.pipeline_spec)
    defined = next(iter(spec["components"].values()))["inputDefinitions"]["parameters"]
    pools = [_whole(pool) for pool in defined["worker_pool_specs"]["defaultValue"]]
    for pool in pools:
        pool["container_spec"]["image_uri"] = image
        if job.tpu_topology:
            pool["machine_spec"]["tpu_topology"] = job.tpu_topology
    if job.reduction_server_replicas:
        pools.append(_reduction_servers(job.reduction_server_replicas))
    for place in (defined, spec["root"]["inputDefinitions"]["parameters"]):
        place["worker_pool_specs"]["defaultValue"] = pools
    again = components.load_component_from_text(yaml.safe_dump(spec))
    again.component_spec.name = wrapped.component_spec.name  # which the text does not keep
    return again


def _reduction_servers(replicas: int) -> dict[str, Any]:
    return {
        "machine_spec": {"machine_type": REDUCTION_MACHINE},
        "replica_count": replicas,
        "container_spec": {"image_uri": REDUCTION_SERVER},
    }


def _whole(value: Any) -> Any:
    """Numbers without a fraction as integers: a protobuf value knows only floats."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def placed(task: Any, settings: Settings) -> Any:
    """Give a task its image and, on Google Cloud, its share of a machine."""
    cloud = settings.cloud
    if cloud is None:
        return task.set_container_image(settings.image)
    if task.name not in container_tasks():
        return task  # the launcher's own image; ours is in the job's worker pools
    machine = stage_machine(cloud, task.name)
    task.set_container_image(settings.image)
    return task.set_cpu_limit(str(machine.cpus)).set_memory_limit(f"{machine.memory_gb}G")


def stage_machine(cloud: Cloud, name: str) -> StageMachine:
    """What a stage's container asks for."""
    return next((machine for stage, machine in cloud.stages.items() if stage == name), StageMachine())


def job_created_at(settings: Settings) -> str:
    """The placeholder for the instant (UTC) at which a job was created; KFP's local runner breaks at it."""
    from kfp import dsl

    created: str = dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER if settings.cloud else ""
    return created


def job_name(settings: Settings) -> str:
    """The placeholder for the name of the job, by which a run that a clock started is known."""
    from kfp import dsl

    name: str = dsl.PIPELINE_JOB_NAME_PLACEHOLDER if settings.cloud else ""
    return name
