"""How functions are told to the translator: one line a signature.

    add("LENGTH", "STRING -> INT64", "length({0})")
    add("LENGTH", "BYTES -> INT64", "octet_length({0})")

A type may be one letter (any one type, the same wherever it stands), `ARRAY<T>`, `PART` (a part of a date) or
`LITERAL` (a STRING whose text is known). The last may end in `…`: any number of it, also none. `?` marks what
may be left out; a template then sees NULL's SQL. The SQL is a template over the arguments' SQL, or a function
that makes it of `Call` and the arguments' values.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value

Make = Callable[..., str]
_VARIABLES = frozenset("TABCDEFGH")
"""Letters that stand for any type."""


@dataclass(frozen=True)
class Signature:
    """One way to call a function."""

    arguments: tuple[str, ...]
    optional: int
    """How many of the last arguments may be left out."""
    repeated: bool
    """Whether the last argument may come any number of times."""
    result: str
    sql: str | Make
    total: bool
    """Whether it never fails on arguments of these types."""


SCALARS: dict[str, list[Signature]] = defaultdict(list)
AGGREGATES: dict[str, list[Signature]] = defaultdict(list)
WINDOWS: dict[str, list[Signature]] = defaultdict(list)
UNKNOWN: dict[str, str] = {}
"""Functions of GoogleSQL that are refused by name, and the way to write it."""


def add(name: str, signature: str, sql: str | Make, *, total: bool = False) -> None:
    """A scalar function."""
    _add(SCALARS, name, signature, sql, total=total)


def aggregate(name: str, signature: str, sql: str | Make) -> None:
    """An aggregate; `{over}` in its template is OVER (…) or FILTER (…), `{distinct}` is DISTINCT.

    A function in place of the template is given the translator, the call, the values, and by name
    `scope` and `over`.
    """
    _add(AGGREGATES, name, signature, sql, total=False)


def window(name: str, signature: str, sql: str | Make) -> None:
    """A function that needs OVER."""
    _add(WINDOWS, name, signature, sql, total=False)


def _add(
    table: dict[str, list[Signature]], name: str, signature: str, sql: str | Make, *, total: bool
) -> None:
    left, _, result = (part.strip() for part in signature.partition("->"))
    arguments = [each.strip() for each in re.split(r",(?![^<]*>)", left) if each.strip()]
    repeated = bool(arguments) and arguments[-1].endswith("…")
    optional = sum(each.endswith("?") for each in arguments)
    names = tuple(each.rstrip("?…") for each in arguments)
    for each in name.split():
        table[each].append(Signature(names, optional, repeated, result, sql, total))


@dataclass(frozen=True)
class Chosen:
    """A signature that takes the arguments, the types it takes them as, and the type of what it gives."""

    signature: Signature
    arguments: tuple[Type, ...]
    result: Type


def choose(
    signatures: Sequence[Signature], values: Sequence[Value], fits: Callable[[Value, Type], int | None]
) -> Chosen | None:
    """The signature that takes the arguments with the least change; None if none does.

    Args:
        signatures: The function's.
        values: The arguments.
        fits: How far a value is from a type: 0 for its own, None where it does not become it.
    """
    best: tuple[int, Chosen] | None = None
    for signature in signatures:
        matched = _match(signature, values, fits)
        if matched and (best is None or matched[0] < best[0]):
            best = matched
    return best[1] if best else None


def _match(signature: Signature, values: Sequence[Value], fits: Any) -> tuple[int, Chosen] | None:
    wanted = list(signature.arguments)
    if signature.repeated:
        wanted = wanted[:-1] + [wanted[-1]] * max(len(values) - len(wanted) + 1, 0)
    if not len(wanted) - signature.optional <= len(values) <= len(wanted):
        return None
    bound: dict[str, Type] = {}
    for name, value in sorted(zip(wanted, values, strict=False), key=lambda pair: bool(pair[1].literal)):
        _bind(name, value, bound, fits)
    total, types = 0, []
    for name, value in zip(wanted, values, strict=False):
        if name == "LITERAL" and not isinstance(value.constant, str):
            return None
        type_ = _type(name, bound)
        if type_ is None:
            return None
        distance = fits(value, type_)
        if distance is None:
            return None
        total += distance
        types.append(type_)
    result = _type(signature.result, bound)
    return (total, Chosen(signature, tuple(types), result)) if result else None


def _bind(pattern: str, value: Value, bound: dict[str, Type], fits: Any) -> None:
    """Let T be the widest of the types that stand for it."""
    if pattern.startswith("ARRAY<") and pattern[6:-1] in _VARIABLES:
        if value.type.is_array and value.literal != "[]":
            _widen(pattern[6:-1], Value("", value.type.of[0]), bound, fits)
    elif pattern in _VARIABLES:
        _widen(pattern, value, bound, fits)


def _widen(name: str, value: Value, bound: dict[str, Type], fits: Any) -> None:
    if value.literal == "NULL":
        return
    before = bound.get(name)
    if before is not None and fits(value, before) is not None:
        return
    if before is None or fits(Value("", before), value.type) is not None:
        bound[name] = value.type


def _type(pattern: str, bound: dict[str, Type]) -> Type | None:
    if pattern in _VARIABLES:
        return bound.get(pattern, t.INT64)
    if pattern.startswith("ARRAY<"):
        inner = _type(pattern[6:-1], bound)
        return t.array_of(inner) if inner else None
    if pattern == "LITERAL":
        return t.STRING
    if pattern == "PART":
        return t.PART
    return t.SIMPLE[pattern]
