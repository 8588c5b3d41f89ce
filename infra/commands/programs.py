"""Programs of this machine that the delivery needs."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from configs.errors import CloudError, SettingsError


def program(name: str, expected: str = "the command on the PATH") -> str:
    """A command of this machine.

    Raises:
        SettingsError: It is not on the PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise SettingsError(name, expected=expected, got="none", remedy=_INSTALL.get(name, ""))
    return found


_INSTALL = {
    "cyclonedx-py": "It comes with: make sbom ENV=…",
    "gcloud": "Install it: https://cloud.google.com/sdk/docs/install",
    "terraform": "Install it: https://developer.hashicorp.com/terraform/install",
    "skopeo": "Install it: apt-get install skopeo, or brew install skopeo.",
}


def run(words: Sequence[str]) -> None:
    """Run one; what it prints is shown as it is.

    Raises:
        CloudError: It failed.
    """
    _judged(words, subprocess.run([program(words[0]), *words[1:]], check=False).returncode)


def output(words: Sequence[str]) -> str:
    """Run one; what it says about its work is shown as it is, its output is returned.

    Raises:
        CloudError: It failed.
    """
    command = [program(words[0]), *words[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    _judged(words, done.returncode)
    return done.stdout


def _judged(words: Sequence[str], code: int) -> None:
    if code:
        called = " ".join([Path(words[0]).name, *words[1:2]])
        raise CloudError(called, got=f"it ended with {code}; its own words stand above")
