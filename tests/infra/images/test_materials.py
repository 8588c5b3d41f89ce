"""Bills of materials: what the writer makes of the locks that the images are built from."""

import http.server
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from tests.infra.images.registry import Registry

ROOT = Path(__file__).parents[3]
WRITER = ROOT / ".venv-delivery" / "bin"


@contextmanager
def stored(bucket: str) -> Iterator[tuple[str, Storage]]:
    """Cloud Storage on loopback, with one bucket."""
    storage = Storage(use_memory_fs=True)
    storage.create_bucket(bucket, {"name": bucket})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(RequestHandler, storage)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", storage
        server.shutdown()


def test_a_bill_names_every_package_of_its_images_lock(registry: Registry) -> None:
    if not (WRITER / "cyclonedx-py").is_file():
        pytest.skip("cyclonedx-py is not installed: make sbom sets it up")
    for lock in ROOT.glob("requirements-*.lock"):
        (registry.root / lock.name).symlink_to(lock)
    for name in ("pipeline-python", "pipeline-serving"):
        registry.push("test", "v1", {"name": name}, name)
    registry.done("pin", "test", "--version", "v1")
    registry.variables["PATH"] = f"{WRITER}{os.pathsep}{registry.variables['PATH']}"
    with stored("my-project-test-pipeline") as (url, storage):
        registry.variables["STORAGE_EMULATOR_HOST"] = url
        said = registry.done("sbom", "test", "--keep").splitlines()
        kept = set(storage.objects["my-project-test-pipeline"])
    digests = [line.rpartition("@sha256:")[2] for line in registry.pinned("test")]
    assert kept == {f"delivery/bills/{digest}.json" for digest in digests}
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
        in registry.rejected("sbom", "test")
    )
