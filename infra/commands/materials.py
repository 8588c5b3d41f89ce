"""Software bills of materials (CycloneDX): what an image installs, by the lock it was built from.

The lock is the whole of an image's Python packages, each by its hash. The packages of its Debian base are in
no lock; the scan (infra/commands/scanning.py) reads those from the image itself.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from components.shared.files.gcs import writing as gcs_writing
from configs.errors import CloudError
from configs.settings import Settings
from infra.commands import registry
from infra.commands.places import ROOT
from infra.commands.programs import program


def write(settings: Settings) -> Iterator[tuple[Path, str]]:
    """A file for each pinned image, with the image's name by its digest.

    Raises:
        SettingsError: The images are not pinned, or cyclonedx-py is not there.
        CloudError: A lock cannot be read.
    """
    said = registry.pinned(settings.environment)
    for image in registry.images_of(settings):
        lock = ROOT / f"requirements-{registry.variant_of(image, settings)}.lock"
        path = registry.OUTPUT / f"sbom-{settings.environment}-{image.name}.json"
        _write(lock, path)
        yield path, said[image.key]


def _write(lock: Path, path: Path) -> None:
    words = ["cyclonedx-py", "requirements", str(lock), "--pyproject", str(ROOT / "pyproject.toml")]
    _run([*words, "--output-reproducible", "--output-file", str(path)], f"the bill of {lock.name}")


def keep(settings: Settings, path: Path, image: str) -> str:
    """Put a bill into the environment's bucket, under the digest of its image; returns its place.

    Raises:
        PlaceError: The bucket is missing or closed to us.
    """
    bucket = settings.cloud.bucket if settings.cloud else ""
    uri = f"gs://{bucket}/delivery/bills/{image.partition('@sha256:')[2]}.json"
    gcs_writing.put(path, uri)
    return uri


def _run(words: list[str], subject: str) -> None:
    done = subprocess.run([program(words[0]), *words[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise CloudError(subject, expected=f"{words[0]} to write it", got=last)
