"""Registries, read and written by skopeo: it needs no daemon, and copies between them without a change."""

import subprocess

from configs.errors import CloudError
from infra.commands.programs import program


def digest_of(reference: str) -> str:
    """The digest that a tag means now.

    Raises:
        CloudError: There is no such image, or the registry does not answer.
    """
    digest = found(reference)
    if digest is None:
        raise CloudError(reference, expected="an image", got="none", remedy="Build it: make images ENV=…")
    return digest


def found(reference: str) -> str | None:
    """The digest; None where the registry knows no such image."""
    words = [program("skopeo"), "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{reference}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    if any(word in done.stderr for word in ("manifest unknown", "name unknown")):
        return None
    raise _refused(reference, done.stderr)


def copy(source: str, target: str) -> None:
    """Copy an image, all of its platforms, to the very digest.

    Raises:
        CloudError: A registry rejects it, or the digest would change.
    """
    words = [program("skopeo"), "copy", "--all", "--preserve-digests", "--quiet"]
    done = subprocess.run(
        [*words, f"docker://{source}", f"docker://{target}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise _refused(f"{source} to {target}", done.stderr)


def _refused(subject: str, said: str) -> CloudError:
    last = said.strip().splitlines()[-1] if said.strip() else "nothing"
    return CloudError(
        subject,
        expected="an answer of the registry",
        got=last.partition("msg=")[2].strip('"') or last,
        remedy=f"Log in: gcloud auth configure-docker {subject.partition('/')[0]}",
    )
