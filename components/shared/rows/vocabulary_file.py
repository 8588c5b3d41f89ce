"""The file of all vocabularies, an asset of the transform graph and of every model that holds it.

The file has a section a column, its values by falling frequency as `column=value`, closed by the
line `column=`, whose index is that of every other value:

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


def parse_vocabularies(file: bytes) -> Mapping[str, list[bytes]]:
    """The values of each column, by falling frequency, from the content of the file."""
    found: dict[str, list[bytes]] = {}
    for line in file.splitlines():
        column, _, value = line.partition(b"=")
        values = found.setdefault(column.decode(), [])
        if value:
            values.append(value)
    return found


def count_indices(file: bytes) -> dict[str, int]:
    """The number of indices of each column: one for each of its values, and one for all others."""
    return {column: len(values) + 1 for column, values in parse_vocabularies(file).items()}
