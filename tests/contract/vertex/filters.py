"""The filter language of Vertex AI's list methods: comparisons joined by AND and OR."""

import re
from collections.abc import Callable
from typing import Any

from tests.contract.vertex.rejections import Rejection

_CLAUSE = re.compile(
    r'\s*(?P<path>[A-Za-z_][\w."-]*)\s*(?P<operator>!=|>=|<=|=|>|<|:)\s*(?P<value>"[^"]*"|[^\s()]+)\s*'
)
_CONTEXT = re.compile(r'\s*in_context\("(?P<name>[^"]+)"\)\s*')
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda found, wanted: found == wanted,
    "!=": lambda found, wanted: found != wanted,
    ">=": lambda found, wanted: found >= wanted,
    "<=": lambda found, wanted: found <= wanted,
    ">": lambda found, wanted: found > wanted,
    "<": lambda found, wanted: found < wanted,
}


def matches(text: str, message: Any, in_contexts: frozenset[str] = frozenset()) -> bool:
    """Whether a resource passes a filter.

    Args:
        text: Such as `display_name="x" AND labels.run="y"`, `labels.run:*` or `schema_title="z"`.
        message: The resource.
        in_contexts: The metadata contexts it belongs to.

    Raises:
        Rejection: The filter cannot be read, or names a field that the resource does not have.
    """
    text = _unwrapped(text.strip())
    if not text:
        return True
    for word, together in (("OR", any), ("AND", all)):
        parts = _parts(text, word)
        if len(parts) > 1:
            return together(matches(part, message, in_contexts) for part in parts)
    return _holds(text, message, in_contexts)


def _unwrapped(text: str) -> str:
    """Without the brackets around the whole of it."""
    while text.startswith("(") and _depths(text).index(0) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _parts(text: str, word: str) -> list[str]:
    """Split at a word that stands outside quotes and brackets."""
    depths, parts, start = _depths(text), [], 0
    for found in re.finditer(rf"\s{word}\s", text):
        if depths[found.start()] == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


def _depths(text: str) -> list[int]:
    """For each character, in how many brackets it stands; within quotes, at least one."""
    depths, depth, quoted = [], 0, False
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
        depths.append(depth + quoted)
    return depths


def _holds(clause: str, message: Any, in_contexts: frozenset[str]) -> bool:
    context = _CONTEXT.fullmatch(clause)
    if context:
        return context["name"] in in_contexts
    found = _CLAUSE.fullmatch(clause)
    if found is None:
        raise Rejection("INVALID_ARGUMENT", f"Could not parse filter: {clause}")
    value = found["value"].strip('"')
    here = _values(message, found["path"].replace('"', "").split("."), clause)
    if found["operator"] == ":":
        return bool(here) if value == "*" else value in here
    return any(_COMPARE[found["operator"]](each, value) for each in here or [""])


def _values(message: Any, path: list[str], clause: str) -> list[str]:
    """The values at a path, as text: several of a repeated field, none of a missing map key."""
    fields = message.DESCRIPTOR.fields_by_name
    name = path[0] if path[0] in fields else re.sub(r"(?<!^)(?=[A-Z])", "_", path[0]).lower()
    if name not in fields:
        raise Rejection("INVALID_ARGUMENT", f"Invalid filter: unknown field {path[0]} in {clause}")
    field, value = fields[name], getattr(message, name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        return [str(value[path[1]])] if len(path) > 1 and path[1] in value else []
    if field.enum_type:
        return [field.enum_type.values_by_number[value].name]
    if field.message_type and field.message_type.full_name == "google.protobuf.Timestamp":
        return [value.ToJsonString()] if message.HasField(name) else []
    if field.message_type and len(path) > 1:
        return _values(value, path[1:], clause)
    return [str(each) for each in value] if isinstance(value, list | tuple) or _many(value) else [str(value)]


def _many(value: Any) -> bool:
    return hasattr(value, "append")
