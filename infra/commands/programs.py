"""Programs of this machine that the delivery needs; skopeo reads and copies images without a daemon."""

import shutil
import subprocess
from pathlib import Path

from configs.errors import CloudError, SettingsError

_INSTALL = {
    "cyclonedx-py": "It comes with: make sbom ENV=…",
    "gcloud": "Install it: https://cloud.google.com/sdk/docs/install",
    "terraform": "Install it: https://developer.hashicorp.com/terraform/install",
    "skopeo": "Install it: apt-get install skopeo, or brew install skopeo.",
}


def program(name: str, expected: str = "the command on the PATH") -> str:
    """A command of this machine.

    Raises:
        SettingsError: It is not on the PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise SettingsError(name, expected=expected, got="none", remedy=_INSTALL.get(name, ""))
    return found


def run(*words: str) -> str:
    """Run one; what it says about its work is shown as it is, its output is returned.

    Raises:
        CloudError: It failed.
    """
    command = [program(words[0]), *words[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        called = " ".join([Path(words[0]).name, *words[1:2]])
        raise CloudError(called, got=f"it ended with {done.returncode}; its own output is above")
    return done.stdout


def capture(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run one and show nothing of it: its exit code, its output, and what it complained of."""
    return subprocess.run([program(words[0]), *words[1:]], capture_output=True, text=True, check=False)


def last_line(text: str) -> str:
    """The last line of what a program complained of, which says what failed."""
    return text.strip().splitlines()[-1] if text.strip() else "nothing"


def find_digest(image: str) -> str | None:
    """The digest that an image's tag means now; None where the registry has no such image.

    Raises:
        CloudError: The registry does not answer.
    """
    done = capture("skopeo", "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{image}")
    if done.returncode == 0:
        return done.stdout.strip()
    if any(word in done.stderr for word in ("manifest unknown", "name unknown")):
        return None
    raise _registry_error(image, done.stderr)


def digest_of(image: str) -> str:
    """The digest that an image's tag means now.

    Raises:
        CloudError: There is no such image, or the registry does not answer.
    """
    digest = find_digest(image)
    if digest is None:
        raise CloudError(image, expected="an image", got="none", remedy="Build it: make images ENV=…")
    return digest


def copy_image(source: str, target: str) -> None:
    """Copy an image, all of its platforms, to the very digest.

    Raises:
        CloudError: A registry rejects it, or the digest would change.
    """
    options = "--all", "--preserve-digests", "--quiet"
    done = capture("skopeo", "copy", *options, f"docker://{source}", f"docker://{target}")
    if done.returncode:
        raise _registry_error(f"{source} to {target}", done.stderr)


def _registry_error(subject: str, complaint: str) -> CloudError:
    last = last_line(complaint)
    return CloudError(
        subject,
        expected="an answer of the registry",
        got=last.partition("msg=")[2].strip('"') or last,
        remedy=f"Log in: gcloud auth configure-docker {subject.partition('/')[0]}",
    )
