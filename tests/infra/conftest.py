"""The real Terraform and the linters, without Google Cloud."""

import contextlib
import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.infra.provider.packages import ROOT
from tests.infra.terraform import Json, Terraform

INFRA = ROOT / "infra"
ENVIRONMENTS = ("dev", "test", "prod")
Make = Callable[[Path], Terraform]
PlanOf = Callable[[str], Json]


@pytest.fixture(scope="session")
def tools() -> None:
    """Skip what needs Terraform, or npm for its providers' schemas, where they are not installed."""
    for tool in ("terraform", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


@pytest.fixture(scope="session")
def terraform(
    tools: None,  # noqa: ARG001 - skips
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Make]:
    """`terraform(root)`: a fresh copy of that root module, initialised."""
    with contextlib.ExitStack() as copies:

        def made(root: Path) -> Terraform:
            copy = copies.enter_context(contextlib.closing(Terraform(root, tmp_path_factory.mktemp("root"))))
            copy.init()
            return copy

        yield made


@pytest.fixture(scope="session")
def infra(terraform: Make) -> Terraform:
    """The infrastructure's root module, with the trigger's source packed as `make up` packs it."""
    subprocess.run([sys.executable, INFRA / "trigger" / "package.py"], check=True, capture_output=True)
    return terraform(INFRA)


@pytest.fixture(scope="session")
def plan_of(infra: Terraform) -> PlanOf:
    """`plan_of(environment)`: the plan from nothing, made once."""
    return functools.cache(lambda environment: infra.plan(INFRA / "environments" / f"{environment}.tfvars"))
