"""infra/iam_matrix.yaml as a page for readers: `python -m infra iam` writes docs/iam.md."""

from collections.abc import Iterator

from infra.commands.iam import Grant, Identity, Matrix, Role

_TOP = """\
# Who may do what

Written by `python -m infra iam` from [infra/iam_matrix.yaml](../infra/iam_matrix.yaml): change that
file, not this one. Each part of a run has a service account of its own, without a key. A role is granted
on the smallest thing that it can be granted on; who may run something as which account is granted on that
account, never on the project; nobody is owner or editor.

Two tests hold it together. [tests/infra/test_matrix.py](../tests/infra/test_matrix.py) plans each
environment, and one with every optional part, and finds these grants, no more and no fewer.
[tests/contract/whole_cloud/test_calls_are_granted.py](../tests/contract/whole_cloud/test_calls_are_granted.py)
runs the pipelines against servers on loopback that know who asks, and finds that every call is granted,
to whom it is granted, and that what is granted is called. A permission in *italics* is one whose call no
test can see; the file says why.

## To add a grant

1. Write it into infra/iam_matrix.yaml: `where`, `role`, `why`, and the permissions that it is there for
   in `needs` (or `unseen`, with the reason).
2. Grant it in [infra/access.tf](../infra/access.tf).
3. `make infra-test` tells what differs; a role that tests/infra/roles.yaml lacks is to be looked up and
   added there.
4. `python -m infra iam`
"""
_HEAD = "| role | on | why | for |\n|---|---|---|---|"


def page(matrix: Matrix) -> str:
    """The whole page, as Markdown."""
    parts = [_TOP, *(_identity(name, each) for name, each in matrix.identities.items()), _roles(matrix)]
    return "\n".join(parts)


def _identity(name: str, identity: Identity) -> str:
    when = f" Only with `{identity.when}`." if identity.when else ""
    member = f"\n\n`{identity.member}`" if identity.member not in ("", "unknown") else ""
    rows = "\n".join(_row(grant) for grant in identity.grants)
    return f"## {name}\n\n{identity.does}{when}{member}\n\n{_HEAD}\n{rows}\n"


def _row(grant: Grant) -> str:
    when = f" With `{grant.when}`." if grant.when else ""
    only = f"<br>only `{grant.only}`" if grant.only else ""
    return f"| {grant.role} | {grant.where}{only} | {grant.why}{when} | {'<br>'.join(_permissions(grant))} |"


def _permissions(grant: Grant) -> Iterator[str]:
    yield from grant.needs
    yield from (f"*{each}*" for each in grant.unseen)


def _roles(matrix: Matrix) -> str:
    rows = "\n".join(_role(name, role) for name, role in matrix.roles.items())
    return f"## Roles of our own\n\n| role | why | permissions |\n|---|---|---|\n{rows}\n"


def _role(name: str, role: Role) -> str:
    when = f" With `{role.when}`." if role.when else ""
    return f"| {name} | {role.why}{when} | {'<br>'.join(role.permissions)} |"
