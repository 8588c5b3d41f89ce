"""Bills of materials: what the writer makes of the locks that the images are built from."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.infra.images.registry import Registry

ROOT = Path(__file__).parents[3]
WRITER = ROOT / ".venv-delivery" / "bin"


def test_a_bill_names_every_package_of_its_images_lock(registry: Registry) -> None:
    if not (WRITER / "cyclonedx-py").is_file():
        pytest.skip("cyclonedx-py is not installed: make sbom sets it up")
    for lock in ROOT.glob("requirements-*.lock"):
        (registry.root / lock.name).symlink_to(lock)
    for name in ("pipeline-python", "pipeline-serving"):
        registry.push("test", "v1", {"name": name}, name)
    registry.done("pin", "test", "--version", "v1")
    registry.variables["PATH"] = f"{WRITER}{os.pathsep}{registry.variables['PATH']}"
    said = registry.done("sbom", "test").splitlines()
    assert re.fullmatch(
        r"output/delivery/sbom-test-pipeline.json: \S+/pipeline-python@sha256:\w{64}", said[0]
    )
    for name, locked in (("pipeline", "requirements-cuda.lock"), ("serving", "requirements-serving.lock")):
        bill = json.loads((registry.root / "output" / "delivery" / f"sbom-test-{name}.json").read_text())
        listed = {f"{each['name']}=={each['version']}" for each in bill["components"]}
        assert listed == set(re.findall(r"^([\w.-]+==[\w.]+)", (ROOT / locked).read_text(), re.MULTILINE))


def test_without_the_writer_its_way_is_named(registry: Registry) -> None:
    for name in ("pipeline-python", "pipeline-serving"):
        registry.push("test", "v1", {"name": name}, name)
    registry.done("pin", "test", "--version", "v1")
    registry.variables["PATH"] = "/usr/bin:/bin"
    assert (
        "cyclonedx-py: expected the command on the PATH, got none. It comes with: make sbom"
        in registry.refused("sbom", "test")
    )
