"""Images built, pinned, accepted and promoted: by the real skopeo between repositories of a real registry.

`docker-registry` (Debian's package) stands for Artifact Registry: both speak the OCI distribution protocol.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LINKED = ("components", "pipelines", "pyproject.toml", "requirements.lock")
CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
log: {{level: error}}
"""
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Registry:
    """A registry on loopback, and a checkout whose environments name it."""

    address: str
    root: Path
    variables: dict[str, str]

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, as the Makefile calls it."""
        return subprocess.run(
            [sys.executable, "-m", "infra", *words],
            cwd=self.root, env=self.variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def done(self, *words: str) -> str:
        """A command that must succeed."""
        ended = self.type(*words)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def refused(self, *words: str) -> str:
        """A command that must fail in one line."""
        ended = self.type(*words)
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def named(self, env: str, name: str = "pipeline-python") -> str:
        """An image's repository in an environment."""
        return f"{self.address}/my-project-{env}/pipeline/{name}"

    def push(self, env: str, tag: str, content: bytes, folder: Path, name: str = "pipeline-python") -> str:
        """An image with one file in it; returns its digest."""
        layout = folder / hashlib.sha256(content).hexdigest()
        digest = write_image(layout, content)
        copy = ["skopeo", "copy", "--quiet", f"oci:{layout}", f"docker://{self.named(env, name)}:{tag}"]
        subprocess.run(copy, env=self.variables, check=True)
        return digest

    def tags(self, env: str, name: str = "pipeline-python") -> set[str]:
        """The tags of a repository."""
        place = self.named(env, name).removeprefix(f"{self.address}/")
        with urllib.request.urlopen(f"http://{self.address}/v2/{place}/tags/list") as answer:
            return set(json.loads(answer.read())["tags"])

    def pinned(self, env: str) -> list[str]:
        """What the commands after it are told."""
        return (self.root / "output" / "delivery" / f"{env}.images").read_text().splitlines()


