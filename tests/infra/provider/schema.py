"""A provider's schema, as `terraform providers schema -json` prints it, rebuilt from its npm package.

One JSON file for each type, so that a test reads only the types that its configuration names.
Beyond Terraform's own document an attribute may have `enum`: the values that the documentation admits.
Not there, since the package has lost it: defaults, deprecations, `max_items` above 1, and the blocks of the
provider's own configuration.
"""

import hashlib
import json
import re
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from filelock import FileLock

from tests.infra.provider import typescript
from tests.infra.provider.packages import CACHE, Package, fetched
from tests.infra.provider.typescript import Attribute, Module, Written, read

Schema = dict[str, Any]
_SCRIPT = re.compile(r"package/lib/([\w-]+)/.*\.js$")
_NEW = re.compile(r'new (?:cdktf\.)?(\w+)\(this, "\w+"(?:, (true|false))?\)')
_GET = re.compile(r"(cdktf\.Fn\.tolist\()?this\.get(\w+)Attribute\(")
_SCALARS = {"String": "string", "Number": "number", "Boolean": "bool"}
_MAPS = {
    "StringMap": ["map", "string"],
    "AnyMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "StringMapList": ["list", ["map", "string"]],
}
_CONFIGURED = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "stringList": ["list", "string"],
    "stringMap": ["map", "string"],
}


def unpacked(package: Package) -> Path:
    """The folder with the package's schemas: provider.json, resource_schemas/, data_source_schemas/.

    Made on first use: about five seconds on two cores.
    """
    tarball = fetched(package)
    folder = CACHE / f"schema-{package.provider}-{package.version}-{_reader()}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            made = Path(tempfile.mkdtemp(dir=CACHE))
            _write_all(tarball, made)
            made.rename(folder)
    return folder


def pruned(package: Package, names: Iterable[str]) -> Schema:
    """The document of a provider, with the named types only; names that it does not know are left out."""
    folder = unpacked(package)
    schema: Schema = {"provider": json.loads((folder / "provider.json").read_text())}
    for kind in ("resource_schemas", "data_source_schemas"):
        files = {name: folder / kind / f"{name}.json" for name in names}
        schema[kind] = {name: json.loads(file.read_text()) for name, file in files.items() if file.exists()}
    return schema


def document(package: Package, names: Iterable[str]) -> Schema:
    """As `terraform providers schema -json`."""
    source = f"registry.terraform.io/hashicorp/{package.provider}"
    return {"format_version": "1.0", "provider_schemas": {source: pruned(package, names)}}


def described(scripts: Iterable[str]) -> tuple[str, str, Schema] | None:
    """Kind, name and schema of the type in one folder of the package; None where there is none."""
    module = read(scripts)
    found = module.main()
    if found is None:
        return None
    kind, main = found
    block = _configuration(module, main) if kind == "provider" else _block(module, main, main + "Config")
    return kind, module.terraform_name(main), {"version": 0, "block": block}


def _reader() -> str:
    """A digest of the code that reads packages: what it wrote before a change is not used after it."""
    code = Path(__file__).read_bytes() + Path(typescript.__file__).read_bytes()
    return hashlib.sha256(code).hexdigest()[:12]


def _write_all(tarball: Path, folder: Path) -> None:
    with ProcessPoolExecutor() as pool:
        for found in pool.map(described, _scripts(tarball), chunksize=20):
            if found:
                kind, name, schema = found
                file = folder / ("provider.json" if kind == "provider" else f"{kind}/{name}.json")
                file.parent.mkdir(exist_ok=True)
                file.write_text(json.dumps(schema, sort_keys=True))


def _scripts(tarball: Path) -> list[list[str]]:
    folders: dict[str, list[str]] = defaultdict(list)
    with tarfile.open(tarball) as archive:
        for member in archive:
            found = _SCRIPT.match(member.name)
            content = archive.extractfile(member) if found else None
            if found and content:
                folders[found[1]].append(content.read().decode())
    return list(folders.values())


def _configuration(module: Module, main: str) -> Schema:
    """The provider's own arguments, whose accessors do not tell their types: the HCL writer does."""
    attributes = {
        name: {"type": _CONFIGURED[written.holder], "optional": True}
        for name, written in module.written_by(main).items()
        if written.holder in _CONFIGURED
    }
    return {"attributes": attributes, "block_types": {}}


def _block(module: Module, holder: str, interface: str) -> Schema:
    """The schema of one class, with `interface` the name of what a person configures it by."""
    is_main = interface == holder + "Config"
    written = module.written_by(holder) if is_main else module.written.get(interface, {})
    values = module.values.get(interface, {})
    block: Schema = {"attributes": {}, "block_types": {}}
    for attribute in module.attributes(holder):
        nested = _nested(module, attribute, written.get(attribute.name))
        if nested is not None and "block" in nested:
            block["block_types"][attribute.name] = nested
        else:
            type_ = nested["type"] if nested else _type(attribute, written.get(attribute.name))
            block["attributes"][attribute.name] = _attribute(attribute, type_, values)
    return block


def _attribute(attribute: Attribute, type_: Any, values: Mapping[str, list[str]]) -> Schema:
    flags = {name: True for name, is_set in attribute.flags._asdict().items() if is_set}
    enum = {"enum": values[attribute.name]} if attribute.name in values else {}
    return {"type": type_, **flags, **enum}


def _nested(module: Module, attribute: Attribute, written: Written | None) -> Schema | None:
    """A block, or `{"type": …}` of an attribute that holds objects; None for anything flat."""
    new = _NEW.search(attribute.accessors)
    if new is None or new[1] in _MAPS:
        return None
    holder = re.sub(r"(OutputReference|List|Map)$", "", new[1])
    inner = _block(module, holder + "OutputReference", holder)
    is_single = new[1].endswith("OutputReference")
    kind = written.kind if written else ""
    mode = "set" if new[2] == "true" or kind == "set" else "list"
    if written is None or not written.is_block:
        return {"type": _object_type(inner, mode, kind, is_single=is_single, is_map=new[1].endswith("Map"))}
    if kind == "struct":
        return {"nesting_mode": "single", "block": inner}
    limits = {"min_items": 1} if attribute.flags.required else {}
    return {"nesting_mode": mode, "block": inner, **limits, **({"max_items": 1} if is_single else {})}


def _object_type(inner: Schema, mode: str, kind: str, *, is_single: bool, is_map: bool) -> Any:
    flat = {name: attribute["type"] for name, attribute in inner["attributes"].items()}
    deep = {
        name: [
            nested["nesting_mode"],
            _object_type(nested["block"], "", "struct", is_single=True, is_map=False),
        ]
        for name, nested in inner["block_types"].items()
    }
    held = ["object", flat | deep]
    if kind == "struct" or (is_single and not kind):
        return held
    return ["map" if kind == "map" or is_map else mode, held]


def _type(attribute: Attribute, written: Written | None) -> Any:
    if new := _NEW.search(attribute.accessors):
        return _MAPS[new[1]]
    get = _GET.search(attribute.accessors)
    if get is None:
        return ["list", ["map", "string"]]  # maps in a list have an accessor of no particular type
    is_set = bool(get[1]) or (written is not None and written.kind == "set")
    name, mode = get[2], "set" if is_set else "list"
    lists = {"List": [mode, "string"], "NumberList": [mode, "number"]}
    return _SCALARS.get(name) or lists.get(name) or _MAPS[name]
