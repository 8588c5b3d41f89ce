"""The images that run: there, and named by their digest outside environments to try things in."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pipelines.preflight.desk import Desk, Finding, command
from pipelines.preflight.google import Refused

_ARTIFACTS = "artifactregistry.googleapis.com"
_IMAGE = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<name>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_PLACEHOLDER = "sha256:" + "0" * 64


def images(desk: Desk) -> Iterator[Finding]:
    """Each image of the environment."""
    yield from _image(desk, "image", "image", desk.settings.image)
    if desk.cloud.prediction.image:
        yield from _image(desk, "serving image", "cloud.prediction.image", desk.cloud.prediction.image)


def _image(desk: Desk, name: str, key: str, image: str) -> Iterator[Finding]:
    found = _IMAGE.fullmatch(image)
    if found is None:
        yield Finding(name, "unknown", f"{image} is not in Artifact Registry: it was not looked for")
        return
    whole = image.partition("@")[0].rpartition(":")[0] or image.partition("@")[0]
    listing = command("gcloud artifacts docker images list", whole, include_tags=True)
    if desk.cloud.pinned_images and not found["digest"]:
        told = f"{image} is named by a tag, which may move: set {key} to {whole}@sha256:…"
        yield Finding(f"{name}'s digest", "missing", told, (listing,))
    if found["digest"] == _PLACEHOLDER:
        told = f"{key} has the placeholder of the example: set it to {whole}@sha256:…"
        yield Finding(name, "missing", told, (_build(desk, f"{whole}:latest"), listing))
        return
    yield _looked_up(desk, name, image, found)


def _looked_up(desk: Desk, name: str, image: str, found: re.Match[str]) -> Finding:
    repository = (
        f"/v1/projects/{found['project']}/locations/{found['location']}/repositories/{found['repository']}"
    )
    package = quote(found["name"], safe="")
    tag = f"{repository}/packages/{package}/tags/{found['tag'] or 'latest'}"
    path = f"{repository}/dockerImages/{package}@{found['digest']}" if found["digest"] else tag
    told = _get(desk, path)
    if told is not None:
        version = str(told.get("version", "")).rpartition("/")[2]
        return Finding(name, "ready", f"{image} ({version[:19]})" if version else image)
    if _get(desk, repository) is None:
        create = command(
            "gcloud artifacts repositories create", found["repository"], project=found["project"],
            location=found["location"], repository_format="docker",
        )  # fmt: skip
        return Finding(name, "missing", f"no repository {found['repository']} for it", (create,))
    tagged = image.partition("@")[0]
    return Finding(name, "missing", f"no {image}", (_build(desk, tagged),))


def _get(desk: Desk, path: str) -> dict[str, Any] | None:
    """What is there; None where nothing is."""
    try:
        return desk.google.get(_ARTIFACTS, path)
    except Refused as refused:
        if refused.status != 404:
            raise
        return None


def _build(desk: Desk, image: str) -> str:
    return command("gcloud builds submit", project=desk.project, tag=image)
