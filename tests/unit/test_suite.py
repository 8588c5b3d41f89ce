"""The test suite itself: what `--fast` leaves out, and what the order of the workers' tests names."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fast import needs_framework
from tests.scheduling import FIRST, TOGETHER, longest_first, piece_of_work

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("import json", False),
        ("import tensorflow_metadata", False),
        ("from configs.rows import Label", False),
        ("from components.shared.sources import open_source", False),
        ("import tensorflow as tf", True),
        ("from apache_beam.metrics import metric", True),
        ("def test():\n    import keras", True),
        ("from components.transform import core", True),
        ("from components.transform.core import run", True),
    ],
)
def test_a_fast_file_imports_no_framework_by_any_way(source: str, needs: bool, tmp_path: Path) -> None:
    file = tmp_path / "test_x.py"
    file.write_text(source)
    assert needs_framework(file) == needs


def test_every_folder_and_file_of_the_order_is_there() -> None:
    assert [path for path in (*TOGETHER, *FIRST) if not (ROOT / path).exists()] == []
    assert {piece_of_work(f"{path}/test_x.py::test") for path in TOGETHER} == set(TOGETHER)
    assert all(piece in TOGETHER or piece.endswith(".py") for piece in FIRST)


def test_the_longest_come_first_and_else_the_order_stays() -> None:
    names = ["a.py::test_2", "a.py::test_1", f"{FIRST[1]}/test_b.py::test", f"{FIRST[0]}::test"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    longest_first(items)
    assert [item.nodeid for item in items] == [names[3], names[2], names[0], names[1]]
