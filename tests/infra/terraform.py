"""Terraform on a copy of a root module, with the stub providers instead of Google's.

The copy stands where the original stands: beside it lie links to the rest of the repository, so that relative
paths lead where they should, and nothing is written into the checkout. Its state is a file in the copy.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.provider.attached import Attached
from tests.infra.provider.mirror import environment
from tests.infra.provider.packages import ROOT

Variables = Path | Mapping[str, Any]
"""A .tfvars file, or values by name."""
Json = dict[str, Any]
_TYPE = re.compile(r'\b(?:resource|data|mock_resource|mock_data|override_resource)\s+"(\w+)"')
_MODULE = re.compile(r'^\s*source\s*=\s*"(\.{1,2}/[^"]*)"', re.MULTILINE)
_CRASHED = 11
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
_NOT_COPIED = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")


@dataclass(frozen=True)
class Diagnostic:
    """What Terraform says about one mistake."""

    severity: str
    summary: str
    detail: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.summary}: {self.detail}"


class TerraformError(Exception):
    """A command failed; the diagnostics say why."""

    def __init__(self, command: str, diagnostics: list[Diagnostic], output: str) -> None:
        self.diagnostics = diagnostics
        said = "\n".join(map(str, diagnostics)) or output
        super().__init__(f"terraform {command}:\n{said}")


@dataclass(frozen=True)
class Tests:
    """The outcome of `terraform test`: its runs by file, with their statuses."""

    runs: dict[tuple[str, str], str]
    diagnostics: list[Diagnostic]

    @property
    def passed(self) -> bool:
        """Whether there were runs, and all of them passed."""
        return bool(self.runs) and set(self.runs.values()) == {"pass"}


class Terraform:
    """One root module's copy under `folder`; `root` is the original."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.copy = _copied(root, folder)
        named = types(root)
        self._installing = environment(named)
        self._attached = Attached(named)
        self.environment = self._installing | self._attached.variables

    def close(self) -> None:
        """End what serves the providers."""
        self._attached.stop()

    def init(self) -> None:
        """Make the copy ready for every other method.

        Raises:
            TerraformError: for example for a provider or a module that is not there.
        """
        (self.copy / "local_state_override.tf").write_text(_LOCAL_STATE)
        self._run("init", "-json", environment=self._installing)

    def validate(self) -> list[Diagnostic]:
        """What is wrong with the configuration; empty where nothing is."""
        found = json.loads(self._ended("validate", "-json").stdout)
        return [_diagnostic(one) for one in found["diagnostics"] if one["severity"] == "error"]

    def plan(self, variables: Variables | None = None, *, destroy: bool = False) -> Json:
        """The plan, as `terraform show -json` gives it.

        Raises:
            TerraformError: the configuration or a variable is rejected.
        """
        options = ["-destroy"] if destroy else []
        self._run("plan", "-json", "-out=plan.bin", *options, *self._variables(variables))
        return self._shown("plan.bin")

    def apply(self, variables: Variables | None = None, *, destroy: bool = False) -> Json:
        """Plan and apply; the state, as `terraform show -json` gives it.

        Raises:
            TerraformError: as `plan`.
        """
        self.plan(variables, destroy=destroy)
        self._run("apply", "-json", "plan.bin")
        return self._shown()

    def test(self, *options: str) -> Tests:
        """`terraform test` over the root module's tests/*.tftest.hcl."""
        said = _events(self._ended("test", "-json", *options).stdout)
        runs = {
            (event["test_run"]["path"], event["test_run"]["run"]): event["test_run"]["status"]
            for event in said
            if event["type"] == "test_run" and event["test_run"].get("progress", "complete") == "complete"
        }
        return Tests(runs, _errors(said))

    def unformatted(self) -> list[str]:
        """The files that `terraform fmt` would change."""
        return self._ended("fmt", "-check", "-recursive").stdout.split()

    def _variables(self, variables: Variables | None) -> list[str]:
        if variables is None:
            return []
        if isinstance(variables, Path):
            return [f"-var-file={variables.resolve()}"]
        file = self.copy / "given.tfvars.json"
        file.write_text(json.dumps(variables))
        return [f"-var-file={file}"]

    def _shown(self, *plan: str) -> Json:
        shown: Json = json.loads(self._run("show", "-json", *plan).stdout)
        return shown

    def _run(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        ended = self._ended(*words, environment=environment)
        if ended.returncode:
            events = _events(ended.stdout) if "-json" in words and words[0] != "show" else []
            raise TerraformError(words[0], _errors(events), ended.stderr or ended.stdout)
        return ended

    def _ended(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={self.copy}", *words]
        variables = environment or self.environment
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        if ended.returncode == _CRASHED:
            raise TerraformError(words[0], [], ended.stderr)
        return ended


def types(root: Path) -> set[str]:
    """The resource and data types that a root module, its tests and the modules it calls name."""
    found: set[str] = set()
    for folder in _modules(root.resolve(), set()):
        for file in [*folder.glob("*.tf"), *folder.glob("*.tftest.hcl"), *folder.glob("tests/*.tftest.hcl")]:
            found.update(_TYPE.findall(file.read_text()))
    return found


def _modules(folder: Path, seen: set[Path]) -> set[Path]:
    if folder not in seen:
        seen.add(folder)
        for file in [*folder.glob("*.tf"), *folder.glob("tests/*.tftest.hcl")]:
            for source in _MODULE.findall(file.read_text()):
                _modules((folder / source).resolve(), seen)
    return seen


def _copied(root: Path, folder: Path) -> Path:
    """The root module's copy; of the repository's, the whole of infra/ is copied and the rest is linked."""
    infra = ROOT / "infra"
    root = root.resolve()
    if not root.is_relative_to(infra):
        return Path(shutil.copytree(root, folder / root.name, ignore=_NOT_COPIED))
    for entry in ROOT.iterdir():
        if entry != infra:
            (folder / entry.name).symlink_to(entry)
    shutil.copytree(infra, folder / "infra", ignore=_NOT_COPIED)
    return folder / root.relative_to(ROOT)


def _events(output: str) -> list[Json]:
    """Terraform's machine-readable output: one JSON object a line."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _errors(events: list[Json]) -> list[Diagnostic]:
    found = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    return [_diagnostic(one) for one in found if one["severity"] == "error"]


def _diagnostic(found: Json) -> Diagnostic:
    where = found.get("range", {})
    line = where.get("start", {}).get("line", 0)
    return Diagnostic(
        found["severity"], found["summary"], found.get("detail", ""), where.get("filename", ""), line
    )
