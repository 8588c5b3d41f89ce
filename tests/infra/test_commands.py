"""What the documents show and the builds do are commands of the Makefile and of the command lines."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.exceptions import TyperException

from configs.loading import load
from infra.__main__ import app as infra_app
from pipelines.__main__ import app as pipelines_app
from pipelines.plan import command as planning

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "infra").rglob("*.md"))]
BUILDS = [ROOT / "cloudbuild.yaml", *sorted((ROOT / "infra" / "delivery").glob("*.yaml"))]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
APPS = {"pipelines": typer.main.get_group(pipelines_app), "infra": typer.main.get_group(infra_app)}
_SHELL = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^(?:\S*/)?python3? -m (pipelines|infra) ")
_MAKEFILE = (ROOT / "Makefile").read_text()


def shown(page: Path) -> Iterator[str]:
    """The commands of a page's shell blocks, continued lines joined."""
    for block in _SHELL.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.partition(" #")[0].strip()
            if command and not command.startswith("#"):
                yield command


def targets() -> dict[str, str]:
    """The Makefile's targets that have a line in `make help`, with their recipes."""
    found = re.findall(r"^([a-z0-9-]+):.*## .*\n((?:\t.*\n)*)", _MAKEFILE, re.MULTILINE)
    return dict(found)


def variables() -> set[str]:
    """What may be said to make: the variables that the Makefile reads."""
    return set(re.findall(r"\$\(([A-Z][A-Z_]*)\)", _MAKEFILE)) | set(
        re.findall(r"\((?:or|if) \$\(([A-Z]+)\)", _MAKEFILE)
    )


def wrong_with_make(words: list[str]) -> str:
    """What is wrong with `make …`; empty: nothing."""
    for word in words[1:]:
        name, equals, _ = word.partition("=")
        if equals and name not in variables():
            return f"the Makefile reads no {name}"
        if not equals and word not in targets():
            return f"no target {word}"
    return ""


def wrong_with_python(words: list[str]) -> str:
    """What is wrong with `python -m pipelines …` or `python -m infra …`, by their own parsers."""
    module, *rest = words[words.index("-m") + 1 :]
    command = APPS[module].commands.get(rest[0])
    if command is None:
        return f"no command {rest[0]}"
    try:
        command.make_context(rest[0], rest[1:]).close()
    except TyperException as error:
        return str(error)
    return ""


def wrong_with(command: str) -> str:
    """What is wrong with a command of ours; empty: nothing, or it is none of ours."""
    words = shlex.split(command)
    if words[0] == "make":
        return wrong_with_make(words)
    return wrong_with_python(words) if _PYTHON.match(command) else ""


SHOWN = [(page, command) for page in PAGES for command in shown(page)]


@pytest.mark.parametrize(
    ("page", "command"), SHOWN, ids=[f"{page.name}: {command[:60]}" for page, command in SHOWN]
)
def test_a_command_that_is_shown_is_one(page: Path, command: str) -> None:
    assert not wrong_with(command), f"{page.relative_to(ROOT)}: {command}"


def test_the_pages_of_the_cloud_show_their_commands() -> None:
    for name in ("infra.md", "delivery.md"):
        ours = [command for page, command in SHOWN if page.name == name and command.startswith("make ")]
        assert len(ours) >= 5


def test_from_an_empty_project_to_a_prediction_are_six_commands_at_most() -> None:
    first = next(iter(_SHELL.findall((ROOT / "docs" / "infra.md").read_text())))
    commands = [line for line in first.splitlines() if line.strip() and not line.startswith("#")]
    assert 3 <= len(commands) <= 6
    assert commands[-1].startswith("make e2e")


