"""A registry on loopback, small images to put there, and a checkout whose environments name it.

`docker-registry` (Debian's package) stands for Artifact Registry: both speak the OCI distribution protocol.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.loopback import docker_registry

ROOT = Path(__file__).parents[3]
LINKED = ("components", "pipelines", "pyproject.toml", "requirements.lock")


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

    def rejected(self, *words: str) -> str:
        """A command that must fail in one line."""
        ended = self.type(*words)
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def named(self, env: str, name: str = "pipeline-python") -> str:
        """An image's repository in an environment."""
        return f"{self.address}/my-project-{env}/pipeline/{name}"

    def push(self, env: str, tag: str, files: Mapping[str, str], name: str = "pipeline-python") -> str:
        """An image with these files in it; returns its digest."""
        layout = Path(tempfile.mkdtemp(dir=self.root.parent))
        digest = write_image(layout, files)
        copy = ["skopeo", "copy", "--quiet", f"oci:{layout}", f"docker://{self.named(env, name)}:{tag}"]
        subprocess.run(copy, env=self.variables, check=True)
        return digest

    def tags(self, env: str, name: str = "pipeline-python") -> set[str]:
        """The tags of a repository."""
        place = self.named(env, name).removeprefix(f"{self.address}/")
        with urllib.request.urlopen(f"http://{self.address}/v2/{place}/tags/list") as answer:
            return set(json.loads(answer.read())["tags"])

    def pinned(self, env: str) -> list[str]:
        """What the commands after it are given."""
        return (self.root / "output" / "delivery" / f"{env}.images").read_text().splitlines()


def write_image(layout: Path, files: Mapping[str, str]) -> str:
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
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
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


@contextmanager
def serving(tmp_path: Path) -> Iterator[Registry]:
    """The registry, empty, while the block runs."""
    with docker_registry(tmp_path) as port:
        address, home = f"127.0.0.1:{port}", tmp_path / "home"
        (home / ".config" / "containers").mkdir(parents=True)
        insecure = f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
        (home / ".config" / "containers" / "registries.conf").write_text(insecure)
        root = checkout(tmp_path / "checkout", address)
        yield Registry(address, root, {**os.environ, "HOME": str(home)})
