"""The images of an environment, in its registry: built, pinned by their digests, accepted, promoted.

Registries are asked by skopeo, which needs no daemon and copies from one to another without a change. An
environment's digests lie in `output/infra/ENV/images`, a line an image, as `--set` of the pipelines' command
line takes it; the Makefile passes them on.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.errors import CloudError, SettingsError
from configs.loading import load, use_cases
from configs.settings import Settings
from infra.places import INFRA, OUTPUT

ROOT = INFRA.parent
TESTED = "tested-"
"""Before a version: the tag of what has passed the end-to-end run, and alone may be promoted."""
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Image:
    """One of the images that an environment runs."""

    name: str
    """As infra/images names it."""
    key: str
    """Of the settings."""
    repository: str
    """LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME"""
    tag: str
    """As the environment says it; empty where it wants a digest."""

    def at(self, version: str) -> str:
        """Its name with a tag."""
        return f"{self.repository}:{version}"

    def by(self, digest: str) -> str:
        """Its name with a digest, which never means another image."""
        return f"{self.repository}@{digest}"


def settings_of(environment: str) -> Settings:
    """An environment on Google Cloud.

    Raises:
        SettingsError: There is no such environment, or it is this machine.
    """
    settings = load(use_cases()[0], environment)
    if settings.cloud is None:
        raise SettingsError(
            f"environment '{environment}'", expected="one with a cloud section: it has images"
        )
    return settings


def images_of(settings: Settings) -> tuple[Image, ...]:
    """The image of the stages, and the serving image where there is one of its own."""
    named = {"image": ("pipeline", settings.image)}
    if settings.cloud and settings.cloud.prediction.image:
        named["cloud.prediction.image"] = ("serving", settings.cloud.prediction.image)
    return tuple(_image(name, key, told) for key, (name, told) in named.items())


def _image(name: str, key: str, told: str) -> Image:
    whole = told.partition("@")[0]
    repository, colon, tag = whole.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = whole, ""
    return Image(name, key, repository, tag)


# --- what is done -------------------------------------------------------------------------------


def build(settings: Settings, version: str) -> dict[str, str]:
    """Build and push every image, under the tag that the environment says or else the version."""
    digests = {}
    for image in images_of(settings):
        target = image.at(image.tag or checked(version or commit()))
        _run(_builder(image, settings, target))
        _run([_container(), "push", target])
        digests[image.key] = image.by(digest_of(target))
    return digests


def pin(settings: Settings, version: str) -> dict[str, str]:
    """The digests of a version that lies in the environment's registry, by the key of their setting.

    Raises:
        CloudError: An image of this version is not there.
    """
    return {
        image.key: image.by(digest_of(image.at(image.tag or checked(version or commit()))))
        for image in images_of(settings)
    }


def accept(settings: Settings, version: str) -> None:
    """Say of the images that are pinned that they have passed: by a tag, so that the registry remembers."""
    for image, digest in _pinned(settings):
        _copy(image.by(digest), image.at(TESTED + checked(version or commit())))


def promote(source: Settings, target: Settings, commit_: str, version: str) -> dict[str, str]:
    """Copy what has passed in one environment into the registry of another, to the very digest.

    A version that is there already is left as it is: to go back is to promote an older one.

    Args:
        source: Where a commit was tested.
        target: Where it shall run.
        commit_: The version in the source.
        version: The tag in the target.

    Raises:
        CloudError: The commit has not passed there, or the copy is not the same.
    """
    digests = {}
    theirs = {image.key: image for image in images_of(source)}
    for image in images_of(target):
        there = _found(image.at(checked(version)))
        digests[image.key] = image.by(there or _promoted(theirs[image.key], image, checked(commit_), version))
    return digests


def _promoted(theirs: Image, ours: Image, tested: str, version: str) -> str:
    digest = _found(theirs.at(TESTED + tested))
    if digest is None:
        raise CloudError(
            f"{theirs.repository}:{TESTED}{tested}",
            expected="an image that has passed the end-to-end run",
            got="none",
            way_out="Wait for the build of main on that commit, or mend it; then start this one again.",
        )
    _copy(theirs.by(digest), ours.at(version))
    arrived = digest_of(ours.at(version))
    if arrived != digest:
        raise CloudError(ours.at(version), expected=f"the tested digest {digest}", got=arrived)
    return digest


def write(environment: str, digests: Mapping[str, str]) -> Path:
    """Keep an environment's digests for the commands that come after."""
    path = _file(environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key}={image}\n" for key, image in digests.items()))
    return path


