"""What can be said of the images without building them. tests/images builds and runs them."""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra/images"
FILES = sorted(FOLDER.glob("*.Dockerfile"))
LEFT_OUT = {
    "cpu": ({"tensorflow", "libclang"}, {"tensorflow-cpu"}),
    "cuda": ({"libclang"}, set()),
}
"""By variant of the pipeline's image: what its lock has not of requirements.lock, and what it has besides."""

each_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)


def instructions(file: Path) -> list[tuple[str, str]]:
    """(instruction, rest) in order; continued lines are joined, comments left out."""
    lines = [line for line in file.read_text().splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(verb, rest) for verb, _, rest in (line.partition(" ") for line in whole.splitlines()) if verb]


def arguments(file: Path) -> dict[str, str]:
    """The build arguments that have a default."""
    return dict(rest.split("=", 1) for verb, rest in instructions(file) if verb == "ARG" and "=" in rest)


def versions(lock: str) -> dict[str, set[str]]:
    """The versions of each package of a lock; by Python's version there may be several."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([a-z0-9][\w.-]*)(?:\[.*?\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


@each_file
def test_every_base_image_is_a_build_argument_with_a_fixed_name(file: Path) -> None:
    bases = {rest.split()[0] for verb, rest in instructions(file) if verb == "FROM"}

    assert bases <= {f"${{{name}}}" for name in arguments(file)}
    for name in bases:
        assert re.search(r":[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?$", arguments(file)[name[2:-1]])


@each_file
def test_the_images_stand_on_the_same_python(file: Path) -> None:
    assert arguments(file)["PYTHON_IMAGE"] == arguments(FOLDER / "serving.Dockerfile")["PYTHON_IMAGE"]


def test_the_beam_image_is_of_the_locked_version_and_the_same_python() -> None:
    pinned = arguments(FOLDER / "pipeline.Dockerfile")
    python = re.search(r"python:(\d+\.\d+)", pinned["PYTHON_IMAGE"])
    (beam,) = versions("requirements.lock")["apache-beam"]

    assert python
    assert re.search(rf"beam_python{re.escape(python[1])}_sdk:{re.escape(beam)}(@|$)", pinned["BEAM_IMAGE"])


@each_file
def test_the_last_user_is_a_number_and_not_root(file: Path) -> None:
    users = [rest for verb, rest in instructions(file) if verb == "USER"]

    assert users == ["${USER_ID}:${USER_ID}"]
    assert int(arguments(file)["USER_ID"]) >= 10000


@each_file
def test_what_is_copied_is_there_and_is_sent_to_the_builder(file: Path) -> None:
    admitted = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    ]
    for verb, rest in instructions(file):
        if verb != "COPY" or "--from" in rest:
            continue
        for source in rest.replace("${VARIANT}", "cuda").split()[:-1]:
            assert list(ROOT.glob(source)), source
            assert any(fnmatch(source, each) or source.startswith(f"{each}/") for each in admitted), source


RUNS = {
    "pipeline": [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "components").rglob("*.py"))
    ],
    "serving": ["components.serve.__main__"],
}
"""The modules that an image is for; they bring all that they import, wherever they do it."""


@each_file
def test_all_of_our_code_that_an_image_runs_is_copied_into_it(file: Path) -> None:
    sources = [
        source
        for verb, rest in instructions(file)
        if verb == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    copied = {
        path
        for source in sources
        for place in ROOT.glob(source)
        for path in (place.rglob("*.py") if place.is_dir() else [place])
    }
    needed = ours(RUNS[file.stem])

    assert len(needed) > 40
    assert sorted(str(path.relative_to(ROOT)) for path in needed - copied) == []


def ours(modules: Iterable[str]) -> set[Path]:
    """The files of these modules, and of all modules of ours that they import, directly or not."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        parts = waiting.pop().split(".")
        for end in range(1, len(parts) + 1):
            for path in _files(parts[:end]):
                if path not in found:
                    found.add(path)
                    waiting += imported(path)
    return found


def _files(parts: list[str]) -> list[Path]:
    """The file of a module or package of ours; none for other names."""
    if parts[0] not in ("components", "configs"):
        return []
    path = ROOT.joinpath(*parts)
    return [each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()]


