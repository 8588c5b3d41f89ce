"""What may fail and then is NULL: SAFE. functions, SAFE_CAST, SAFE_ADD and their like.

Only the function itself may fail silently; where its arguments may fail too, they are computed before.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.values import Value


def attempt(translator: Any, values: Sequence[Value], make: Callable[[list[Value]], str]) -> str:
    """What `make` writes of values, NULL where that fails; errors of the values themselves remain."""
    listed = list(values)
    if all(each.total for each in listed):
        return f"TRY({make(listed)})"
    name = translator.new_name()
    held = [place for place, each in enumerate(listed) if not each.total and each.type != t.PART]
    packed = ", ".join(f"v{place} := {listed[place].sql}" for place in held)
    for place in held:
        listed[place] = replace(
            listed[place], sql=f"struct_extract({name}, 'v{place}')", total=True, fast="", slow=""
        )
    return f"list_extract(list_transform([struct_pack({packed})], lambda {name}: TRY({make(listed)})), 1)"


def held(translator: Any, parts: dict[str, str], make: Callable[[dict[str, str]], str]) -> str:
    """What `make` writes of parts that it may use more than once: they are computed before."""
    name = translator.new_name()
    packed = ", ".join(f"{part} := {sql}" for part, sql in parts.items())
    made = make({part: f"struct_extract({name}, '{part}')" for part in parts})
    return f"list_extract(list_transform([struct_pack({packed})], lambda {name}: {made}), 1)"