def pinned(environment: str) -> dict[str, str]:
    """What `write` kept.

    Raises:
        SettingsError: Nothing was.
    """
    path = _file(environment)
    if not path.is_file():
        raise SettingsError(
            f"the images of {environment}",
            expected=f"their digests in {path.relative_to(ROOT)}",
            got="none",
            way_out=f"Build them: make images ENV={environment}, or look an older version up: "
            f"make pin ENV={environment} VERSION=…",
        )
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def _pinned(settings: Settings) -> list[tuple[Image, str]]:
    said = pinned(settings.environment)
    return [(image, said[image.key].partition("@")[2]) for image in images_of(settings)]


def _file(environment: str) -> Path:
    return OUTPUT / environment / "images"


# --- versions -----------------------------------------------------------------------------------


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
            way_out="Commit them, or name the version: VERSION=trial-1.",
        )
    return _git("rev-parse", "HEAD").strip()


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SettingsError(
            "VERSION", expected="a tag", got=done.stderr.strip(), way_out="Name it: VERSION=…"
        )
    return done.stdout


# --- the tools ----------------------------------------------------------------------------------


def digest_of(reference: str) -> str:
    """The digest that a tag means now.

    Raises:
        CloudError: There is no such image, or the registry does not answer.
    """
    digest = _found(reference)
    if digest is None:
        raise CloudError(reference, expected="an image", got="none", way_out="Build it: make images ENV=…")
    return digest


def _found(reference: str) -> str | None:
    """The digest; None where the registry knows no such image."""
    words = [tool("skopeo"), "inspect", "--no-tags", "--format", "{{.Digest}}", f"docker://{reference}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    if any(word in done.stderr for word in ("manifest unknown", "name unknown")):
        return None
    raise _refused(reference, done.stderr)


def _copy(source: str, target: str) -> None:
    words = [tool("skopeo"), "copy", "--all", "--preserve-digests", "--quiet"]
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
        way_out=f"Log in: gcloud auth configure-docker {subject.partition('/')[0]}",
    )


def _builder(image: Image, settings: Settings, target: str) -> Sequence[str]:
    training = settings.cloud.training if settings.cloud else None
    gpu = bool(training and str(training.accelerator).startswith("NVIDIA"))
    variant = ["--build-arg", "VARIANT=cuda"] if gpu and image.name == "pipeline" else []
    recipe = INFRA / "images" / f"{image.name}.Dockerfile"
    return [_container(), "build", "--file", str(recipe), "--tag", target, *variant, str(ROOT)]


def _container() -> str:
    return tool(os.environ.get("CONTAINER", "docker"))


def _run(words: Sequence[str]) -> None:
    """What it prints is shown as it is."""
    code = subprocess.run(words, check=False).returncode
    if code:
        raise CloudError(
            " ".join(Path(word).name for word in words[:2]), got=f"it ended with {code}, see above"
        )


def tool(name: str) -> str:
    """A command of this machine.

    Raises:
        SettingsError: It is not on the PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise SettingsError(
            name, expected="the command on the PATH", got="none", way_out=_INSTALL.get(name, "")
        )
    return found


_INSTALL = {
    "docker": "Install Docker, or name another: CONTAINER=podman or CONTAINER=buildah.",
    "gcloud": "Install it: https://cloud.google.com/sdk/docs/install",
    "skopeo": "Install it: apt-get install skopeo, or brew install skopeo.",
}