def write_image(layout: Path, content: bytes) -> str:
    """An OCI image in a folder; returns its manifest's digest."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def kept(kind: str, body: bytes) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": f"sha256:{digest}",
            "size": len(body),
        }

    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w") as archive:
        member = tarfile.TarInfo("opt/file")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    diff = f"sha256:{hashlib.sha256(unpacked.getvalue()).hexdigest()}"
    layer = kept("layer.v1.tar+gzip", gzip.compress(unpacked.getvalue(), mtime=0))
    described = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    }
    config = kept("config.v1+json", json.dumps(described).encode())
    manifest = kept(
        "manifest.v1+json", json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode()
    )
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    return str(manifest["digest"])


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    for program in ("skopeo", "docker-registry"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "{}:{}".format(*free.getsockname())
    root, home = tmp_path / "checkout", tmp_path / "home"
    (home / ".config" / "containers").mkdir(parents=True)
    insecure = f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
    (home / ".config" / "containers" / "registries.conf").write_text(insecure)
    (tmp_path / "registry.yaml").write_text(CONFIG.format(folder=tmp_path / "registry", address=address))
    made = Registry(address, checkout(root, address), {**os.environ, "HOME": str(home)})
    server = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "registry.yaml")], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://{address}/v2/")
        yield made
    finally:
        server.terminate()
        server.wait(timeout=30)


def checkout(root: Path, address: str) -> Path:
    """The repository as the commands need it; its environments name the registry of the test."""
    root.mkdir()
    for name in LINKED:
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "infra", root / "infra")
    shutil.copytree(ROOT / "configs", root / "configs")
    for path in (root / "configs" / "environments").glob("*.yaml"):
        path.write_text(path.read_text().replace("us-central1-docker.pkg.dev", address))
    return root


def wait_for(url: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 - loopback
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def test_what_was_tested_arrives_in_production_to_the_very_digest(registry: Registry, tmp_path: Path) -> None:
    digests = {
        name: registry.push("test", COMMIT, name.encode(), tmp_path, name)
        for name in ("pipeline-python", "pipeline-serving")
    }
    registry.done("pin", "test", "--version", COMMIT)
    keys = {"pipeline-python": "image", "pipeline-serving": "cloud.prediction.image"}
    assert registry.pinned("test") == [
        f"{keys[n]}={registry.named('test', n)}@{d}" for n, d in digests.items()
    ]

    early = registry.refused("promote", "prod", "--version", "v1.0.0", "--commit", COMMIT)
    assert f"tested-{COMMIT}: expected an image that has passed the end-to-end run, got none" in early

    registry.done("accept", "test", "--version", COMMIT)
    assert registry.tags("test") == {COMMIT, f"tested-{COMMIT}"}
    registry.done("promote", "prod", "--version", "v1.0.0", "--commit", COMMIT)
    assert registry.pinned("prod") == [
        f"{keys[n]}={registry.named('prod', n)}@{d}" for n, d in digests.items()
    ]
    assert registry.tags("prod") == registry.tags("prod", "pipeline-serving") == {"v1.0.0"}


def test_an_older_release_is_promoted_again_though_its_test_is_long_forgotten(
    registry: Registry, tmp_path: Path
) -> None:
    for name in ("pipeline-python", "pipeline-serving"):
        registry.push("prod", "v0.9.0", b"old" + name.encode(), tmp_path, name)
    registry.done("promote", "prod", "--version", "v0.9.0", "--commit", COMMIT)
    assert len(registry.pinned("prod")) == 2
    assert registry.tags("prod") == {"v0.9.0"}


def test_the_pipelines_take_what_is_pinned(registry: Registry, tmp_path: Path) -> None:
    for name in ("pipeline-python", "pipeline-serving"):
        digest = registry.push("prod", "v1", name.encode(), tmp_path, name)
    registry.done("pin", "prod", "--version", "v1")
    told = [word for line in registry.pinned("prod") for word in ("--set", line)]
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "compile",
        "flights",
        "--env",
        "prod",
        "--out",
        "compiled.yaml",
        *told,
    ]
    subprocess.run(command, cwd=registry.root, env=registry.variables, check=True, capture_output=True)
    compiled = (registry.root / "compiled.yaml").read_text()
    assert "sha256:" + "0" * 64 not in compiled
    images = {
        each["container"]["image"]
        for each in yaml.safe_load(compiled)["deploymentSpec"]["executors"].values()
    }
    assert registry.pinned("prod")[0].partition("=")[2] in images
    assert f"{registry.named('prod', 'pipeline-serving')}@{digest}" in compiled


def test_a_version_that_is_not_there_says_how_it_would_be_made(registry: Registry) -> None:
    said = registry.refused("pin", "prod", "--version", "v9")
    assert f"{registry.named('prod')}:v9: expected an image, got none" in said
    assert "make images" in said


def test_a_registry_that_does_not_answer_is_named(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = "{}:{}".format(*free.getsockname())
    path = registry.root / "configs" / "environments" / "prod.yaml"
    path.write_text(path.read_text().replace(registry.address, nobody))
    said = registry.refused("pin", "prod", "--version", "v1")
    assert "expected an answer of the registry" in said
    assert "gcloud auth configure-docker" in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("pin", "prod", "--version", "a b"), "VERSION: expected a tag"),
        (("pin", "local", "--version", "v1"), "environment 'local': expected one with a cloud section"),
        (("pin", "prd", "--version", "v1"), "Did you mean 'prod'?"),
        (("accept", "test", "--version", "v1"), "make images ENV=test"),
        (("scan", "test"), "the images of test: expected their digests"),
    ],
)
def test_a_mistake_is_explained_in_one_line(registry: Registry, typed: tuple[str, ...], said: str) -> None:
    assert said in registry.refused(*typed)


def test_a_tree_with_changes_has_no_version_of_its_own(registry: Registry) -> None:
    git = ["git", "-C", str(registry.root), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    said = registry.refused("pin", "prod")
    assert "expected a clean working tree" in said
    assert "VERSION=" in said
