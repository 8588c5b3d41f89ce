"""The price file is typed and strict, and a machine has a size."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel

from configs.errors import SettingsError
from configs.prices import FILE, Dated, Prices, load_prices, stage_minutes
from configs.stages import Pipeline
from pipelines.graph.definitions import of
from pipelines.graph.machines import Shape, chips, hosts, shape
from tests.errors import raises


def changed(tmp_path: Path, *keys: str, value: object) -> Path:
    content = yaml.safe_load(FILE.read_text())
    at = content
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def dated(section: BaseModel) -> Iterator[Dated]:
    """Every figure of the file that has a day."""
    for _, value in section:
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, Dated):
                yield each
            elif isinstance(each, BaseModel):
                yield from dated(each)


def apart(prices: Prices) -> dict[str, float]:
    """How far each price of Vertex AI is from Compute Engine's part and fee, where both are there."""
    found, vertex = {}, prices.vertex
    assert vertex.management.low == vertex.management.high
    for group in (vertex.training, vertex.prediction):
        for machine, price in group.items():
            size = shape(machine)
            family = prices.machines[size.family]
            parts = size.cpus * family.cpu + size.memory_gb * family.gb
            found[f"{machine} {price.usd}"] = price.usd / (parts * vertex.management.low) - 1
    for accelerator, price in vertex.accelerators.items():
        part = prices.accelerators[accelerator].usd
        found[accelerator] = price.usd / (part * vertex.management.low) - 1
    return found


def test_every_price_has_its_day_and_its_basis() -> None:
    prices = load_prices()
    every = list(dated(prices))
    assert len(every) > 45
    assert {each.basis for each in every} == {"listed", "computed", "memory"}
    assert all(each.from_ for each in every if each.basis == "computed")
    assert all(each.as_of.year >= 2026 for each in every if each.basis != "memory")
    assert "not read from a billing account" in prices.about
    assert prices.minutes
    assert all(stage_minutes(stage).low > 0 for name in get_args(Pipeline) for stage in of(name).order)


def test_each_price_of_vertex_ai_is_compute_engines_part_and_fifteen_percent() -> None:
    prices = load_prices()
    assert prices.vertex.management.low == 1.15
    assert len(apart(prices)) >= 7
    assert {name: off for name, off in apart(prices).items() if abs(off) > 0.01} == {}


@pytest.mark.parametrize(
    ("keys", "value", "name"),
    [
        (("vertex", "training", "n1-standard-8", "usd"), 0.4369977 * 1.011, "n1-standard-8"),
        (("vertex", "prediction", "n1-standard-4", "usd"), 0.21849885 * 0.989, "n1-standard-4"),
        (("accelerators", "NVIDIA_TESLA_T4", "usd"), 0.36, "NVIDIA_TESLA_T4"),
        (("machines", "n1", "cpu"), 0.033, "n1-standard-4"),
    ],
)
def test_a_price_that_has_moved_alone_is_noticed(
    tmp_path: Path, keys: tuple[str, ...], value: float, name: str
) -> None:
    moved = apart(load_prices(changed(tmp_path, *keys, value=value)))
    assert any(each.startswith(name) and abs(off) > 0.01 for each, off in moved.items())


@pytest.mark.parametrize(
    ("kind", "listed"),
    [
        ("NVIDIA_TESLA_T4", 0.42), ("NVIDIA_L4", 0.672048), ("NVIDIA_A100_80GB", 4.713696),
        ("NVIDIA_H100_80GB", 11.7558607),
    ],
)  # fmt: skip
def test_a_computed_accelerator_is_what_dataflow_lists_for_it(kind: str, listed: float) -> None:
    price = load_prices().accelerators[kind]
    assert price.basis == "computed"
    assert price.usd == pytest.approx(listed / 1.2, rel=1e-6)
    assert str(listed) in price.from_


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("bigquery", "scaned_tib"), 6.25, "Did you mean 'scanned_tib'?"),
        (("machines", "n1", "cpu"), -1.0, "greater than or equal to 0"),
        (("vertex", "disk_gb_month"), {"usd": 0.17, "as_of": "2025-06-30"}, "basis"),
        (("vertex", "disk_gb_month"), {"usd": 0.17, "basis": "memory"}, "as_of"),
        (("storage", "gb_month", "basis"), "hearsay", "'listed', 'computed' or 'memory'"),
        (("storage", "gb_month", "basis"), "computed", "say from which listed prices"),
        (("storage", "kept"), {"low": 3, "high": 2}, "low 3.0 above high 2.0"),
        (("vertex", "spot"), "half", "prices.yaml:"),
        (("bigquery", "scanned_tib", "as_of"), "last summer", "as_of"),
    ],
)
def test_a_mistake_in_the_prices_is_reported_with_its_line(
    tmp_path: Path, keys: tuple[str, ...], value: object, said: str
) -> None:
    with pytest.raises(SettingsError, match=r"prices.yaml:\d+") as caught:
        load_prices(changed(tmp_path, *keys, value=value))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "size"),
    [
        ("n1-standard-8", Shape("n1", 8, 30.0)),
        ("n1-highcpu-16", Shape("n1", 16, 14.4)),
        ("n2-standard-4", Shape("n2", 4, 16)),
        ("e2-highmem-4", Shape("e2", 4, 32)),
        ("g2-standard-12", Shape("g2", 12, 48)),
        ("a2-highgpu-4g", Shape("a2", 48, 340)),
        ("a2-megagpu-16g", Shape("a2", 96, 1360)),
        ("a3-highgpu-8g", Shape("a3", 208, 1872)),
        ("ct5lp-hightpu-4t", Shape("ct5lp", 0, 0.0)),
    ],
)
def test_a_machine_has_its_size(machine: str, size: Shape) -> None:
    assert shape(machine) == size


def test_a_tpu_slice_has_its_chips_and_hosts() -> None:
    assert (chips("ct5lp-hightpu-4t", "4x4"), hosts("ct5lp-hightpu-4t", "4x4")) == (16, 4)
    assert (chips("ct5lp-hightpu-1t", "1x1"), hosts("ct5lp-hightpu-1t", "1x1")) == (1, 1)
    assert (chips("n1-standard-8", ""), hosts("n1-standard-8", "")) == (0, 1)


def test_a_machine_of_unknown_size_is_rejected() -> None:
    with raises(SettingsError, subject=re.compile("m3-ultramem-32")):
        shape("m3-ultramem-32")
