"""Software bills of materials (CycloneDX): what an image installs, by the lock it was built from.

The lock is the whole of an image's Python packages, each by its hash. The packages of its Debian base are in
no lock; the scan (infra/commands/scanning.py) reads those from the image itself.
"""

from collections.abc import Iterator
from pathlib import Path

from components.shared.files.gcs import writing as gcs_writing
from configs.errors import CloudError
from configs.settings import Settings
from infra.commands import registry
from infra.commands.programs import capture, last_line
from infra.commands.targets import ROOT


def write_bills(settings: Settings) -> Iterator[tuple[Path, str]]:
    """A file for each pinned image, with the image's name by its digest.

    Raises:
        SettingsError: The images are not pinned, or cyclonedx-py is not there.
        CloudError: A lock cannot be read.
    """
    pinned = registry.pinned(settings.environment)
    for image in registry.images_of(settings):
        lock = ROOT / f"requirements-{registry.variant_of(image, settings)}.lock"
        path = registry.OUTPUT / f"sbom-{settings.environment}-{image.name}.json"
        options = "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"
        done = capture("cyclonedx-py", "requirements", str(lock), *options, "--output-file", str(path))
        if done.returncode:
            got = last_line(done.stderr)
            raise CloudError(f"the bill of {lock.name}", expected="cyclonedx-py to write it", got=got)
        yield path, pinned[image.key]


def upload_bill(settings: Settings, path: Path, image: str) -> str:
    """Put a bill into the environment's bucket, under the digest of its image; returns its URI.

    Raises:
        PlaceError: The bucket is missing or closed to us.
    """
    bucket = settings.cloud.bucket if settings.cloud else ""
    uri = f"gs://{bucket}/delivery/bills/{image.partition('@sha256:')[2]}.json"
    gcs_writing.put(path, uri)
    return uri
