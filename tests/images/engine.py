"""A container engine for the tests: podman with a storage of its own, and base images that need no registry.

The bases are what $PYTHON_IMAGE and $BEAM_IMAGE name. Else Debian 12, which has Python 3.11, by debootstrap
stands for `python:3.11-slim-bookworm`, and `tests/images/beam` for Apache's image: see there.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("IMAGES_CACHE", "/var/tmp/ml-pipeline-images"))  # noqa: S108 - kept between runs, gigabytes
CONFINED = (
    "--read-only",
    "--read-only-tmpfs=false",  # podman would mount more than is asked for
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)
"""How every container of a test runs: nothing can be written but /tmp, nothing gained."""
_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
_CONTAINERS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=8192:8192"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "{runtime}"
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


def missing() -> str:
    """What this machine lacks to build and run images; empty: nothing."""
    absent = [name for name in ("podman", "debootstrap") if not shutil.which(name)]
    if not any(map(shutil.which, ("runc", "crun"))):
        absent.append("runc or crun")
    if absent:
        return f"no {', '.join(absent)} here: apt-get install podman buildah runc debootstrap"
    return "" if os.geteuid() == 0 else "debootstrap and the overlay file system want root"


class Engine:
    """Builds and runs images.

    Args:
        folder: Keeps images and their layers.
    """

    def __init__(self, folder: Path = CACHE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        runtime = next(name for name in ("runc", "crun") if shutil.which(name))
        (folder / "containers.conf").write_text(_CONTAINERS.format(runtime=runtime))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
        self.environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "ENGINE": "podman",
        }

    def podman(self, *words: str, check: bool = True) -> str:
        """What podman answers on standard output; a failure is raised with all it said."""
        ended = self.ended("podman", *words)
        if check and ended.returncode:
            raise AssertionError(f"podman {' '.join(words[:4])} …: {ended.stderr[-3000:]}")
        return ended.stdout.strip()

    def ended(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command of this engine, at its end."""
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )

    def inside(self, image: str, *command: str) -> str:
        """What a command says in a confined container without network."""
        where = (*CONFINED, "--rm", "--network=none", f"--entrypoint={command[0]}")
        return self.podman("run", *where, image, *command[1:])

    def bases(self) -> None:
        """Have the base images, and name them for the build."""
        for name, image, make in (
            ("PYTHON_IMAGE", "localhost/python:bookworm", self._debian),
            ("BEAM_IMAGE", "localhost/beam-sdk:stand-in", self._beam),
        ):
            if name in os.environ:
                continue
            make(image)
            self.environment[name] = image

    def build(self, what: str, image: str, *flags: str) -> str:
        """Build an image by the command that a person types; returns its name."""
        own = ["--isolation=chroot", "--pull=never", "--volume=/etc/ssl/certs:/etc/ssl/certs:ro"]
        if Path("/etc/pip.conf").exists():
            own.append("--secret=id=pip.conf,src=/etc/pip.conf")
        built = self.ended("infra/images/build", what, "--tag", image, *flags, "--", *own)
        assert built.returncode == 0, built.stderr[-3000:]
        return image

    def _debian(self, image: str) -> None:
        if self.ended("podman", "image", "exists", image).returncode == 0:
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as beside:
            root = Path(beside) / "root"
            made = self.ended(
                "debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)
            )
            assert made.returncode == 0, made.stdout[-2000:]
            for heap in ("var/cache/apt/archives", "var/lib/apt/lists"):
                shutil.rmtree(root / heap)
            packed = Path(beside) / "root.tar"
            assert self.ended("tar", "-C", str(root), "-cf", str(packed), ".").returncode == 0
            self.podman("import", str(packed), image)

    def _beam(self, image: str) -> None:
        self.podman("build", "--quiet", "--tag", image, str(Path(__file__).parent / "beam"))
