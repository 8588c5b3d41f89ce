"""What is in an image, what is not, and how large it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.engine import Engine

_MIB = 2**20
_LIMITS = {"pipeline": 2500 * _MIB, "serving": 1300 * _MIB}
"""Without the base image; uncompressed. A package that grows is seen here first: docs/images.md."""


@pytest.fixture(params=["pipeline", "serving"])
def image(request: pytest.FixtureRequest) -> str:
    name: str = request.getfixturevalue(f"{request.param}_image")
    return name


@pytest.fixture
def configured(engine: Engine, image: str) -> dict[str, Any]:
    """The image's own configuration."""
    (content,) = json.loads(engine.podman("image", "inspect", image))
    config: dict[str, Any] = content["Config"]
    return config


@pytest.fixture
def listing(engine: Engine, image: str) -> Callable[..., list[str]]:
    """Paths in the image that `find` finds, as root would, mounted folders left out."""

    def found(*tests: str) -> list[str]:
        words = ("run", "--rm", "--network=none", "--user=0", "--entrypoint=find", image)
        return engine.podman(*words, "/", "-xdev", *tests, "-print").split("\n")

    return found


def test_the_user_is_a_number_and_has_a_name_inside(engine: Engine, image: str, configured: Any) -> None:
    script = "import getpass, os; print(os.getuid(), os.getgid(), getpass.getuser(), os.path.expanduser('~'))"

    assert configured["User"] == "10001:10001"
    name = "pipeline" if "pipeline-python" in image else "serving"
    assert engine.inside(image, "python", "-c", script) == f"10001 10001 {name} /tmp"


def test_nothing_but_the_temporary_folder_can_be_written(engine: Engine, image: str) -> None:
    script = (
        "import os, tempfile\n"
        "tempfile.TemporaryFile()\n"
        "for path in ('/', '/opt/pipeline', '/opt/venv', '/etc', '/var/tmp', '/home'):\n"
        "    try: open(path + '/x', 'w')\n"
        "    except OSError: continue\n"
        "    print(path)\n"
    )

    assert engine.inside(image, "python", "-c", script) == ""


def test_no_file_can_be_written_by_everybody_or_gains_rights(listing: Callable[..., list[str]]) -> None:
    writable = listing(
        "-not", "-type", "l", "-perm", "-0002", "-not", "-perm", "-1000", "-not", "-path", "/proc/*"
    )
    own = listing("(", "-path", "/opt/*", ")", "-perm", "/6000")

    assert [path for path in (*writable, *own) if path and not path.startswith("/dev/")] == []


def test_the_code_belongs_to_root(listing: Callable[..., list[str]]) -> None:
    assert listing("-path", "/opt/*", "-not", "-user", "root") == [""]


def test_only_what_runs_is_in_it(image: str, listing: Callable[..., list[str]]) -> None:
    ours = listing("-path", "/opt/pipeline/*", "-not", "-path", "*/__pycache__*", "-type", "f")
    folders = {path.removeprefix("/opt/pipeline/").split("/")[0] for path in ours}

    assert folders == {"components", "configs"}
    assert all(path.endswith(".py") or "/components/report/templates/" in path for path in ours)
    assert ("/opt/pipeline/components/train/core.py" in ours) == ("pipeline-python" in image)
    assert listing(
        "(", "-name", ".git", "-o", "-name", "*.lock", "-path", "/build/*", "-o", "-name", "pip.conf", ")"
    ) == [""]


def test_no_compiler_is_in_it(listing: Callable[..., list[str]]) -> None:
    compilers = ("gcc", "g++", "cc", "clang", "make", "ld")
    names = [word for name in compilers for word in ("-o", "-name", name)][1:]

    assert listing("-path", "*/bin/*", "(", *names, ")") == [""]


def test_nothing_that_installs_packages_is_left_in_the_server(engine: Engine, serving_image: str) -> None:
    script = (
        "import importlib.util, shutil\n"
        "print([m for m in ('pip', 'setuptools', 'ensurepip', 'wheel') if importlib.util.find_spec(m)],"
        " shutil.which('pip'), shutil.which('pip3'))"
    )

    assert engine.inside(serving_image, "python", "-c", script) == "[] None None"
    assert engine.inside(serving_image, "/usr/bin/env", "-i", "python3", "-c", script) == "[] None None"


def test_what_is_imported_is_compiled_already(engine: Engine, image: str) -> None:
    module = "components.train.core" if "pipeline-python" in image else "components.serve.__main__"
    script = (
        f"import importlib, os, sys, tensorflow; importlib.import_module({module!r})\n"
        "modules = [m for m in list(sys.modules.values()) if getattr(m, '__cached__', None)]\n"
        "files = [m.__cached__ for m in modules if m.__file__.startswith('/opt/')]\n"
        "print(len(files) > 500, [f for f in files if not os.path.exists(f)])"
    )

    assert engine.inside(image, "python", "-W", "ignore", "-c", script).split("\n")[-1] == "True []"


def test_it_says_where_it_comes_from(engine: Engine, image: str, configured: Any) -> None:
    labels = configured["Labels"]

    revision = engine.ended("git", "rev-parse", "HEAD").stdout.strip()
    assert labels["org.opencontainers.image.revision"].removesuffix("-dirty") == revision
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.title"] in image


@pytest.mark.parametrize("name", ["pipeline", "serving"])
def test_it_is_no_larger_than_it_was_said_to_be(
    name: str, engine: Engine, request: pytest.FixtureRequest
) -> None:
    image = request.getfixturevalue(f"{name}_image")
    (base,) = json.loads(engine.podman("image", "inspect", engine.environment["PYTHON_IMAGE"]))
    (content,) = json.loads(engine.podman("image", "inspect", image))

    assert content["Size"] - base["Size"] < _LIMITS[name]


def test_a_change_of_our_code_changes_the_last_layer_alone(engine: Engine, image: str) -> None:
    (content,) = json.loads(engine.podman("image", "inspect", image))
    sizes = [
        layer["size"]
        for layer in json.loads(engine.podman("history", "--format=json", image))
        if layer["size"]
    ]

    assert len(content["RootFS"]["Layers"]) <= 10
    assert sizes[0] < 3 * _MIB
