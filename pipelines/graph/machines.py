"""How large a machine is, by its name: virtual CPUs, memory, and what is built in."""

import re
from dataclasses import dataclass

from configs.cloud import Cloud, StageMachine
from configs.errors import SettingsError

_GB_A_CPU: dict[str, dict[str, float]] = {
    "e2": {"standard": 4, "highmem": 8, "highcpu": 1},
    "n1": {"standard": 3.75, "highmem": 6.5, "highcpu": 0.9},
    "n2": {"standard": 4, "highmem": 8, "highcpu": 1},
    "n2d": {"standard": 4, "highmem": 8, "highcpu": 1},
    "c2": {"standard": 4},
    "c2d": {"standard": 4, "highmem": 8, "highcpu": 2},
    "c3": {"standard": 4, "highmem": 8, "highcpu": 2},
    "c3d": {"standard": 4, "highmem": 8, "highcpu": 2},
    "c4": {"standard": 3.75, "highmem": 7.75, "highcpu": 2},
    "t2d": {"standard": 4},
    "g2": {"standard": 4},
}
_A_GPU: dict[str, tuple[int, float]] = {
    "a2-highgpu": (12, 85),
    "a2-megagpu": (6, 85),
    "a2-ultragpu": (12, 170),
    "a3-highgpu": (26, 234),
    "a3-megagpu": (26, 234),
    "a3-ultragpu": (28, 369),
}
"""CPUs and GB of memory that come with a GPU."""
_NUMBERED = re.compile(r"(?P<family>[a-z][a-z0-9]*)-(?P<kind>[a-z]+)-(?P<count>[0-9]+)g?")
_TPU_CHIPS_A_HOST = {"ct5lp-hightpu-1t": 1, "ct5lp-hightpu-4t": 4, "ct5lp-hightpu-8t": 8}


@dataclass(frozen=True)
class Shape:
    """One machine."""

    family: str
    """As it stands in the price file."""
    cpus: int
    """Virtual ones; 0 where the accelerator's price has them."""
    memory_gb: float


def shape(machine: str) -> Shape:
    """The size of a machine type.

    Raises:
        SettingsError: Its size is not known here.
    """
    if machine == "cloud-tpu" or machine in _TPU_CHIPS_A_HOST:
        return Shape(machine.split("-hightpu", maxsplit=1)[0], 0, 0.0)
    found = _NUMBERED.fullmatch(machine)
    if found:
        family, kind, count = found["family"], found["kind"], int(found["count"])
        if f"{family}-{kind}" in _A_GPU:
            cpus, memory_gb = _A_GPU[f"{family}-{kind}"]
            return Shape(family, cpus * count, memory_gb * count)
        if kind in _GB_A_CPU.get(family, {}):
            return Shape(family, count, _GB_A_CPU[family][kind] * count)
    raise SettingsError(
        f"machine_type {machine}",
        expected=f"a machine of a family with a known size ({', '.join(sorted(_GB_A_CPU))}, a2, a3, TPU v5e)",
        remedy="Its cost is not known: choose another, or add its size to pipelines/graph/machines.py.",
    )


def chips(machine: str, topology: str) -> int:
    """The chips of a TPU v5e slice; 0 for any other machine."""
    if machine not in _TPU_CHIPS_A_HOST:
        return 0
    wide, _, high = topology.partition("x")
    return int(wide) * int(high)


def hosts(machine: str, topology: str) -> int:
    """The machines of a TPU v5e slice; 1 for any other machine."""
    return max(1, chips(machine, topology) // _TPU_CHIPS_A_HOST.get(machine, 1)) if topology else 1


def stage_machine(cloud: Cloud, name: str) -> StageMachine:
    """What a stage's container asks for."""
    return next((machine for stage, machine in cloud.stages.items() if stage == name), StageMachine())
