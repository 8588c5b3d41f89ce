"""The unit tests that need no TensorFlow: `pytest --fast` runs these alone, and fails one that loads it."""

import ast
import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = frozenset(
    ("apache_beam", "keras", "tensorflow", "tensorflow_model_analysis", "tensorflow_transform", "tfx_bsl")
)
"""What takes seconds to import."""

FIXTURES = frozenset(("real_server", "saved_model"))
"""Start a process that imports TensorFlow."""


class Fast:
    """The plugin of `--fast`."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out files that import a framework, and folders whose conftest.py does."""
        file = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
        return True if file.suffix == ".py" and file.is_file() and needs_framework(file) else None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out tests that start a process with TensorFlow."""
        slow = [item for item in items if FIXTURES & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Fail a test after which a framework is loaded."""
        yield
        loaded = sorted(FRAMEWORKS & sys.modules.keys())
        assert not loaded, f"a fast test has loaded {', '.join(loaded)}: import it by name in the test's file"


def needs_framework(file: Path) -> bool:
    """Whether a test's file imports a framework anywhere, or a module of ours that imports one at its top."""
    waiting, seen = set(_imported(ast.walk(_parsed(file)))), set[str]()
    while waiting:
        module = waiting.pop()
        if module.partition(".")[0] in FRAMEWORKS:
            return True
        if module not in seen:
            seen.add(module)
            waiting.update(_imported(node for source in _sources(module) for node in _parsed(source).body))
    return False


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _sources(module: str) -> Iterator[Path]:
    """The files of ours that the import of a module runs."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:depth])
        yield from filter(Path.is_file, (path.with_suffix(".py"), path / "__init__.py"))


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())
