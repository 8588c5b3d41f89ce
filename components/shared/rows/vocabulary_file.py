"""The file of all vocabularies, an asset of the transform graph and of every model that holds it.

The file has a section a column, its values by falling frequency as `column=value`, closed by the
line `column=`, whose place is that of every other value:

    carrier=UA
    carrier=B6
    carrier=
    origin=EWR
    …
"""

from collections.abc import Mapping

FILE = "vocabularies"
"""The asset's name."""
MISSING = "(missing)"
"""The entry of the empty string."""


def vocabularies(file: bytes) -> Mapping[str, list[bytes]]:
    """The values of each column in the file's content, by falling frequency."""
    found: dict[str, list[bytes]] = {}
    for line in file.splitlines():
        column, _, value = line.partition(b"=")
        values = found.setdefault(column.decode(), [])
        if value:
            values.append(value)
    return found


def cardinalities(file: bytes) -> dict[str, int]:
    """The number of places of each column: its values, and one for every other."""
    return {column: len(values) + 1 for column, values in vocabularies(file).items()}
