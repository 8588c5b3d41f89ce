"""The images that run: there, and named by their digest outside environments to try things in."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from pipelines.preflight.context import POLICY, Finding, PreflightContext, command, judged, roles_by_member
from pipelines.preflight.rights import SMALLEST, lacking
from pipelines.runners.target import on_dataflow

_ARTIFACTS = "artifactregistry.googleapis.com"
_IMAGE = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<name>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_PLACEHOLDER = "sha256:" + "0" * 64


def images(context: PreflightContext) -> Iterator[Finding]:
    """Each image of the environment."""
    serving = context.cloud.prediction.image
    yield from _image(context, "image", "image", context.settings.image)
    if serving:
        yield from _image(context, "serving image", "cloud.prediction.image", serving)


def pulling(context: PreflightContext) -> Iterator[Finding]:
    """Beam's workers may pull their image, which they do as their own account."""
    account, found = context.cloud.identities.dataflow, _IMAGE.fullmatch(context.settings.image)
    if not account or found is None or not on_dataflow(context.cloud):
        return
    title, member = f"dataflow's role on repository {found['repository']}", f"serviceAccount:{account}"
    policy = context.google.find(_ARTIFACTS, f"{_repository(found)}:getIamPolicy", **POLICY) or {}
    # where there is no repository, `images` reports it
    own = found["project"] == context.project
    granted = roles_by_member(policy).get(member, set()) | (context.roles_of(member) if own else set())
    doubts = [] if own else [f"has it in all of {found['project']}"]  # whose policy is not read
    wanted = tuple(role for where, role in SMALLEST["dataflow"] if where == "repository")
    missing = lacking(wanted, granted)
    words = "gcloud artifacts repositories add-iam-policy-binding"
    fix = tuple(
        command(words, found["repository"], **_where(found), member=member, role=role) for role in missing
    )
    yield judged(title, missing, granted, fix, doubts)


def _image(context: PreflightContext, name: str, key: str, image: str) -> Iterator[Finding]:
    found = _IMAGE.fullmatch(image)
    if found is None:
        yield Finding(name, "unknown", f"{image} is not in Artifact Registry: it was not looked for")
        return
    whole = image.partition("@")[0].rpartition(":")[0] or image.partition("@")[0]
    listing = command("gcloud artifacts docker images list", whole, include_tags=True)
    if context.cloud.pinned_images and not found["digest"]:
        detail = f"{image} is named by a tag, which may move: set {key} to {whole}@sha256:…"
        yield Finding(f"{name}'s digest", "missing", detail, (listing,))
    if found["digest"] == _PLACEHOLDER:
        detail = (
            f"{key} has the placeholder of the example: make images and make pin keep digests, which make's "
            f"targets pass on; a command takes --set {key}={whole}@sha256:…"
        )
        yield Finding(name, "missing", detail, (_build(context), listing))
        return
    yield _looked_up(context, name, image, found)


def _looked_up(context: PreflightContext, name: str, image: str, found: re.Match[str]) -> Finding:
    repository = _repository(found)
    package = quote(found["name"], safe="")
    tag = f"{repository}/packages/{package}/tags/{found['tag'] or 'latest'}"
    path = f"{repository}/dockerImages/{package}@{found['digest']}" if found["digest"] else tag
    there = context.google.find(_ARTIFACTS, path)
    if there is not None:
        version = str(there.get("version", "")).rpartition("/")[2]
        return Finding(name, "ready", f"{image} ({version[:19]})" if version else image)
    if context.google.find(_ARTIFACTS, repository) is None:
        words = "gcloud artifacts repositories create"
        create = command(words, found["repository"], **_where(found), repository_format="docker")
        return Finding(name, "missing", f"no repository {found['repository']} for it", (create,))
    return Finding(name, "missing", f"no {image}", (_build(context),))


def _repository(found: re.Match[str]) -> str:
    return f"/v1/projects/{found['project']}/locations/{found['location']}/repositories/{found['repository']}"


def _where(found: re.Match[str]) -> dict[str, str]:
    return {"project": found["project"], "location": found["location"]}


def _build(context: PreflightContext) -> str:
    return f"make images ENV={context.settings.environment}"
