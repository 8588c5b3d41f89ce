"""Bring an environment's infrastructure up, show what would change, take it down."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

from configs.errors import SettingsError, did_you_mean
from infra.commands.project import create_service_agents, has_state_bucket
from infra.commands.targets import INFRA, Target
from infra.commands.terraform import Resource, Root, without_index

DATA = {
    "bucket": ("google_storage_bucket",),
    "warehouse": ("google_bigquery_dataset", "google_bigquery_table"),
    "images": ("google_artifact_registry_repository",),  # without which no registered model can serve again
}
"""What `down` leaves unless it is named, by the types of Terraform."""
_MARKED = ("bucket", "warehouse")
"""What goes with its contents only where the state says so before it goes."""
_STAYS = (
    "google_iam_workload_identity_pool",
    "google_kms_",
    "google_project_service",
    "google_vertex_ai_metadata_store",
)
"""Costs hardly anything, and cannot be made again under its name for weeks, or ever: it always stays."""

Confirm = Callable[[str], bool]
"""Asks the user a question; True: go on."""
Print = Callable[[str], None]


def plan(target: Target) -> None:
    """Show what `up` would change.

    Raises:
        CloudError: The state bucket is somebody else's.
        TerraformError: A variable or a file is wrong.
    """
    root = _opened(target) if has_state_bucket(target) else _bootstrap(target)
    root.plan()


def up(target: Target, confirm: Confirm, echo: Print) -> bool:
    """Bring everything up, after a yes to what Terraform shows.

    Returns:
        Whether all is up; False after a no.

    Raises:
        CloudError: The state bucket is somebody else's.
        TerraformError: A variable or a file is wrong, or a change failed.
    """
    if not has_state_bucket(target):
        echo(f"First the bucket of Terraform's state: gs://{target.state_bucket}")
        if not _applied(_bootstrap(target), confirm, echo):
            return False
    if target.own_keys:
        create_service_agents(target)
    done = _applied(_opened(target), confirm, echo)
    if done:
        echo(f"{target.environment} is up in {target.project}.")
    return done


def down(target: Target, delete: Iterable[str], confirm: Confirm, echo: Print) -> bool:
    """Take down what costs, after a yes; buckets and datasets only where they are named.

    Returns:
        Whether all that should go is gone; False after a no.

    Raises:
        SettingsError: A name of data that is none.
        CloudError: The state bucket is somebody else's.
        TerraformError: Something could not be taken down.
    """
    names = tuple(delete)
    for name in names:
        if name not in DATA:
            known = f"names from {', '.join(DATA)}"
            raise SettingsError(f"DELETE={name}", expected=known, remedy=did_you_mean(name, DATA))
    if not has_state_bucket(target):
        echo(f"Nothing is up: there is no gs://{target.state_bucket}.")
        return True
    root = _opened(target)
    there = root.state()
    stays = staying(there, names)
    goes = [address for address in there if address not in stays]
    gone = not goes or (
        _may_be_emptied(root, there, names, confirm)
        and _applied(root, confirm, echo, "-destroy", *_flag(names), *_targets(goes))
    )
    state = "down" if gone else "up as it was"
    echo("\n  ".join([f"{target.environment} is {state}; what stays:", *sorted(stays)]))
    return gone


def staying(there: Mapping[str, Resource], delete: Iterable[str]) -> set[str]:
    """The addresses that `down` leaves: data not named, what always stays, and all that these need."""
    data = tuple(kind for name, kinds in DATA.items() if name not in delete for kind in kinds)
    waiting = [each for each in there.values() if each.kind.startswith(_STAYS) or each.kind in data]
    stays: set[str] = set()
    while waiting:
        each = waiting.pop()
        if each.address not in stays:
            stays.add(each.address)
            waiting += [other for other in there.values() if without_index(other.address) in each.needs]
    return stays


def _applied(root: Root, confirm: Confirm, echo: Print, *options: str) -> bool:
    """Plan, show, ask, apply; whether all is as it should be at the end."""
    if not root.plan(*options):
        echo("Nothing to change.")
        return True
    if not confirm("Do this?"):
        echo("Nothing was changed.")
        return False
    root.apply()
    return True


def _may_be_emptied(
    root: Root, there: Mapping[str, Resource], names: tuple[str, ...], confirm: Confirm
) -> bool:
    """Have the state say of data that it may go with what is in it."""
    kinds = tuple(kind for name in names if name in _MARKED for kind in DATA[name])
    marked = [each.address for each in there.values() if each.kind in kinds]
    if not marked or not root.plan(*_flag(names), *_targets(marked)):
        return True
    if not confirm(f"Mark {', '.join(marked)} to be deleted with all that is in them?"):
        return False
    root.apply()
    return True


def _flag(names: tuple[str, ...]) -> tuple[str, ...]:
    listed = ", ".join(f'"{name}"' for name in names if name in _MARKED)
    return (f"-var=delete_contents=[{listed}]",) if listed else ()


def _targets(addresses: Iterable[str]) -> list[str]:
    return [f"-target={address}" for address in addresses]


def _bootstrap(target: Target) -> Root:
    """The root that makes the state bucket; its own state stays on this machine, and may be lost."""
    variables = tuple(f"-var={name}={getattr(target, name)}" for name in ("project", "region", "environment"))
    root = Root(INFRA / "bootstrap", target.folder / "bootstrap", variables)
    root.init([f"path={(root.data / 'terraform.tfstate').resolve()}"])
    return root


def _opened(target: Target) -> Root:
    """The environment's root, on its remote state."""
    subprocess.run([sys.executable, str(INFRA / "trigger" / "package.py")], check=True)  # which it uploads
    root = Root(INFRA, target.folder, (f"-var-file={target.variables.resolve()}",))
    root.init([f"bucket={target.state_bucket}", f"prefix={target.environment}"])
    return root
