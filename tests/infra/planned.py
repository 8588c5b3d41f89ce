"""The resources of a plan, as `terraform show -json` tells them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """One resource that will be there after the plan; what only an apply can tell is None in `values`."""

    address: str
    type: str
    values: Mapping[str, Any]
    unknown: Mapping[str, Any]
    """True where a value is known after the apply."""

    def at(self, path: str) -> list[Any]:
        """Every value known at `block.attribute`, of every block of that name."""
        return [value for value in _at(self.values, path.split(".")) if value is not None]

    def has(self, path: str) -> bool:
        """Whether something is set there, known by now or not; an empty block's list is nothing."""
        return bool(self.at(path)) or any(_at(self.unknown, path.split(".")))


def resources(plan: Mapping[str, Any]) -> list[Resource]:
    """Of every module; what the plan deletes is left out."""
    return [
        Resource(
            one["address"], one["type"], one["change"]["after"], one["change"].get("after_unknown") or {}
        )
        for one in plan.get("resource_changes", [])
        if one["mode"] == "managed" and one["change"]["after"] is not None
    ]


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        yield from _at(value.get(path[0]), path[1:])
