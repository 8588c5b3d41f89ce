"""Who may do what: infra/iam_matrix.yaml, typed; what of it Terraform grants with some variables; its page.

`python -m infra iam` writes the page, docs/iam.md, from infra/iam.md.jinja.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jinja2
import yaml
from pydantic import Field

from configs.section import Section

ROOT = Path(__file__).parents[2]
MATRIX, TEMPLATE, PAGE = ROOT / "infra/iam_matrix.yaml", ROOT / "infra/iam.md.jinja", ROOT / "docs/iam.md"
KINDS = (
    "project", "bucket", "dataset", "account", "repository", "key", "topic", "subscription", "service",
)  # fmt: skip
Permission = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-zA-Z]+){2}$", examples=["storage.objects.get"])]
_WHERE = rf"^(project|({'|'.join(KINDS[1:])})/[\w.{{}}-]+)$"
_VARIABLE = re.compile(r"\{([\w.]+)\}")


class Grant(Section):
    """One role on one thing, and why."""

    where: Annotated[str, Field(pattern=_WHERE, examples=["project", "bucket/pipeline"])]
    role: Annotated[str, Field(pattern=r"^(roles/[\w.]+|projects/\{project\}/roles/\w+)$")]
    why: Annotated[str, Field(min_length=8)]
    when: str = ""
    """The variable that turns it on; empty: it is there always."""
    only: str = ""
    """The condition, in CEL."""
    needs: tuple[Permission, ...] = ()
    """What it is there for, as the calls of the contract tests show it."""
    unseen: dict[Permission, str] = {}  # noqa: RUF012 - pydantic copies it
    """What it is there for and no contract test can show, with the reason."""


class Identity(Section):
    """Somebody who is granted something."""

    does: str
    member: str = ""
    """As IAM wants it; empty: the service account of this name in the project."""
    when: str = ""
    """The variable that makes there be one."""
    grants: tuple[Grant, ...]


class Role(Section):
    """A role of our own."""

    title: str
    why: str
    when: str = ""
    permissions: tuple[Permission, ...]


class Matrix(Section):
    """The whole file."""

    roles: dict[str, Role]
    identities: dict[str, Identity]


@dataclass(frozen=True, order=True)
class Granted:
    """A grant as a plan has it: nothing is left open but what only Google can tell."""

    member: str
    role: str
    where: str
    only: str = ""

    def __str__(self) -> str:
        """For a reader."""
        return f"{self.member}  {self.role}  on {self.where}" + (f"  only {self.only}" if self.only else "")


def matrix(path: Path = MATRIX) -> Matrix:
    """The matrix, checked."""
    return Matrix.model_validate(yaml.safe_load(path.read_text()))


def page(rights: Matrix) -> str:
    """The matrix as a page for readers, in Markdown."""
    template: jinja2.Template = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True)
    return template.render(matrix=rights)


def granted(rights: Matrix, variables: Mapping[str, Any]) -> Iterator[Granted]:
    """Every grant that Terraform makes with these variables.

    Args:
        rights: The matrix of roles.
        variables: Of infra/variables.tf, with their defaults, as a plan tells them.
    """
    for name, identity in rights.identities.items():
        if not is_on(identity.when, variables):
            continue
        own = f"serviceAccount:{name}@{{project}}.iam.gserviceaccount.com"
        for grant in identity.grants:
            if is_on(grant.when, variables):
                parts = identity.member or own, grant.role, grant.where, grant.only
                yield from _each(parts, variables)


def roles(rights: Matrix, variables: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The permissions of each role of our own that Terraform makes with these variables."""
    return {
        name: frozenset(role.permissions)
        for name, role in rights.roles.items()
        if is_on(role.when, variables)
    }


def places(grant: Grant, variables: Mapping[str, Any]) -> list[str]:
    """What a grant is on, by name: several where a variable has several values."""
    return [each.where for each in _each(("", grant.role, grant.where), variables)]


def is_on(when: str, variables: Mapping[str, Any]) -> bool:
    """Whether a variable (`not NAME`: none) is set to something."""
    value = _value(when.removeprefix("not "), variables) if when else True
    return not value if when.startswith("not ") else bool(value) or value == {}


def _each(parts: tuple[str, ...], variables: Mapping[str, Any]) -> Iterator[Granted]:
    """With each value of a variable that has several."""
    many = [name for name in _VARIABLE.findall(" ".join(parts)) if isinstance(_value(name, variables), list)]
    if not many:
        yield Granted(
            *(_VARIABLE.sub(lambda found: str(_value(found[1], variables)), part) for part in parts)
        )
        return
    for value in _value(many[0], variables):
        yield from _each(tuple(part.replace(f"{{{many[0]}}}", value) for part in parts), variables)


def _value(name: str, variables: Mapping[str, Any]) -> Any:
    value: Any = {**variables, "bucket": f"{variables.get('project')}-pipeline"}
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
