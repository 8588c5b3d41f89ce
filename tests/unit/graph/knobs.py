"""Every knob of the settings by its name, and settings with another value for one of them."""

import datetime
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel


def knobs(model: type[BaseModel], at: str = "") -> Iterator[str]:
    """The names of all fields of a section and of those below it, in the order of their declaration."""
    for name, field in model.model_fields.items():
        below = tuple(_sections(field.annotation))
        for section in below:
            yield from knobs(section, f"{at}{name}.")
        if not below:
            yield f"{at}{name}"


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in typing.get_args(annotation):
        yield from _sections(each)


def changed(section: Any, knob: str) -> Any:
    """A section with another value for a knob; sections in a list or by names: in the first of them."""
    name, _, below = knob.partition(".")
    before = getattr(section, name)
    field = type(section).model_fields[name]
    if not below:
        return section.model_copy(update={name: _other(before, field.annotation)})
    if isinstance(before, Mapping):
        key = next(iter(before))
        return section.model_copy(update={name: {**before, key: changed(before[key], below)}})
    if isinstance(before, tuple):
        return section.model_copy(update={name: (changed(before[0], below), *before[1:])})
    return section.model_copy(update={name: changed(before, below)})


def _other(value: Any, annotation: Any) -> Any:
    """Another value of the same kind."""
    others = [each for each in _choices(annotation) if each != value]
    if others:
        return others[0]
    if value is None:
        return "other" if str in (annotation, *typing.get_args(annotation)) else 3
    if isinstance(value, tuple):
        more = value[0] if value and isinstance(value[0], str) else ("other",)
        return (*value, more if value else "other")
    return _OTHERS[type(value)](value)


_OTHERS: Mapping[type, Any] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value / 2 + 0.01,
    str: lambda value: f"{value}x",
    dict: lambda value: {**value, "other": "1"},
    datetime.datetime: lambda value: value + datetime.timedelta(days=1),
}


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The values of a Literal, at any depth but in a list."""
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)
    if typing.get_origin(annotation) in (tuple, dict):
        return ()
    return tuple(value for each in typing.get_args(annotation) for value in _choices(each))
