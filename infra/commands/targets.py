"""What an environment's infrastructure is in: its project, its variables, its Terraform state's bucket."""

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
class Target:
    """One environment: one project, one state."""

    environment: str
    project: str
    project_number: str
    region: str
    variables: Path
    """Its tfvars."""
    own_keys: bool
    """Whether data at rest is encrypted by keys of the project's own."""

    @property
    def state_bucket(self) -> str:
        """Made by `infra/bootstrap`, under the same name."""
        return f"{self.project}-terraform-state"

    @property
    def folder(self) -> Path:
        """The folder of this machine for what Terraform works with."""
        return OUTPUT / self.environment


def target_of(environment: str) -> Target:
    """The target of an environment, by the name of its file in `infra/environments/`.

    Raises:
        SettingsError: There is no such file, or it does not name its project and that project's number.
    """
    folder = INFRA / "environments"
    known = sorted(file.stem for file in folder.glob("*.tfvars"))
    if environment not in known:
        here = (CONFIGS / "environments" / f"{environment}.yaml").is_file()
        raise SettingsError(
            f"environment '{environment}'",
            expected=f"one of {', '.join(known)}",
            got="this machine, which needs no infrastructure" if here else "",
            remedy=did_you_mean(environment, known),
        )
    path = folder / f"{environment}.tfvars"
    content = path.read_text()
    texts = dict(_TEXT.findall(content))
    missing = [name for name in ("project", "project_number", "region") if not texts.get(name)]
    if missing:
        raise SettingsError(
            f"{path}: {missing[0]}",
            expected='a line like project_number = "123456789012"',
            got="none",
            remedy=f"Both are in: gcloud projects describe {texts.get('project', 'PROJECT')}",
        )
    return Target(
        environment=environment,
        project=texts["project"],
        project_number=texts["project_number"],
        region=texts["region"],
        variables=path,
        own_keys=bool(_OWN_KEYS.search(content)),
    )
