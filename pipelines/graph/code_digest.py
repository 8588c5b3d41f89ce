"""The digest of a stage's source: its core and every module of ours that the core imports.

It is a parameter of the stage's task, so that a change of the code misses the cache on every
target, and a change elsewhere does not. `configs` is left out: the resolved settings are a
parameter of their own.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LOCK = ROOT / "requirements.lock"


def code_digest(stage: str) -> str:
    """BLAKE2b (16 bytes, hex) over the stage's modules and the versions they run with."""
    total = hashlib.blake2b(digest_size=16)
    for path in [*sorted(_closure(ROOT / "components" / stage / "core.py")), _LOCK]:
        total.update(path.relative_to(ROOT).as_posix().encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _closure(first: Path) -> set[Path]:
    """A module and all modules of `components` it imports, at any level and in any function."""
    seen: set[Path] = set()
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imported(path))
    return seen


def _imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("components."):
                yield from _files(name)


def _files(module: str) -> Iterator[Path]:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            yield path
