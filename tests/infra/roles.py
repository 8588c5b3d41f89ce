"""What the roles of the matrix allow: Google's as roles.yaml here has them, ours as the matrix does."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from infra.commands.iam import Matrix

FILE = Path(__file__).with_name("roles.yaml")


def predefined() -> dict[str, frozenset[str]]:
    """The permissions of each of Google's roles, as far as they are relied on."""
    content = yaml.safe_load(FILE.read_text())["roles"]
    return {
        role: frozenset(one for each in permissions for one in _spelt_out(each))
        for role, permissions in content.items()
    }


def allowed(matrix: Matrix) -> dict[str, frozenset[str]]:
    """Those, and our own."""
    ours = {
        f"projects/{{project}}/roles/{name}": frozenset(role.permissions)
        for name, role in matrix.roles.items()
    }
    return {**predefined(), **ours}


def _spelt_out(permissions: str) -> Iterator[str]:
    """`a.b.{get,list}`: `a.b.get`, `a.b.list`."""
    found = re.fullmatch(r"(.*)\{(.*)\}", permissions)
    if found is None:
        yield permissions
        return
    yield from (found[1] + verb for verb in found[2].split(","))
