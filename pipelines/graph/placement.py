"""On which machine a task runs: the only place where the targets' graphs differ."""

from typing import Any

from configs.cloud import Cloud, StageMachine
from configs.settings import Settings
from configs.stages import container_tasks


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
