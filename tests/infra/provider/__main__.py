"""python -m tests.infra.provider NAME: what Terraform starts as provider NAME."""

import os
import sys
from pathlib import Path

from tests.infra.provider.mirror import DESCRIPTORS_VARIABLE, TYPES_VARIABLE
from tests.infra.provider.packages import pinned
from tests.infra.provider.schema import pruned
from tests.infra.provider.server import Provider, messages, serve


def main(name: str) -> None:
    """Serve the provider of that name until Terraform ends it."""
    package = next(package for package in pinned() if package.provider == name)
    schema = pruned(package, os.environ[TYPES_VARIABLE].split())
    serve(Provider(schema, messages(Path(os.environ[DESCRIPTORS_VARIABLE]))))


if __name__ == "__main__":
    main(sys.argv[1])
