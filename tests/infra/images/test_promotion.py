"""Images pinned, accepted and promoted: by the real skopeo, between repositories of a real registry."""

import socket
import subprocess
import sys

import pytest
import yaml

from tests.infra.images.registry import Registry

KEYS = {"pipeline-python": "image", "pipeline-serving": "cloud.prediction.image"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_what_was_tested_arrives_in_production_to_the_very_digest(registry: Registry) -> None:
    digests = {name: registry.push("test", COMMIT, {"name": name}, name) for name in KEYS}
    registry.done("pin", "test", "--version", COMMIT)
    keys = {"pipeline-python": "image", "pipeline-serving": "cloud.prediction.image"}
    assert registry.pinned("test") == [
        f"{keys[n]}={registry.named('test', n)}@{d}" for n, d in digests.items()
    ]

    early = registry.rejected("promote", "prod", "--version", "v1.0.0", "--commit", COMMIT)
    assert f"tested-{COMMIT}: expected an image that has passed the end-to-end run, got none" in early

    registry.done("accept", "test", "--version", COMMIT)
    assert registry.tags("test") == {COMMIT, f"tested-{COMMIT}"}
    registry.done("promote", "prod", "--version", "v1.0.0", "--commit", COMMIT)
    assert registry.pinned("prod") == [
        f"{keys[n]}={registry.named('prod', n)}@{d}" for n, d in digests.items()
    ]
    assert registry.tags("prod") == registry.tags("prod", "pipeline-serving") == {"v1.0.0"}


def test_an_older_release_needs_no_test_to_come_back(registry: Registry) -> None:
    for name in KEYS:
        registry.push("prod", "v0.9.0", {"old": name}, name)
    registry.done("promote", "prod", "--version", "v0.9.0", "--commit", COMMIT)
    assert len(registry.pinned("prod")) == 2
    assert registry.tags("prod") == {"v0.9.0"}


def test_a_version_that_was_built_is_not_built_again(registry: Registry) -> None:
    digests = {name: registry.push("test", COMMIT, {"name": name}, name) for name in KEYS}
    registry.variables["ENGINE"] = "no-such-engine"
    registry.done("build", "test", "--version", COMMIT)
    assert [line.rpartition("@")[2] for line in registry.pinned("test")] == list(digests.values())
    registry.done("accept", "test", "--version", COMMIT)
    registry.done("accept", "test", "--version", COMMIT)
    said = registry.rejected("build", "test", "--version", "another")
    assert "build pipeline: got it ended with" in said


def test_the_pipelines_take_what_is_pinned(registry: Registry) -> None:
    for name in KEYS:
        digest = registry.push("prod", "v1", {"name": name}, name)
    registry.done("pin", "prod", "--version", "v1")
    arguments = [word for line in registry.pinned("prod") for word in ("--set", line)]
    command = [
        sys.executable,
        "-m",
        "pipelines",
        "compile",
        "flights",
        "--env",
        "prod",
        "--out",
        "compiled.yaml",
        *arguments,
    ]
    subprocess.run(command, cwd=registry.root, env=registry.variables, check=True, capture_output=True)
    compiled = (registry.root / "compiled.yaml").read_text()
    assert "sha256:" + "0" * 64 not in compiled
    executors = yaml.safe_load(compiled)["deploymentSpec"]["executors"].values()
    images = {each["container"]["image"] for each in executors if "container" in each}  # not the importer's
    assert registry.pinned("prod")[0].partition("=")[2] in images
    assert f"{registry.named('prod', 'pipeline-serving')}@{digest}" in compiled


def test_a_version_that_is_not_there_says_how_it_would_be_made(registry: Registry) -> None:
    said = registry.rejected("pin", "prod", "--version", "v9")
    assert f"{registry.named('prod')}:v9: expected an image, got none" in said
    assert "make images" in said


def test_a_registry_that_does_not_answer_is_named(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = "{}:{}".format(*free.getsockname())
    path = registry.root / "configs" / "environments" / "prod.yaml"
    path.write_text(path.read_text().replace(registry.address, nobody))
    said = registry.rejected("pin", "prod", "--version", "v1")
    assert "expected an answer of the registry" in said
    assert "gcloud auth configure-docker" in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("pin", "prod", "--version", "a b"), "VERSION: expected a tag"),
        (("pin", "local", "--version", "v1"), "environment 'local': expected one with a cloud section"),
        (("pin", "prd", "--version", "v1"), "Did you mean 'prod'?"),
        (("accept", "test", "--version", "v1"), "make images ENV=test"),
        (("scan", "test"), "the images of test: expected their digests"),
    ],
)
def test_a_mistake_is_described_in_one_line(registry: Registry, typed: tuple[str, ...], said: str) -> None:
    assert said in registry.rejected(*typed)


def test_a_tree_with_changes_has_no_version_of_its_own(registry: Registry) -> None:
    git = ["git", "-C", str(registry.root), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    said = registry.rejected("pin", "prod")
    assert "expected a clean working tree" in said
    assert "VERSION=" in said
