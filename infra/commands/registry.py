"""The images of an environment, in its registry: built, pinned by their digests, accepted, promoted.

An environment's digests lie in `output/delivery/ENV.images`, a line an image, as the pipelines' `--set` takes
it; the Makefile passes them on. What was built, tested and released, the registry remembers by tags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from configs.errors import CloudError, SettingsError
from configs.loading import load, use_cases
from configs.settings import Settings
from infra.commands.programs import capture, copy_image, digest_of, find_digest, run
from infra.commands.targets import INFRA, ROOT

OUTPUT = ROOT / "output" / "delivery"
"""What a build leaves: digests, bills of materials, compiled pipelines."""
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
    return tuple(_image(name, key, image) for key, (name, image) in named.items())


def _image(name: str, key: str, image: str) -> Image:
    whole = image.partition("@")[0]
    repository, colon, tag = whole.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = whole, ""
    return Image(name, key, repository, tag)


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
    done = capture("git", "-C", str(ROOT), *words)
    if done.returncode:
        raise SettingsError("VERSION", expected="a tag", got=done.stderr.strip(), remedy="Name it: VERSION=…")
    return done.stdout


def build(settings: Settings, version: str) -> dict[str, str]:
    """Build and push every image, under the tag that the environment says or else the version.

    A version is built once: what is there already is taken as it is, so that a build can start again.

    Returns:
        The images by their digests, by the key of their setting.

    Raises:
        CloudError: One could not be built or pushed.
    """
    return {image.key: _built(image, settings, version) for image in images_of(settings)}


def _built(image: Image, settings: Settings, version: str) -> str:
    target = image.at(image.tag or checked(version or commit()))
    there = None if image.tag else find_digest(target)
    if there:
        return image.by(there)
    words = [str(INFRA / "images" / "build"), image.name, "--push", "--tag", target]
    if image.name == "pipeline":
        words += ["--variant", variant_of(image, settings)]
    if settings.cloud and settings.cloud.pinned_images:
        words.append("--pinned")  # its base images too
    return run(*words).strip().splitlines()[-1]


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
    tag = TESTED + checked(version or commit())
    for image, digest in _pinned(settings):
        if find_digest(image.at(tag)) != digest:  # where tags stay, the same one again would be rejected
            copy_image(image.by(digest), image.at(tag))


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
        there = find_digest(image.at(checked(version)))
        digests[image.key] = image.by(there or _promoted(theirs[image.key], image, checked(commit_), version))
    return digests


def _promoted(theirs: Image, ours: Image, tested: str, version: str) -> str:
    digest = find_digest(theirs.at(TESTED + tested))
    if digest is None:
        raise CloudError(
            f"{theirs.repository}:{TESTED}{tested}",
            expected="an image that has passed the end-to-end run",
            got="none",
            remedy="Wait for the build of main on that commit, or fix it; then start this one again.",
        )
    copy_image(theirs.by(digest), ours.at(version))
    arrived = digest_of(ours.at(version))
    if arrived != digest:
        raise CloudError(ours.at(version), expected=f"the tested digest {digest}", got=arrived)
    return digest


def log_in(settings: Settings) -> None:
    """Let the tools of this machine into the registry, by gcloud's login.

    Raises:
        SettingsError: There is no gcloud.
    """
    host = settings.image.partition("/")[0]
    run("gcloud", "auth", "configure-docker", host, "--quiet")


def write(environment: str, digests: Mapping[str, str]) -> Path:
    """Keep an environment's digests for the commands that come after."""
    path = _file(environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key}={image}\n" for key, image in digests.items()))
    return path


def pinned(environment: str) -> dict[str, str]:
    """What `write` wrote.

    Raises:
        SettingsError: Nothing was.
    """
    path = _file(environment)
    if not path.is_file():
        raise SettingsError(
            f"the images of {environment}",
            expected=f"their digests in {path.relative_to(ROOT)}",
            got="none",
            remedy=f"Build them: make images ENV={environment}, or look an older version up: "
            f"make pin ENV={environment} VERSION=…",
        )
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def _pinned(settings: Settings) -> list[tuple[Image, str]]:
    images = pinned(settings.environment)
    return [(image, images[image.key].partition("@")[2]) for image in images_of(settings)]


def _file(environment: str) -> Path:
    return OUTPUT / f"{environment}.images"


def variant_of(image: Image, settings: Settings) -> str:
    """Which packages an image has, as their lock is named: serving, cpu, or cuda where training has a GPU."""
    if image.name == "serving":
        return "serving"
    training = settings.cloud.training if settings.cloud else None
    return "cuda" if training and str(training.accelerator).startswith("NVIDIA") else "cpu"
