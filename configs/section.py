"""The base of every part of the settings, and the mark of what has no say in a result."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the settings: immutable, complete, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class How:
    """The type of the mark `HOW`."""


HOW: Final = How()
"""Marks a field that says how a stage works, not what it makes: workers, labels, accounts, memory, threads.

`Annotated[int, HOW]`: the field is no part of the cache key, and two runs that differ in it make the same.
A field without the mark is a part of the key.
"""

Fields = dict[str, Any]
"""Names of fields; the value is True, or the names of the fields below."""


def how_fields(model: type[BaseModel]) -> Fields:
    """The fields of a section, and of the sections in it, that are marked `HOW`."""
    found: Fields = {}
    for name, field in model.model_fields.items():
        if HOW in field.metadata:
            found[name] = True
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            below = how_fields(field.annotation)
            found |= {name: below} if below else {}
    return found


def what_json(part: BaseModel) -> str:
    """A section without what is marked `HOW`, as JSON."""
    return part.model_dump_json(exclude=how_fields(type(part)))


def how_of(part: BaseModel) -> dict[str, Any]:
    """What `what_json` leaves out."""
    return part.model_dump(mode="json", include=how_fields(type(part)))


def lacks_how(model: type[BaseModel], what: Mapping[str, Any]) -> bool:
    """Whether `what` is the `what_json` of a section that has fields marked `HOW`."""
    return _lacks(how_fields(model), what)


def _lacks(fields: Fields, content: Mapping[str, Any]) -> bool:
    return any(
        name not in content or (isinstance(below, dict) and _lacks(below, content[name]))
        for name, below in fields.items()
    )


def with_how(what: Mapping[str, Any], how: Mapping[str, Any]) -> dict[str, Any]:
    """A section's content whole again."""
    merged = dict(what)
    for name, value in how.items():
        below = merged.get(name)
        merged[name] = with_how(below, value) if isinstance(below, Mapping) else value
    return merged
