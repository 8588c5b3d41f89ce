"""Images on their way: a real registry on loopback."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.images.registry import Registry, serving


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """Empty, with a checkout of its own."""
    for program in ("skopeo", "docker-registry"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    with serving(tmp_path) as made:
        yield made
