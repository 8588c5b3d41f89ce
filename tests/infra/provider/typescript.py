"""Reads one type of a provider (resource, data source, the provider itself) from its generated TypeScript.

Each type's folder of the package holds JavaScript whose source maps embed the TypeScript. There a comment
before every attribute gives its flags, its getter gives its type, and the HCL writers say which are blocks.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_MAP = re.compile(r"sourceMappingURL=data:application/json;base64,(\S+)")
_CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{$", re.MULTILINE)
_FLAGS = re.compile(r"^  // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.MULTILINE)
_INTERFACE = re.compile(r"^export interface (\w+).*? \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_DOCUMENTED = re.compile(r"^  /\*\*\n(.*?)\n  \*/\n  readonly \w+", re.MULTILINE | re.DOTALL)
_VALUES = re.compile(r"Possible values: \[([^\]]*)\]")
_NAMED = re.compile(r"#(\w+) \w+#\w+\}")
_WRITER = re.compile(r"^export function (\w+)ToHclTerraform\(.*?\n\}\n", re.MULTILINE | re.DOTALL)
_WRITTEN = re.compile(
    r"^ {4,6}(\w+): \{\n\s+value: .*?,\n"
    r'\s+isBlock: (true|false),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",\n',
    re.MULTILINE | re.DOTALL,
)
KINDS = {
    "TerraformResource": "resource_schemas",
    "TerraformDataSource": "data_source_schemas",
    "TerraformProvider": "provider",
}


class Flags(NamedTuple):
    """What may be done with an attribute."""

    computed: bool
    optional: bool
    required: bool


class Written(NamedTuple):
    """How the HCL writer takes an attribute: `kind` is simple, list, set, map or struct."""

    is_block: bool
    kind: str
    holder: str


class Attribute(NamedTuple):
    """One attribute or block of a class, with the TypeScript of its accessors."""

    name: str
    flags: Flags
    accessors: str


@dataclass(frozen=True)
class Module:
    """The TypeScript of one type."""

    classes: dict[str, tuple[str, str]]
    """Base class and body, by name."""
    written: dict[str, dict[str, Written]] = field(default_factory=dict)
    """By the name of the interface."""
    values: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The values that the documentation admits, by interface and attribute."""

    def main(self) -> tuple[str, str] | None:
        """Kind and class name of the type that the module is about."""
        for name, (base, _) in self.classes.items():
            if base in KINDS:
                return KINDS[base], name
        return None

    def terraform_name(self, main: str) -> str:
        """`google_storage_bucket`; google-beta's types bear the names of google's."""
        found = re.search(r'tfResourceType = "([\w-]+)"', self.classes[main][1])
        if found is None:
            raise ValueError(f"{main}: expected a tfResourceType")
        return re.sub("^google_beta_", "google_", found[1])

    def attributes(self, name: str) -> Iterator[Attribute]:
        """Of a class, in the order of the file."""
        body = self.classes[name][1].partition("// SYNTHESIS")[0]
        flags = list(_FLAGS.finditer(body))
        ends = [found.start() for found in flags[1:]] + [len(body)]
        for found, end in zip(flags, ends, strict=False):
            computed, optional, required = (word == "true" for word in found.groups()[1:])
            yield Attribute(found[1], Flags(computed, optional, required), body[found.end() : end])

    def written_by(self, main: str) -> dict[str, Written]:
        """What the main class itself writes."""
        return _written(self.classes[main][1].partition("synthesizeHclAttributes")[2])


def read(scripts: Iterable[str]) -> Module:
    """The module of one folder's JavaScript; large types are spread over several files."""
    text = "\n".join(_sources(scripts))
    return Module(
        classes=_classes(text),
        written={_capital(found[1]): _written(found[0]) for found in _WRITER.finditer(text)},
        values={found[1]: _values(found[2]) for found in _INTERFACE.finditer(text)},
    )


def _sources(scripts: Iterable[str]) -> Iterator[str]:
    for script in scripts:
        if found := _MAP.search(script):
            yield json.loads(base64.b64decode(found[1]))["sourcesContent"][0]


def _classes(text: str) -> dict[str, tuple[str, str]]:
    heads = list(_CLASS.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head[1]: (head[2], text[head.end() : end]) for head, end in zip(heads, ends, strict=False)}


def _written(text: str) -> dict[str, Written]:
    return {
        name: Written(is_block == "true", kind, holder)
        for name, is_block, kind, holder in _WRITTEN.findall(text)
    }


def _values(interface: str) -> dict[str, list[str]]:
    found = {}
    for documentation in _DOCUMENTED.findall(interface):
        name, values = _NAMED.search(documentation), _VALUES.search(documentation)
        if name and values:
            found[name[1]] = _listed(values[1])
    return {name: values for name, values in found.items() if values}


def _listed(text: str) -> list[str]:
    """The quoted values; lists that the documentation breaks off or does not quote are no enum."""
    try:
        listed: list[Any] = json.loads(f"[{text}]")
    except ValueError:
        return []
    return [value for value in listed if isinstance(value, str)]


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