def test_the_figures_of_the_first_run_are_those_of_the_plan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a login: what the query scans is unknown, the rest is known."""
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    plan = planning.make_plan(load("flights", "dev"))
    page = (ROOT / "docs" / "infra.md").read_text()
    assert f"| {plan.cost.low:.2f} to {plan.cost.high:.2f} |" in page
    assert f"**{plan.month.low:.0f} USD a month**" in page


def test_what_the_recipes_call_is_a_command() -> None:
    """The Makefile itself: with an environment, and every variable said."""
    recipes = [line for recipe in targets().values() for line in recipe.splitlines()]
    called = [line for line in recipes if "-m pipelines" in line or "-m infra" in line]
    assert len(called) >= 15
    for line in called:
        command = plain(line[line.index("$(PY)") :])
        assert not wrong_with(command), line


SAID = {
    "PY": "python",
    "ENV": "dev",
    "USE_CASE": "flights",
    "VERSION_": "--version v1",
    "COMMIT": "abc",
    "PINNED": "--set image=x@sha256:0",
    "DELETE": "bucket",
    "ARGS": "",
}


def plain(line: str) -> str:
    """A recipe's line as the shell would see it."""
    line = line.rstrip("\\").partition("|| exit")[0].replace("$$pipeline", "training")
    line = re.sub(r"\$\(if \$\(\w+\),([^()]*(?:\$\(\w+\))?)\)", r"\1", line)
    line = re.sub(r"\$\(or \$\(\w+\),(\w+)\)", r"\1", line)
    for name, value in SAID.items():
        line = line.replace(f"$({name})", value)
    return line


# --- the builds ---------------------------------------------------------------------------------------


def steps(build: Path) -> list[dict[str, Any]]:
    """The steps of a Cloud Build file."""
    content = yaml.safe_load(build.read_text())
    found: list[dict[str, Any]] = content.get("steps", []) if isinstance(content, dict) else []
    return found


STEPS = [(build, step) for build in BUILDS for step in steps(build)]


@pytest.mark.parametrize(
    ("build", "step"), STEPS, ids=[f"{build.stem}: {step['id']}" for build, step in STEPS]
)
def test_a_step_of_cloud_build_is_a_command_to_be_typed(build: Path, step: dict[str, Any]) -> None:
    if build.stem == "tools":  # it makes the image that has make
        assert plain(targets()["tools"]).split()[:3] == ["docker", *step["args"][:2]]
        return
    assert step["name"] == "$_TOOLS"
    said = re.sub(
        r"\$\{?_?[A-Z_]+\}?", "v1", shlex.join([step["entrypoint"], *step["args"]]).replace("'", "")
    )
    assert said.startswith("make ")
    assert not wrong_with(said)


JOBS = [
    (workflow, name, step["run"])
    for workflow in WORKFLOWS
    for name, job in yaml.safe_load(workflow.read_text())["jobs"].items()
    for step in job["steps"]
    if "run" in step
]


@pytest.mark.parametrize(("workflow", "job", "run"), JOBS, ids=[f"{w.stem}: {run}" for w, _, run in JOBS])
def test_a_step_of_github_is_a_command_to_be_typed(workflow: Path, job: str, run: str) -> None:
    assert run.startswith("make "), f"{workflow.name}: {job}"
    assert not wrong_with(run)


def done_by_cloud_build(build: str) -> list[str]:
    return [step["args"][0] for each, step in STEPS if each.stem == build and step["args"][0] != "setup"]


def done_by_github(workflow: str) -> list[str]:
    return [shlex.split(run)[1] for each, _, run in JOBS if each.stem == workflow and "make login" not in run]


@pytest.mark.parametrize(
    ("build", "workflow"),
    [
        ("cloudbuild", "main"),
        ("checks", "checks"),
        ("release", "release"),
        ("rollback", "rollback"),
        ("train", "train"),
    ],
)
def test_the_twins_do_the_same_in_the_same_order(build: str, workflow: str) -> None:
    """A step of one that the other lacks is a gate that only one of them has."""
    ours = list(dict.fromkeys(done_by_cloud_build(build)))
    assert list(dict.fromkeys(done_by_github(workflow))) == ours


# --- the checks themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make upp ENV=dev", "no target upp"),
        ("make up ENVIRONMENT=dev", "reads no ENVIRONMENT"),
        ("python -m pipelines rnu flights", "no command rnu"),
        (".venv/bin/python -m pipelines run flights --envv dev", "No such option"),
        ("python -m infra promote prod", "Missing parameter: version"),
        ("python -m infra scan test --severity BAD", "is not one of"),
    ],
)
def test_a_command_that_is_none_is_found(command: str, said: str) -> None:
    assert said in wrong_with(command)


@pytest.mark.parametrize(
    "command", ["make up ENV=dev YES=1", "python -m pipelines run flights --env dev", "gcloud auth login"]
)
def test_a_command_that_is_one_is_not(command: str) -> None:
    assert not wrong_with(command)
