"""The patterns of FORMAT_* and PARSE_*: text and elements like %Y, %E3S and %Ez.

Source: GoogleSQL, "Format elements for date and time parts".
"""

import functools
import re

_ELEMENT = re.compile(r"%(E(?:z|4Y|\*S|[0-9]S)|.)", re.DOTALL)
CLOCK = frozenset(["H", "M", "S", "I", "k", "l", "p", "P", "X", "T", "R", "r", "E*S"]) | {
    f"E{digits}S" for digits in range(10)
}
ZONE = frozenset(("Z", "z", "Ez"))
CALENDAR = frozenset(
    [
        "Y",
        "m",
        "d",
        "j",
        "U",
        "W",
        "V",
        "G",
        "g",
        "u",
        "w",
        "A",
        "a",
        "B",
        "b",
        "h",
        "e",
        "C",
        "D",
        "F",
        "x",
        "y",
        "Q",
        "E4Y",
    ]
)
BOTH = frozenset(("c", "s"))
ANY = frozenset(("%", "n", "t"))
FOREIGN = {
    "DATE": CLOCK | ZONE | BOTH,
    "DATETIME": ZONE,
    "TIME": CALENDAR | ZONE | BOTH,
    "TIMESTAMP": frozenset[str](),
}
"""Elements that a type has not: FORMAT_* writes them as they stand, PARSE_* fails."""


@functools.cache
def pieces(pattern: str) -> tuple[tuple[str, str], ...]:
    """A pattern in parts: ("", text) or (element, "%" and the element)."""
    found: list[tuple[str, str]] = []
    at = 0
    for element in _ELEMENT.finditer(pattern):
        if element.start() > at:
            found.append(("", pattern[at : element.start()]))
        found.append((element[1], element[0]))
        at = element.end()
    if at < len(pattern):
        found.append(("", pattern[at:]))
    return tuple(found)
