"""Which accelerator goes with which machine of Vertex AI, and in which number.

A mistake here costs minutes on the service, after the pipeline has already ingested and transformed; it is
found before anything is submitted. The tables follow Vertex AI's "Configure compute resources" (2026-11).
"""

import re
from collections.abc import Mapping

_T4, _P100, _V100 = "NVIDIA_TESLA_T4", "NVIDIA_TESLA_P100", "NVIDIA_TESLA_V100"
_ON_N1: dict[int, dict[str, tuple[int, ...]]] = {
    8: {_T4: (1, 2, 4), _P100: (1, 2, 4), _V100: (1, 2, 4, 8)},
    16: {_T4: (1, 2, 4), _P100: (1, 2, 4), _V100: (2, 4, 8)},
    32: {_T4: (2, 4), _P100: (2, 4), _V100: (4, 8)},
    96: {_T4: (4,), _P100: (4,), _V100: (8,)},
}
"""By the most virtual CPUs of a machine n1-*: more of them need more GPUs."""
_BUILT_IN: dict[str, dict[str, tuple[int, ...]]] = {
    **{f"a2-highgpu-{count}g": {"NVIDIA_TESLA_A100": (count,)} for count in (1, 2, 4, 8)},
    "a2-megagpu-16g": {"NVIDIA_TESLA_A100": (16,)},
    **{f"a2-ultragpu-{count}g": {"NVIDIA_A100_80GB": (count,)} for count in (1, 2, 4, 8)},
    **{f"a3-highgpu-{count}g": {"NVIDIA_H100_80GB": (count,)} for count in (1, 2, 4, 8)},
    "a3-megagpu-8g": {"NVIDIA_H100_MEGA_80GB": (8,)},
    "a3-ultragpu-8g": {"NVIDIA_H200_141GB": (8,)},
    **{f"g2-standard-{cpus}": {"NVIDIA_L4": (1,)} for cpus in (4, 8, 12, 16, 32)},
    "g2-standard-24": {"NVIDIA_L4": (2,)},
    "g2-standard-48": {"NVIDIA_L4": (4,)},
    "g2-standard-96": {"NVIDIA_L4": (8,)},
    "cloud-tpu": {"TPU_V2": (8,), "TPU_V3": (8,)},
}
"""Machines that have their accelerators built in."""
_TPU_V5E: dict[str, tuple[str, ...]] = {
    "ct5lp-hightpu-1t": ("1x1",),
    "ct5lp-hightpu-4t": ("2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16"),
    "ct5lp-hightpu-8t": ("2x4",),
}
"""TPU v5e: the machine says how many chips a host has, the topology how many there are in all."""
_PLAIN = re.compile(r"(?:e2|n1|n2|n2d|c2|c2d|c3|c3d|c4|m1|m3|t2d)-[a-z]+-[0-9]+")
_LATER_TPU = re.compile(r"ct(?:6e|[7-9]\w*)-.*|tpu[0-9].*")


def check(machine: str, accelerator: str | None, count: int, topology: str = "") -> None:
    """Reject what does not go together.

    Args:
        machine: Its type.
        accelerator: Its kind, as Vertex AI names it; None: none, or built into a TPU machine.
        count: How many a machine has.
        topology: Of a TPU v5e slice.

    Raises:
        ValueError: The combination does not exist; the message says what goes, with an example.
    """
    if bool(accelerator) != bool(count):
        raise ValueError(
            f"accelerator {accelerator or 'none'} with accelerator_count {count}: give both or neither"
        )
    wanted = f"{count} x {accelerator}" if accelerator else f"topology {topology}" if topology else "none"
    subject = f"accelerator {wanted} on machine_type {machine}"
    if _LATER_TPU.fullmatch(machine):
        raise ValueError(
            f"{subject}: TensorFlow does not support TPUs later than v5e there; "
            "e.g. machine_type: ct5lp-hightpu-4t, tpu_topology: 2x2, or a GPU"
        )
    if machine in _TPU_V5E:
        if accelerator or topology not in _TPU_V5E[machine]:
            goes = ", ".join(_TPU_V5E[machine])
            raise ValueError(
                f"{subject}: goes with no accelerator and a tpu_topology of {goes}; "
                f"e.g. machine_type: {machine}, tpu_topology: {_TPU_V5E[machine][0]}"
            )
        return
    if topology:
        raise ValueError(
            f"{subject}: tpu_topology is for TPU v5e only; "
            "e.g. machine_type: ct5lp-hightpu-1t, tpu_topology: 1x1"
        )
    goes_with = _accelerators(machine)
    if accelerator is None and machine not in _BUILT_IN:
        return
    if count not in goes_with.get(accelerator or "", ()):
        raise ValueError(f"{subject}: {_what_goes(accelerator, goes_with)}")


def _accelerators(machine: str) -> Mapping[str, tuple[int, ...]]:
    """The accelerators that go with a machine, with their numbers.

    Raises:
        ValueError: Vertex AI has no such machine.
    """
    if machine in _BUILT_IN:
        return _BUILT_IN[machine]
    if not _PLAIN.fullmatch(machine):
        raise ValueError(
            f"machine_type {machine}: Vertex AI has none of this name; e.g. n1-standard-8, e2-standard-4, "
            "g2-standard-12, a2-highgpu-1g, ct5lp-hightpu-4t"
        )
    if not machine.startswith("n1-"):
        return {}
    cpus = int(machine.rsplit("-", 1)[1])
    return next((goes for most, goes in _ON_N1.items() if cpus <= most), {})


def _what_goes(accelerator: str | None, goes_with: Mapping[str, tuple[int, ...]]) -> str:
    listed = (f"{kind} x {' or '.join(map(str, counts))}" for kind, counts in goes_with.items())
    goes = ", ".join(listed) or "no accelerator"
    if accelerator and accelerator not in goes_with:
        with_it = {**_BUILT_IN, "n1-standard-8": _ON_N1[8]}
        machine = next(machine for machine, kinds in with_it.items() if accelerator in kinds)
        count = with_it[machine][accelerator][0]
        example = f"machine_type: {machine}, accelerator: {accelerator}, accelerator_count: {count}"
    else:
        kind = accelerator or next(iter(goes_with))
        example = f"accelerator: {kind}, accelerator_count: {goes_with[kind][0]}"
    return f"goes with {goes}; e.g. {example}"
