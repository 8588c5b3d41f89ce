"""The digest of a stage's code: what its work can reach, as far as it can change a result.

It is a parameter of the stage's task, so that a change of the code misses the cache on every target, and a
change elsewhere does not. It covers the stage's core, what its component calls besides, every module of
`components` and `configs` that they import, and the lock file. It leaves out
- comments, docstrings and layout: modules are digested as syntax trees;
- functions of the whole `Settings` or `Cloud`: they run where a graph is built, their result is a parameter;
- adapters of other schemes than those in the stage's settings: BigQuery's, where the source is DuckDB's;
- the recording of stages, which works the same for whatever is recorded.
"""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LOCK = ROOT / "requirements.lock"
_OPENERS = ("components/shared/sources/__init__.py", "components/shared/registry/__init__.py")
"""They import an adapter below `if … scheme == "…"`."""
_RECORDING = "components/shared/stage/"
_OF_A_GRAPH = {"Settings", "Cloud"}


def code_digest(stage: str, schemes: Collection[str] = ()) -> str:
    """BLAKE2b (16 bytes, hex) over the stage's code and the versions of its libraries.

    `schemes` are those of the URIs in its settings: `duckdb`, `bq`, `vertex`, …
    """
    folder = ROOT / "components" / stage
    total = hashlib.blake2b(digest_size=16)
    closure = _closure([folder / "core.py", folder / "component.py"], frozenset(schemes))
    for path, behaviour in sorted(closure.items()):
        if path != folder / "component.py":  # its function is in the task's command
            total.update(path.relative_to(ROOT).as_posix().encode())
            total.update(behaviour)
    total.update(_LOCK.read_bytes())
    return total.hexdigest()


def _closure(first: list[Path], schemes: frozenset[str]) -> dict[Path, bytes]:
    """The behaviour of modules and of all of ours that they import, at any level and in any function."""
    seen: dict[Path, bytes] = {}
    waiting = list(first)
    while waiting:
        path = waiting.pop()
        name = path.relative_to(ROOT).as_posix()
        if path not in seen and not name.startswith(_RECORDING):
            package = path.name == "__init__.py"
            wanted = schemes if name in _OPENERS else None
            seen[path], imported = _behaviour(path.read_text(), wanted, package)
            waiting.extend(file for module in imported for file in _files(module))
    return seen


@cache
def _behaviour(source: str, schemes: frozenset[str] | None, package: bool) -> tuple[bytes, tuple[str, ...]]:
    """A module, or a package's `__init__`, without what changes no result; and the modules it imports."""
    tree: ast.Module = _Behaviour(schemes).visit(ast.parse(source))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if not package:  # which imports for others
        tree.body = [node for node in tree.body if not _unused(node, used)]
    return repr(_plain(tree)).encode(), tuple(_imported(tree))


class _Behaviour(ast.NodeTransformer):
    """Drops docstrings, functions of the whole settings, and branches for other schemes."""

    def __init__(self, schemes: frozenset[str] | None) -> None:
        self._schemes = schemes

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop a docstring."""
        constant = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if constant else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        """Drop a function of the whole settings."""
        kinds = {each.annotation.id for each in node.args.args if isinstance(each.annotation, ast.Name)}
        return None if kinds & _OF_A_GRAPH else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Drop a branch for another scheme."""
        wanted = set(_schemes_of(node.test)) if self._schemes is not None else set()
        self.generic_visit(node)
        return node.orelse if wanted and not wanted & (self._schemes or frozenset()) else node


def _schemes_of(test: ast.expr) -> Iterator[str]:
    """The schemes that a condition compares `scheme` with."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "scheme":
            yield from (str(each.value) for each in node.comparators if isinstance(each, ast.Constant))


def _unused(node: ast.stmt, used: Collection[str]) -> bool:
    """Whether a statement imports names of ours that nothing uses any more."""
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(("components", "configs")):
        return False
    exported = {alias.asname or alias.name for alias in node.names}
    return not exported & set(used)


def _plain(node: object) -> object:
    """A syntax tree as every version of Python writes it alike: without the fields that are empty."""
    if isinstance(node, ast.AST):
        fields = ((name, _plain(value)) for name, value in ast.iter_fields(node) if value not in (None, []))
        return (type(node).__name__, *fields)
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return node


def _imported(tree: ast.Module) -> Iterator[str]:
    """The names of ours that a module imports, at any level."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith(("components.", "configs.")))


def _files(module: str) -> Iterator[Path]:
    """The files of a module; none for a name in a module."""
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            yield path
