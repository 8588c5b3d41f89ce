"""What goes with what on Vertex AI is known before anything is submitted."""

import pytest

from configs.errors import SettingsError
from configs.loading import load
from configs.machines import check

_TWO_TPUS = "cloud.training={machine_type: cloud-tpu, accelerator: TPU_V3, accelerator_count: 8, replicas: 2}"


@pytest.mark.parametrize(
    ("machine", "accelerator", "count", "topology"),
    [
        ("e2-standard-8", None, 0, ""),
        ("n1-standard-8", None, 0, ""),
        ("n1-standard-8", "NVIDIA_TESLA_T4", 4, ""),
        ("n1-standard-16", "NVIDIA_TESLA_V100", 2, ""),
        ("n1-highmem-96", "NVIDIA_TESLA_V100", 8, ""),
        ("g2-standard-24", "NVIDIA_L4", 2, ""),
        ("a2-ultragpu-4g", "NVIDIA_A100_80GB", 4, ""),
        ("a3-highgpu-8g", "NVIDIA_H100_80GB", 8, ""),
        ("cloud-tpu", "TPU_V3", 8, ""),
        ("ct5lp-hightpu-1t", None, 0, "1x1"),
        ("ct5lp-hightpu-4t", None, 0, "16x16"),
        ("ct5lp-hightpu-8t", None, 0, "2x4"),
    ],
)
def test_what_exists_is_accepted(machine: str, accelerator: str | None, count: int, topology: str) -> None:
    check(machine, accelerator, count, topology)


@pytest.mark.parametrize(
    ("machine", "accelerator", "count", "topology", "goes"),
    [
        ("n1-standard-8", "NVIDIA_TESLA_T4", 3, "", "NVIDIA_TESLA_T4 x 1 or 2 or 4"),
        ("n1-standard-32", "NVIDIA_TESLA_T4", 1, "", "NVIDIA_TESLA_T4, accelerator_count: 2"),
        ("e2-standard-8", "NVIDIA_L4", 1, "", "machine_type: g2-standard-4, accelerator: NVIDIA_L4"),
        ("g2-standard-12", None, 0, "", "goes with NVIDIA_L4 x 1"),
        ("a2-highgpu-2g", "NVIDIA_TESLA_A100", 1, "", "NVIDIA_TESLA_A100 x 2"),
        ("ct5lp-hightpu-8t", None, 0, "4x4", "tpu_topology of 2x4"),
        ("ct5lp-hightpu-4t", "TPU_V3", 8, "2x2", "no accelerator"),
        ("n1-standard-8", None, 0, "2x2", "TPU v5e only"),
        ("ct6e-standard-4t", None, 0, "2x2", "later than v5e"),
        ("tpu7x-standard-4t", None, 0, "2x2", "later than v5e"),
        ("x9-standard-4", None, 0, "", "none of this name"),
    ],
)
def test_what_does_not_exist_is_rejected_with_what_goes_and_an_example(
    machine: str, accelerator: str | None, count: int, topology: str, goes: str
) -> None:
    with pytest.raises(ValueError, match=goes) as rejected:
        check(machine, accelerator, count, topology)
    assert machine in str(rejected.value)
    assert "e.g." in str(rejected.value)
    if accelerator:
        assert accelerator in str(rejected.value)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("cloud.training.accelerator_count=3", "goes with NVIDIA_TESLA_T4 x 1 or 2 or 4"),
        (
            _TWO_TPUS,
            "a TPU slice is one replica",
        ),
        ("cloud.training.reduction_server_replicas=2", "two or more hosts with GPUs"),
        ("cloud.prediction={accelerator: NVIDIA_L4, accelerator_count: 1}", "g2-standard-4"),
        ("cloud.network={network: projects/1/global/networks/n, psc_attachment: a}", "exclude each other"),
    ],
)
def test_the_settings_of_an_environment_are_checked_when_they_are_read(said: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as rejected:
        load("flights", "dev", [said])
    assert said in str(rejected.value)
