"""FORMAT: its pattern a literal, each of its parts checked against the argument's type.

Source: GoogleSQL, "Format clause for FORMAT". %t and %T are refused but for whole numbers, booleans and strings.
"""

import re
from decimal import Decimal
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.runtime import function
from components.shared.sources.googlesql.values import Value

_PART = re.compile(r"%(?P<flags>[-+ #0]*)(?P<width>\d*)(?:\.(?P<digits>\d*))?(?P<kind>[dioxXfFeEgGstT%])")
_WANTED = {
    **dict.fromkeys("di", (t.INT64,)),
    **dict.fromkeys("oxX", (t.INT64,)),
    **dict.fromkeys("fFeEgG", (t.FLOAT64,)),
    "s": (t.STRING,),
    **dict.fromkeys("tT", (t.STRING, t.INT64, t.BOOL)),
}


def _format(translator: Any, node: s.Call, values: list[Value]) -> str:
    pattern, arguments = str(values[0].constant), values[1:]
    parts = [found for found in _PART.finditer(pattern) if found["kind"] != "%"]
    if "%" in _PART.sub("", pattern):
        raise translator.refused(node, f"no counterpart for a part of the pattern '{pattern}'")
    if len(parts) != len(arguments):
        raise translator.refused(node, f"{len(arguments)} values for {len(parts)} parts of the pattern")
    texts = []
    for found, value in zip(parts, arguments, strict=True):
        kind = found["kind"]
        wanted = _WANTED.get(kind, ())
        if value.type == t.INT64 and kind in "fFeEgG":
            value = translator.coerce(value, t.FLOAT64, node)  # noqa: PLW2901 - as its part wants it
        if value.type not in wanted or (
            kind in "tT" and (found["flags"] or found["width"] or found["digits"])
        ):
            raise translator.refused(node, f"no counterpart for %{kind} of {value.type}")
        name = {t.INT64: "integer", t.FLOAT64: "float", t.STRING: "text", t.BOOL: "flag"}[value.type]
        texts.append(f"gsql_formatted_{name}({t.literal(found[0])}, {value.sql})")
    plain = [
        text.replace("%%", "%") for text in re.split(r"%(?!%)[-+ #0]*\d*(?:\.\d*)?[dioxXfFeEgGstT]", pattern)
    ]
    return "(" + " || ".join(_alternate([t.literal(each) for each in plain], texts)) + ")"


def _alternate(plain: list[str], texts: list[str]) -> list[str]:
    joined = [plain[0]]
    for text, following in zip(texts, plain[1:], strict=True):
        joined += [text, following]
    return joined


for _count in range(9):
    add("FORMAT", ", ".join(["LITERAL", *("ABCDEFGH"[:_count])]) + " -> STRING", _format)


@function("VARCHAR, BIGINT -> VARCHAR")
def formatted_integer(part: str, number: int) -> str:
    """%d and its like."""
    kind = part[-1]
    return str(number) if kind in "tT" else (part[:-1] + ("d" if kind == "i" else kind)) % number


@function("VARCHAR, DOUBLE -> VARCHAR")
def formatted_float(part: str, number: float) -> str:
    """%f, %e, %g."""
    return part % (Decimal(number) if part[-1] in "fF" and number - number == 0 else number)


@function("VARCHAR, VARCHAR -> VARCHAR")
def formatted_text(part: str, text: str) -> str:
    """%s, %t, and %T: quoted."""
    if part[-1] != "T":
        return (part[:-1] + "s") % text
    quote = "'" if '"' in text and "'" not in text else '"'
    shown = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return quote + (shown if quote == "'" else shown.replace('"', '\\"')) + quote


@function("VARCHAR, BOOLEAN -> VARCHAR")
def formatted_flag(part: str, flag: bool) -> str:
    """%t and %T of a BOOL."""
    del part
    return "true" if flag else "false"
