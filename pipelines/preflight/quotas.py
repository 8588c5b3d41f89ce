"""Whether the region gives the project as many machines and accelerators as the environment may ask for.

Vertex AI counts its machines by quotas of its own, read from Cloud Quotas: limits, not what is in use.
Dataflow's workers count against Compute Engine's, which has both.
"""

import re
from collections.abc import Iterator
from typing import Any

from configs.cloud import TrainingJob
from pipelines.graph.machines import chips, shape
from pipelines.preflight.context import Finding, PreflightContext, command
from pipelines.preflight.google import ApiError
from pipelines.runners.target import on_dataflow

_QUOTAS = "cloudquotas.googleapis.com"
_VERTEX = "aiplatform.googleapis.com"
_SHARED_CPUS = ("e2", "n1")
"""Families whose CPUs share one quota, which has no family in its name."""
_BUILT_IN = ("cloud-tpu", "ct5lp")
_SIZE = re.compile(r"_[0-9]+gb")
Need = tuple[str, str, int]
"""What for, the metric after `custom_model_`, and how many."""


def vertex(context: PreflightContext) -> Iterator[Finding]:
    """Training and serving, by Vertex AI's quotas."""
    needs = [*_training(context.cloud.training), *_serving(context)]
    path = f"/v1/projects/{context.project}/locations/global/services/{_VERTEX}/quotaInfos"
    try:
        listed = context.google.pages(_QUOTAS, path, "quotaInfos", pageSize=500)
    except ApiError as error:
        if not error.api_is_off:
            raise
        fix = command("gcloud services enable", _QUOTAS, project=context.project)
        yield Finding("quota of Vertex AI", "unknown", "Cloud Quotas is not enabled", (fix,))
        return
    infos = {each["metric"]: each for each in listed}
    for what, metric, wanted in needs:
        yield _against(context, what, infos.get(f"{_VERTEX}/custom_model_{metric}"), metric, wanted)


def _training(job: TrainingJob) -> Iterator[Need]:
    preemptible = "preemptible_" if job.provisioning == "SPOT" else ""
    size = shape(job.machine_type)
    if job.accelerator:
        tpu = job.accelerator.startswith("TPU")
        what, metric = ("TPU cores", job.accelerator.lower()) if tpu else ("GPUs", _gpu(job.accelerator))
        yield f"training {what}", f"training_{preemptible}{metric}", job.accelerator_count * job.replicas
    elif job.tpu_topology:
        v5e = chips(job.machine_type, job.tpu_topology)
        yield "training TPU chips", f"training_{preemptible}tpu_v5e", v5e
    if size.family not in _BUILT_IN:
        yield "training CPUs", f"training_{preemptible}{_cpus(size.family)}", size.cpus * job.replicas


def _serving(context: PreflightContext) -> Iterator[Need]:
    server = context.cloud.prediction
    size, most = shape(server.machine_type), 2 * server.max_replicas
    if server.accelerator:
        yield "serving GPUs", f"serving_{_gpu(server.accelerator)}", server.accelerator_count * most
    yield "serving CPUs", f"serving_{_cpus(size.family)}", size.cpus * most


def _gpu(accelerator: str) -> str:
    """NVIDIA_TESLA_T4 is nvidia_t4_gpus to the quotas; NVIDIA_A100_80GB keeps its size, others do not."""
    name = accelerator.lower().replace("tesla_", "")
    return (name if "a100" in name else _SIZE.sub("", name)) + "_gpus"


def _cpus(family: str) -> str:
    return "cpus" if family in _SHARED_CPUS else f"{family}_cpus"


def _against(
    context: PreflightContext, what: str, info: dict[str, Any] | None, metric: str, wanted: int
) -> Finding:
    region, name = context.cloud.location, f"quota: {what}"
    limit = _limit(info, region) if info else None
    if info is None or limit is None:
        look = command("gcloud beta quotas info list", service=_VERTEX, project=context.project)
        return Finding(name, "unknown", f"Cloud Quotas has no custom_model_{metric} for {region}", (look,))
    if limit < 0 or limit >= wanted:
        most = "no limit" if limit < 0 else f"at most {limit}"
        return Finding(name, "ready", f"{wanted} wanted, {most} in {region}")
    fix = _more(context, _VERTEX, info["quotaId"], wanted)
    return Finding(name, "missing", f"{wanted} wanted, at most {limit} in {region}", (fix,))


def _limit(info: dict[str, Any], region: str) -> int | None:
    """The limit of a region: its own entry, or the one of all that have none. -1: unlimited."""
    fallback = None
    for each in info.get("dimensionsInfos", []):
        named = each.get("dimensions", {}).get("region")
        value = int(each.get("details", {}).get("value", 0))
        if named == region:
            return value
        applies = each.get("applicableLocations", [])
        if named is None and (not applies or region in applies or "global" in applies):
            fallback = value
    return fallback


def dataflow(context: PreflightContext) -> Iterator[Finding]:
    """Beam's workers, by Compute Engine's quotas, with what is in use."""
    if not on_dataflow(context.cloud):
        return
    job = context.cloud.dataflow
    size = shape(job.machine_type)
    most = job.workers if job.autoscaling == "NONE" else max(job.workers, job.max_workers)
    path = f"/compute/v1/projects/{context.project}/regions/{context.cloud.location}"
    region = context.google.find("compute.googleapis.com", path)
    if region is None:
        regions = command("gcloud compute regions list", project=context.project)
        detail = f"no region {context.cloud.location}: set cloud.location"
        yield Finding("region", "missing", detail, (regions,))
        return
    quotas = {each["metric"]: each for each in region["quotas"]}
    needs = {
        "CPUS" if size.family in _SHARED_CPUS else f"{size.family.upper()}_CPUS": size.cpus * most,
        "DISKS_TOTAL_GB": job.disk_gb * most,
        **({"IN_USE_ADDRESSES": most} if context.cloud.network.public_ips else {}),
    }
    for metric, wanted in needs.items():
        name, quota = f"quota: Dataflow {metric}", quotas.get(metric)
        if quota is None:
            yield Finding(name, "unknown", f"Compute Engine has none in {context.cloud.location}")
            continue
        free = int(quota["limit"] - quota["usage"])
        said = f"{wanted} wanted, {free} of {quota['limit']:.0f} free in {context.cloud.location}"
        if free >= wanted:
            yield Finding(name, "ready", said)
            continue
        quota_id = f"{metric.replace('_', '-')}-per-project-region"
        fix = _more(context, "compute.googleapis.com", quota_id, int(quota["usage"]) + wanted)
        yield Finding(name, "missing", f"{said}; or lower cloud.dataflow.max_workers", (fix,))


def _more(context: PreflightContext, service: str, quota_id: str, value: int) -> str:
    return command(
        "gcloud beta quotas preferences create", service=service, project=context.project, quota_id=quota_id,
        preferred_value=str(value), dimensions=f"region={context.cloud.location}",
    )  # fmt: skip
