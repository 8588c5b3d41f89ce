"""Templates that name an argument more than once, without writing a long argument as often."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.functions.signatures import Make
from components.shared.sources.googlesql.values import NULL, Value

_SHORT = 60


def sparing(template: str) -> Make:
    """A template; an argument that it names more than once and that is long is bound to a name first."""

    def made(translator: Any, node: s.Call, values: list[Value]) -> str:
        del node
        texts = [value.sql for value in [*values, NULL, NULL, NULL]]
        bound: list[tuple[str, str]] = []
        for place, text in enumerate(texts):
            if template.count(f"{{{place}}}") > 1 and len(text) > _SHORT:
                name = translator.new_name()
                bound.append((name, text))
                texts[place] = name
        sql = template.format(*texts)
        for name, text in bound:
            sql = f"list_extract(list_transform([{text}], lambda {name}: {sql}), 1)"
        return sql

    return made
