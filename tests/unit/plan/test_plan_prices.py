"""The price file is typed and strict, and a machine has a size."""

from pathlib import Path

import pytest
import yaml

from configs.errors import SettingsError
from configs.prices import FILE, load_prices
from pipelines.plan.machines import Shape, chips, hosts, shape


def changed(tmp_path: Path, *keys: str, value: object) -> Path:
    content = yaml.safe_load(FILE.read_text())
    at = content
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_the_prices_have_a_day_and_a_basis() -> None:
    prices = load_prices()
    assert "list prices" in prices.basis
    assert prices.minutes.basis
    assert prices.minutes.of("validate").low > 0


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("bigquery", "scaned_tib"), 6.25, "Did you mean 'scanned_tib'?"),
        (("machines", "n1"), {"cpu": -1.0, "gb": 0.0}, "greater than or equal to 0"),
        (("minutes", "train"), {"low": 3, "high": 2}, "low 3.0 above high 2.0"),
        (("vertex", "spot"), "half", "prices.yaml:"),
        (("as_of",), "last summer", "as_of"),
    ],
)
def test_a_mistake_in_the_prices_is_told_with_its_line(
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


def test_a_machine_of_unknown_size_is_refused() -> None:
    with pytest.raises(SettingsError, match="m3-ultramem-32"):
        shape("m3-ultramem-32")
