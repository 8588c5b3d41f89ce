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
Done = subprocess.CompletedProcess[str]


class TerraformError(PipelineError):
    """Terraform failed; its own messages are above."""


@dataclass(frozen=True)
class Root:
    """A folder of Terraform with one state, and its variables."""

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
        self._run("init", "-input=false", "-reconfigure", *options)

    def plan(self, *options: str) -> bool:
        """Show what would change, and keep it; returns whether anything would.

        Raises:
            TerraformError: A variable or a file is wrong.
        """
        words = ["-input=false", "-detailed-exitcode", f"-out={self.plan_file}", *self.variables, *options]
        return self._run("plan", *words, allowed=(0, _CHANGES)).returncode == _CHANGES

    def apply(self) -> None:
        """Carry out the plan that was shown.

        Raises:
            TerraformError: A change failed; what was done before it stays done, and known.
        """
        self._run("apply", "-input=false", str(self.plan_file))

    def state(self) -> dict[str, "Resource"]:
        """Every resource that the state knows, by its address.

        Raises:
            TerraformError: The state could not be read.
        """
        content = json.loads(self._run("show", "-json", stdout=subprocess.PIPE).stdout)
        return {each.address: each for each in _resources(content.get("values", {}).get("root_module", {}))}

    def _run(self, verb: str, *words: str, allowed: Sequence[int] = (0,), stdout: int | None = None) -> Done:
        """Run a command of Terraform's, in a data folder of its own: two environments of one do not meet."""
        found = program("terraform", expected="the command on the PATH, 1.11 or newer")
        plain = [] if sys.stdout.isatty() or stdout else ["-no-color"]
        data = {"TF_DATA_DIR": str((self.data / "terraform").resolve()), "TF_IN_AUTOMATION": "1"}
        command = [found, f"-chdir={self.folder}", verb, *plain, *words]
        done = subprocess.run(command, env=os.environ | data, check=False, stdout=stdout, text=True)
        if done.returncode not in allowed:
            remedy = "Its own output is above."
            raise TerraformError(f"terraform {verb} ended with {done.returncode}", remedy=remedy)
        return done


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
