"""The documentation: its commands exist, its links lead somewhere, its YAML is accepted."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from configs.loading import load
from pipelines.__main__ import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text()) if kind == language]


def commands() -> list[str]:
    lines = [line for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def test_the_pages_show_commands() -> None:
    assert "make run" in commands()
    assert "make test" in commands()


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("make ")])
def test_a_make_command_is_a_target_with_a_help_line(command: str) -> None:
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", [c for c in commands() if " -m pipelines " in c])
def test_a_pipelines_command_exists_with_its_options(command: str) -> None:
    words = shlex.split(command)
    name = words[words.index("pipelines") + 1]
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert shown.exit_code == 0, f"{name}: {shown.output}"
    for option in re.findall(r"--[a-z-]+", command):
        assert option in shown.output


def test_the_command_of_every_figure_exists() -> None:
    """In the README's table each figure names what prints it."""
    rows = re.findall(r"^\|.*\| `(.+)` \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rows) >= 8
    for command in rows:
        *_, name = command.split()
        if command.startswith("make "):
            assert re.search(rf"^{name}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE), command
        else:
            path = ROOT / name.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_use_case_in_the_docs_is_accepted(tmp_path: Path) -> None:
    examples = blocks(ROOT / "docs" / "your-data.md", "yaml")
    assert examples
    for index, text in enumerate(examples):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "use_case.yaml").write_text(text)
        assert load(folder).features.columns


def test_the_environment_in_the_docs_is_accepted() -> None:
    (text,) = blocks(ROOT / "docs" / "cloud.md", "yaml")
    said = [f"{key}={json.dumps(value)}" for key, value in yaml.safe_load(text).items()]
    cloud = load("flights", "local", said).cloud
    assert cloud is not None
    assert cloud.budget_usd == 25
