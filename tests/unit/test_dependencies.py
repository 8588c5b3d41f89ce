"""Every package that the code imports is declared in pyproject.toml; none comes along by chance."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("benchmarks", "components", "configs", "infra", "pipelines", "tests")
IN_THE_PEERS_ENVIRONMENT = {ROOT / "benchmarks/tfx/module.py", ROOT / "benchmarks/tfx/peer.py"}
"""They run in TFX's own environment, which is made for them."""
WITH_DEV = {"benchmarks", "infra", "tests"}
"""They run where the group `dev` is installed, too."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*, dev: bool) -> set[str]:
    """The names of the packages that are declared."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entries = project["project"]["dependencies"] + (project["dependency-groups"]["dev"] if dev else [])
    return {normal(re.split(r"[\[<>=!~; ]", entry, maxsplit=1)[0]) for entry in entries}


def imported(file: Path) -> Iterator[str]:
    """The modules, or names in modules, that a file imports from outside."""
    for node in ast.walk(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{each.name}" for each in node.names]
        for name in names:
            top = name.partition(".")[0]
            if (
                top not in sys.stdlib_module_names
                and top not in OURS
                and not (file.parent / f"{top}.py").exists()
            ):
                yield name


@pytest.fixture(scope="module")
def owners() -> dict[str, str]:
    """The package that installed each file: by the records that installers leave."""
    found = {}
    for distribution in importlib.metadata.distributions():
        name = normal(distribution.metadata["Name"])
        for line in (distribution.read_text("RECORD") or "").splitlines():
            found[line.rpartition(",")[0].rpartition(",")[0].strip('"')] = name
    return found


def owner(name: str, owners: dict[str, str]) -> str:
    """The package that a module comes from; nothing is imported to find out."""
    parts = name.split(".")
    while parts:
        path = "/".join(parts)
        for file in (f"{path}.py", f"{path}/__init__.py"):
            if file in owners:
                return owners[file]
        parts.pop()
    top = name.partition(".")[0]
    return next((each for path, each in owners.items() if path.startswith(f"{top}.")), top)


@pytest.mark.parametrize("folder", OURS)
def test_what_is_imported_is_declared(folder: str, owners: dict[str, str]) -> None:
    known = declared(dev=folder in WITH_DEV)
    importers = {
        name: file
        for file in (ROOT / folder).rglob("*.py")
        if file not in IN_THE_PEERS_ENVIRONMENT
        for name in imported(file)
    }
    packages = {owner(name, owners): str(file.relative_to(ROOT)) for name, file in importers.items()}
    assert {name: file for name, file in packages.items() if name not in known} == {}
