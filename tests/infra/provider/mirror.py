"""The stub providers, laid out where Terraform looks for providers instead of its registry."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.infra.provider.packages import CACHE, ROOT, Package, pinned
from tests.infra.provider.schema import unpacked

TYPES_VARIABLE = "STUB_PROVIDER_TYPES"
DESCRIPTORS_VARIABLE = "STUB_PROVIDER_DESCRIPTORS"
_PROTO = Path(__file__).with_name("plugin.proto")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_SETTINGS = """\
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path    = "{mirror}"
    include = ["registry.terraform.io/hashicorp/*"]
  }}
}}
"""


def environment(types: Iterable[str]) -> dict[str, str]:
    """The environment in which Terraform finds the stubs, serving the named types; makes the mirror."""
    for package in pinned():
        unpacked(package)
        _lay(package)
    settings = CACHE / "terraform.rc"
    _write(settings, _SETTINGS.format(mirror=CACHE / "mirror"))
    return os.environ | {
        "TF_CLI_CONFIG_FILE": str(settings),
        "TF_DISABLE_PLUGIN_TLS": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        TYPES_VARIABLE: " ".join(sorted(set(types))),
        DESCRIPTORS_VARIABLE: str(descriptors()),
    }


def _lay(package: Package) -> None:
    """One provider's executable: Terraform knows it by its place and name."""
    versions = CACHE / "mirror" / "registry.terraform.io" / "hashicorp" / package.provider
    name = f"terraform-provider-{package.provider}_v{package.provider_version}"
    file = versions / package.provider_version / _platform() / name
    command = shlex.join([sys.executable, "-m", "tests.infra.provider", package.provider])
    _write(file, f"#!/bin/sh\ncd {shlex.quote(str(ROOT))} && exec {command}\n")
    file.chmod(0o755)


def _write(file: Path, text: str) -> None:
    """Only what differs: another run may be reading it."""
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _platform() -> str:
    return f"{platform.system().lower()}_{_MACHINES[platform.machine().lower()]}"


def descriptors() -> Path:
    """plugin.proto as protoc describes it."""
    made = CACHE / "plugin.descriptors"
    CACHE.mkdir(parents=True, exist_ok=True)
    if not made.exists() or made.stat().st_mtime < _PROTO.stat().st_mtime:
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{_PROTO.parent}",
            f"--descriptor_set_out={made}",
        ]
        subprocess.run([*command, _PROTO.name], check=True, capture_output=True)
    return made
