"""Where an environment's infrastructure lies: its project, its variables, its Terraform state's bucket."""

import re
from dataclasses import dataclass
from pathlib import Path

from configs.errors import SettingsError, did_you_mean
from configs.loading import CONFIGS

INFRA = Path(__file__).parents[1]
ROOT = INFRA.parent
OUTPUT = ROOT / "output" / "infra"
"""What Terraform keeps on this machine: plugins and plans, nothing that cannot be made again."""
_OWN_KEYS = re.compile(r"^customer_managed_keys\s*=\s*true\b", re.MULTILINE)
_TEXT = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """One environment: one project, one state."""

    environment: str
    project: str
    project_number: str
    region: str
    variables: Path
    """Its tfvars."""
    own_keys: bool
    """What services keep is encrypted by keys of the project's own."""

    @property
    def state_bucket(self) -> str:
        """Made by `infra/bootstrap`, under the same name."""
        return f"{self.project}-terraform-state"

    @property
    def folder(self) -> Path:
        """The folder of this machine for what Terraform works with."""
        return OUTPUT / self.environment


def place_of(environment: str) -> Place:
    """The place of an environment, by the name of its file in `infra/environments/`.

    Raises:
        SettingsError: There is no such file, or it does not name its project and that project's number.
    """
    path = _variables(environment)
    content = path.read_text()
    said = dict(_TEXT.findall(content))
    missing = [key for key in ("project", "project_number", "region") if not said.get(key)]
    if missing:
        raise SettingsError(
            f"{path}: {missing[0]}",
            expected='a line like project_number = "123456789012"',
            got="none",
            remedy=f"Both are in: gcloud projects describe {said.get('project', 'PROJECT')}",
        )
    return Place(
        environment=environment,
        project=said["project"],
        project_number=said["project_number"],
        region=said["region"],
        variables=path,
        own_keys=bool(_OWN_KEYS.search(content)),
    )


def _variables(environment: str) -> Path:
    folder = INFRA / "environments"
    known = sorted(file.stem for file in folder.glob("*.tfvars"))
    if environment in known:
        return folder / f"{environment}.tfvars"
    here = (CONFIGS / "environments" / f"{environment}.yaml").is_file()
    raise SettingsError(
        f"environment '{environment}'",
        expected=f"one of {', '.join(known)}",
        got="this machine, which needs no infrastructure" if here else "",
        remedy=did_you_mean(environment, known),
    )
