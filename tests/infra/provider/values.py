"""What a provider does with a resource's values: checks, planned and applied states.

A value is what Terraform sends: nested dicts and lists, None where nothing is set, UNKNOWN for what only an
apply can tell. Schemas are blocks as in tests.infra.provider.schema.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgpack import ExtType

UNKNOWN: Final = ExtType(0, b"\x00")
Path = tuple[str | int, ...]
_NUMBER = "123456789012"


@dataclass(frozen=True)
class Mistake:
    """A value that the provider rejects, and where it stands."""

    path: Path
    message: str


def is_unknown(value: object) -> bool:
    """Also refined unknowns: any extension type."""
    return isinstance(value, ExtType)


def mistakes(block: Mapping[str, Any], value: Any, path: Path = ()) -> Iterator[Mistake]:
    """Values outside those that the documentation admits, and values of what only the cloud tells."""
    if not isinstance(value, dict):
        return
    for name, attribute in block["attributes"].items():
        if value.get(name) is not None and not (attribute.get("optional") or attribute.get("required")):
            yield Mistake((*path, name), f"{name}: expected not to be set, since Google Cloud tells it")
        if "enum" in attribute:
            yield from _outside(attribute["enum"], value.get(name), (*path, name))
    for name, nested in block["block_types"].items():
        for step, inner in _inner(nested, value.get(name)):
            yield from mistakes(nested["block"], inner, (*path, name, *step))


def planned(block: Mapping[str, Any], proposed: Any) -> Any:
    """The proposed state, with UNKNOWN for every computed attribute that is not set."""
    if not isinstance(proposed, dict):
        return proposed
    computed = {
        name: UNKNOWN
        for name, attribute in block["attributes"].items()
        if attribute.get("computed") and proposed.get(name) is None
    }
    return _with_blocks(block, proposed | computed, planned)


def applied(block: Mapping[str, Any], plan: Any) -> Any:
    """The planned state, with a value of the right type for each that was unknown."""
    if not isinstance(plan, dict):
        return None if is_unknown(plan) else plan
    made = {
        name: invented(attribute["type"], name)
        for name, attribute in block["attributes"].items()
        if is_unknown(plan.get(name))
    }
    empty: dict[str, Any] = {name: [] for name in block["block_types"] if is_unknown(plan.get(name))}
    return _with_blocks(block, plan | made | empty, applied)


def invented(type_: Any, name: str) -> Any:
    """What the stub tells as the cloud's answer for an attribute."""
    match type_:
        case "string":
            return _NUMBER if name.endswith("number") else f"applied-{name}"
        case "number":
            return 0
        case "bool":
            return False
        case ["object", members]:
            return {member: invented(inner, member) for member, inner in members.items()}
        case ["map", _]:
            return {}
        case _:
            return []


def known_account(state: dict[str, Any], project: str | None) -> dict[str, Any]:
    """A service account's e-mail and member, which the real provider too knows at plan.

    Only of a new account, and where its id and its project are known.
    """
    found = state.get("project")
    project = project if found is None or is_unknown(found) else found
    account = state.get("account_id")
    if project is None or account is None or is_unknown(account) or not is_unknown(state.get("email")):
        return state
    email = f"{account}@{project}.iam.gserviceaccount.com"
    return state | {"email": email, "member": f"serviceAccount:{email}"}


def _outside(enum: list[str], value: Any, path: Path) -> Iterator[Mistake]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str) and one not in enum:
            yield Mistake(path, f"{path[-1]}: expected one of {', '.join(enum)}, got {one}")


def _inner(nested: Mapping[str, Any], value: Any) -> Iterator[tuple[Path, Any]]:
    """The blocks in a value; elements of sets have no index that Terraform could show."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield ((index,) if nested["nesting_mode"] == "list" else ()), one
    else:
        yield (), value


def _with_blocks(block: Mapping[str, Any], value: dict[str, Any], change: Any) -> dict[str, Any]:
    blocks = {}
    for name, nested in block["block_types"].items():
        found = value.get(name)
        if isinstance(found, list):
            blocks[name] = [change(nested["block"], one) for one in found]
        elif isinstance(found, dict):
            blocks[name] = change(nested["block"], found)
    return value | blocks
