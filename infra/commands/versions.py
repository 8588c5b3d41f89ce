"""Versions of images: a tag, by default the commit that they are built from."""

import re
import subprocess

from configs.errors import SettingsError
from infra.commands.places import ROOT

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def checked(version: str) -> str:
    """A version that can be a tag.

    Raises:
        SettingsError: It cannot.
    """
    if not _TAG.fullmatch(version):
        raise SettingsError("VERSION", expected="a tag, e.g. v1.2.0 or a commit", got=repr(version))
    return version


def commit() -> str:
    """The commit of the working tree, which has to be clean: an image says what it was built from.

    Raises:
        SettingsError: It is not, or there is no commit.
    """
    changed = _git("status", "--porcelain")
    if changed:
        raise SettingsError(
            "VERSION",
            expected="a clean working tree, whose commit is the version",
            got=f"{len(changed.splitlines())} changed files",
            remedy="Commit them, or name the version: VERSION=trial-1.",
        )
    return _git("rev-parse", "HEAD").strip()


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError("VERSION", expected="a tag", got=done.stderr.strip(), remedy="Name it: VERSION=…")
    return done.stdout
