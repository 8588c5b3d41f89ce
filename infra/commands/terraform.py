"""Terraform's command line: its output is shown as it is, its exit code becomes an error."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import PipelineError
from infra.commands.programs import program

_CHANGES = 2
"""What `plan -detailed-exitcode` ends with where there is something to do."""
_INDEX = re.compile(r'\[(?:"[^"]*"|\d+)\]')


class TerraformError(PipelineError):
    """Terraform failed; its own messages stand above."""


@dataclass(frozen=True)
class Root:
    """A folder of Terraform with one state, and what is said to it."""

    folder: Path
    data: Path
    """For plugins and plans."""
    variables: tuple[str, ...]
    """`-var=…`, `-var-file=…`: what plans depend on."""

    @property
    def plan_file(self) -> Path:
        """The plan that was shown, which is the one to be applied."""
        return self.data / "plan"

    def init(self, backend: Iterable[str] = ()) -> None:
        """Fetch the providers and open the state.

        Raises:
            SettingsError: There is no Terraform.
            TerraformError: It failed.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        options = [f"-backend-config={each}" for each in backend]
        self._shown("init", "-input=false", "-reconfigure", *options)

    def plan(self, *options: str) -> bool:
        """Show what would change, and keep it; returns whether anything would.

        Raises:
            TerraformError: A variable or a file is wrong.
        """
        words = ["-input=false", "-detailed-exitcode", f"-out={self.plan_file}", *self.variables, *options]
        return self._shown("plan", *words, allowed=(0, _CHANGES)) == _CHANGES

    def apply(self) -> None:
        """Carry out the plan that was shown.

        Raises:
            TerraformError: A change failed; what was done before it stays done, and known.
        """
        self._shown("apply", "-input=false", str(self.plan_file))

    def state(self) -> dict[str, "Resource"]:
        """Every resource that the state knows, by its address.

        Raises:
            TerraformError: The state could not be read.
        """
        content = json.loads(self._output("show", "-json"))
        return {each.address: each for each in _resources(content.get("values", {}).get("root_module", {}))}

    def _shown(self, *words: str, allowed: Sequence[int] = (0,)) -> int:
        code = subprocess.run(self._command(*words), env=self._environment(), check=False).returncode
        return self._judged(words[0], code, allowed)

    def _output(self, *words: str) -> str:
        done = subprocess.run(
            self._command(*words), env=self._environment(), check=False, stdout=subprocess.PIPE, text=True
        )
        self._judged(words[0], done.returncode, (0,))
        return done.stdout

    def _judged(self, verb: str, code: int, allowed: Sequence[int]) -> int:
        if code not in allowed:
            raise TerraformError(f"terraform {verb} ended with {code}", remedy="Its own words stand above.")
        return code

    def _command(self, *words: str) -> list[str]:
        found = program("terraform", expected="the command on the PATH, 1.11 or newer")
        plain = [] if sys.stdout.isatty() or words[0] == "show" else ["-no-color"]
        return [found, f"-chdir={self.folder}", words[0], *plain, *words[1:]]

    def _environment(self) -> dict[str, str]:
        """An environment's own data folder: two environments of one folder do not meet."""
        return {
            **os.environ,
            "TF_DATA_DIR": str((self.data / "terraform").resolve()),
            "TF_IN_AUTOMATION": "1",
        }


@dataclass(frozen=True)
class Resource:
    """One thing in the state."""

    address: str
    kind: str
    """Its type, like google_storage_bucket."""
    needs: tuple[str, ...]
    """Addresses, without indices, of what must be there before it."""


def _resources(module: dict[str, Any]) -> Iterable[Resource]:
    for each in module.get("resources", ()):
        if each["mode"] == "managed":
            yield Resource(each["address"], each["type"], tuple(each.get("depends_on", ())))
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def without_index(address: str) -> str:
    """`google_project_service.this["x"]` is one of the resource `google_project_service.this`."""
    return _INDEX.sub("", address)
