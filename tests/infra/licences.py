"""The licences of what the locks bring, as each distribution declares its own."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT",
        "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib",
        "MPL-2.0",  # asks for the source of its own files only, and we change none
    }
)  # fmt: skip
_WORDINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "CC0": "CC0-1.0",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_NO_LICENCE = {"DFSG approved", "OSI Approved", "Freely Distributable"}
"""Classifiers that stand beside licences and are none."""
_LOCKED = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? *\\?$", re.MULTILINE)
_TOKEN = re.compile(r"\(|\)|[^\s()]+")


class Locked(NamedTuple):
    """One line of a lock that holds for this Python and machine."""

    name: str
    version: str


def locked(file: Path) -> Iterator[Locked]:
    """What a lock brings here."""
    for name, version, marker in _LOCKED.findall(file.read_text()):
        if not marker or Marker(marker).evaluate():
            yield Locked(name, version)


def declared(distribution: Distribution) -> str:
    """Its licence as an SPDX expression; classifiers that stand side by side are a choice; empty for none."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [each for each in metadata.get_all("Classifier") or [] if each.startswith("License ::")]
    found = [each.rpartition(" :: ")[2] for each in classifiers]
    found = [each for each in found if each not in _NO_LICENCE]
    first_line = metadata["License"].strip().partition("\n")[0] if "License" in metadata else ""
    return " OR ".join(_WORDINGS.get(each, each) for each in found or [first_line] if each)


def is_allowed(expression: str) -> bool:
    """Whether we may use it: of an OR one side is enough, of an AND both are needed."""
    tokens = _TOKEN.findall(expression)
    return bool(tokens) and _choice(tokens) and not tokens


def _choice(tokens: list[str]) -> bool:
    allowed = _all(tokens)
    while tokens[:1] == ["OR"]:
        del tokens[0]
        allowed = _all(tokens) or allowed
    return allowed


def _all(tokens: list[str]) -> bool:
    allowed = _one(tokens)
    while tokens[:1] == ["AND"]:
        del tokens[0]
        allowed = _one(tokens) and allowed
    return allowed


def _one(tokens: list[str]) -> bool:
    word = tokens.pop(0) if tokens else ""
    if word != "(":
        return word in ALLOWED
    allowed = _choice(tokens)
    return bool(tokens) and tokens.pop(0) == ")" and allowed


def rejected(found: Mapping[str, Distribution], exceptions: Mapping[str, str]) -> dict[str, str]:
    """By name: the licence of each distribution that we may not use."""
    licences = {
        name: declared(distribution) for name, distribution in found.items() if name not in exceptions
    }
    return {name: licence or "none" for name, licence in licences.items() if not is_allowed(licence)}