def imported(path: Path) -> Iterator[str]:
    """Every name that a file imports, at its top or in a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)


def test_everything_else_stays_out_of_the_builders_context() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert lines[0] == "*"
    assert [line for line in lines if line.startswith("!")] == [
        "!components",
        "!configs/*.py",
        "!infra/images/install",
        "!requirements-cpu.lock",
        "!requirements-cuda.lock",
        "!requirements-serving.lock",
    ]


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_the_pipelines_image_has_the_versions_that_are_tested(variant: str) -> None:
    tested, image = versions("requirements.lock"), versions(f"requirements-{variant}.lock")
    left_out, besides = LEFT_OUT[variant]

    more = {name for name in image.keys() - tested.keys() if not name.startswith("nvidia-")}
    assert tested.keys() - image.keys() == left_out
    assert more == besides
    assert {name for name in tested.keys() & image.keys() if tested[name] != image[name]} == set()


def test_the_servers_image_has_the_versions_that_are_tested() -> None:
    tested, image = versions("requirements.lock"), versions("requirements-serving.lock")

    assert image.pop("tensorflow-cpu") == tested["tensorflow"]
    assert {name for name in image if image[name] != tested[name]} == set()
    assert not image.keys() & {"pip", "setuptools", "wheel", "keras", "apache-beam", "kfp"}


@pytest.mark.parametrize("variant", ["cpu", "cuda", "serving"])
def test_every_line_of_an_images_lock_has_a_hash(variant: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / f"requirements-{variant}.lock").read_text().strip())

    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert not re.search(r"https?://", "".join(entries))


@each_file
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    own = ROOT / ".venv-infra/bin/hadolint"
    binary = str(own) if own.exists() else shutil.which("hadolint")
    if binary is None:
        pytest.skip("no hadolint here: make infra-test installs it")
    ended = subprocess.run([binary, str(file)], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (0, "")


def build(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """`infra/images/build WORDS`, with an engine that would only print its arguments."""
    environment = {**os.environ, "ENGINE": "echo", **variables}
    return subprocess.run(
        [str(FOLDER / "build"), *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected pipeline, serving or pin, got nothing"),
        (("trainer",), "expected pipeline, serving or pin, got trainer"),
        (("pipeline", "--variant", "tpu"), "--variant: expected cpu or cuda, got tpu"),
        (("serving", "--variant", "cuda"), "--variant: expected cpu, the only one of serving, got cuda"),
        (("pipeline", "--tag"), "--tag: expected a value, got none"),
        (("pipeline", "--fast"), "expected --variant, --tag, --pinned, --push or --, got --fast"),
    ],
)
def test_a_mistake_is_one_line_with_what_was_expected(words: tuple[str, ...], message: str) -> None:
    ended = build(*words)

    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_base_that_may_move_is_rejected_where_a_digest_is_required() -> None:
    pinned = f"localhost/python@sha256:{'1' * 64}"

    rejected = build("serving", "--pinned", PYTHON_IMAGE="localhost/python:3.11")
    allowed = build("serving", "--pinned", PYTHON_IMAGE=pinned)

    assert rejected.returncode == 2
    assert "PYTHON_IMAGE: expected NAME@sha256:…, got localhost/python:3.11" in rejected.stderr
    assert allowed.returncode == 0
    assert f"--build-arg PYTHON_IMAGE={pinned}" in allowed.stderr


def test_no_engine_is_said_with_the_remedy() -> None:
    ended = build("serving", ENGINE="no-such-engine")

    assert ended.returncode == 2
    assert ended.stderr == (
        "images: expected docker, podman or buildah on the PATH, got none of them. "
        "Install one, or set ENGINE.\n"
    )


def test_the_build_receives_variant_version_and_revision() -> None:
    message = build("pipeline", "--variant", "cuda", "--", "--no-cache").stderr

    assert "--build-arg VARIANT=cuda" in message
    assert "--label org.opencontainers.image.version=0.1.0" in message
    assert re.search(r"--label org.opencontainers.image.revision=([0-9a-f]{40}(-dirty)?|unknown) ", message)
    assert "--no-cache --tag pipeline-python:local-cuda" in message
