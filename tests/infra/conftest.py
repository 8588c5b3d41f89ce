"""The real Terraform and the linters, without Google Cloud."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra.terraform import Terraform

Make = Callable[[Path], Terraform]


@pytest.fixture(scope="session")
def tools() -> None:
    """Skip what needs Terraform, or npm for its providers' schemas, where they are not installed."""
    for tool in ("terraform", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def terraform(tools: None, tmp_path_factory: pytest.TempPathFactory) -> Make:  # noqa: ARG001 - skips
    """`terraform(root)`: a fresh copy of that root module, initialised."""

    def made(root: Path) -> Terraform:
        copy = Terraform(root, tmp_path_factory.mktemp("root"))
        copy.init()
        return copy

    return made
