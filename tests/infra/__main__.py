"""python -m tests.infra ROOT COMMAND…: any Terraform command on a copy of a root module, offline.

For example: python -m tests.infra infra plan -var-file=environments/dev.tfvars
"""

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.infra.terraform import Terraform, TerraformError


def main(words: list[str]) -> int:
    """Terraform's own exit status."""
    if len(words) < 2 or not list(Path(words[0]).glob("*.tf")):
        print(f"{__doc__}\nROOT: expected a folder with .tf files, got {words[0] if words else 'nothing'}")
        return 2
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Terraform(Path(words[0]), Path(folder))) as terraform,
    ):
        try:
            terraform.init()
        except TerraformError as error:
            print(error)
            return 1
        command = ["terraform", f"-chdir={terraform.copy}", *words[1:]]
        return subprocess.run(command, env=terraform.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
