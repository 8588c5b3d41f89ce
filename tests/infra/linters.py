"""Linters from an environment of their own, .venv-infra: their dependencies and the pipeline's do not mix."""

import subprocess
from pathlib import Path

from tests.infra.provider.packages import ROOT

BIN = ROOT / ".venv-infra" / "bin"


def linter(name: str, *arguments: str | Path, cwd: Path = ROOT) -> str:
    """What the linter prints.

    Raises:
        FileNotFoundError: .venv-infra lacks it.
        subprocess.CalledProcessError: it found something; `output` says what.
    """
    if not (BIN / name).exists():
        raise FileNotFoundError(f"{BIN / name}: expected the linter, got nothing. Run: make infra-test")
    command = [str(BIN / name), *map(str, arguments)]
    ended = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode:
        print(ended.stdout)
        raise subprocess.CalledProcessError(ended.returncode, command, ended.stdout)
    return ended.stdout
