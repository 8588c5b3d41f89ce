"""The gcloud commands that pages and sources show a person, and what gcloud's own linter says of them.

The linter knows every command and flag of the installed gcloud and needs neither network nor login.
"""

import ast
import json
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipelines.preflight.context import command

_FENCE = re.compile(r"^```(?:sh|bash|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(gcloud [^`…]+)`")
_SHOWN = re.compile(r"gcloud (?!placeholder)[a-z](?:(?!\. | \()[^`;\n…])*")
"""Up to the end of the command: the sentence may go on."""
_BARE_FLAG = re.compile(r" --[a-z-]+ [^-]")
_PLACEHOLDER = "placeholder"
_FLAGS = "[flags]"
"""Stands for a variable that holds flags, with or without the name before them."""


def in_page(text: str) -> list[str]:
    """Of a Markdown page: the lines of its shell blocks, and what stands in backticks and ends there."""
    blocks = "\n".join(_FENCE.findall(text)).replace("\\\n", " ")
    lines = (line.partition(" #")[0].strip() for line in blocks.splitlines())
    return [line for line in lines if line.startswith("gcloud ")] + _INLINE.findall(_FENCE.sub("", text))


def in_source(text: str) -> list[str]:
    """Of a Python file: what its strings show, and what it builds by the preflight's `command`."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    named = _named(nodes)
    calls = [node for node in nodes if isinstance(node, ast.Call) and _is_command(node.func)]
    begun = [_begun(call, named.get(id(call), {})) for call in calls]
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    passed_over = parts | {id(node) for node in begun} | {id(node) for node in _docstrings(nodes)}
    strings = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    shown = [_written(node) for node in joined]
    shown += [str(node.value) for node in strings if id(node) not in passed_over]
    found = [words for text in shown for words in _SHOWN.findall(text)]
    found += [_built(node, call) for node, call in zip(begun, calls, strict=True) if node is not None]
    return [words.strip().rstrip(".") for words in found]


def rejected(commands: list[str], folder: Path) -> dict[str, str]:
    """The commands that gcloud does not know, with its reason; 60 take about five seconds."""
    variants = {words: list(_variants(words)) for words in commands}
    said = _linted(sorted({variant for each in variants.values() for variant in each}), folder)
    return {
        words: said[each[0]] for words, each in variants.items() if all(variant in said for variant in each)
    }


def _variants(words: str) -> Iterator[str]:
    """What may be meant: one that is known is enough. The linter takes what follows a flag for its value."""
    for each in ("", _PLACEHOLDER):
        variant = words.replace(_FLAGS, each).strip()
        yield variant
        if _BARE_FLAG.search(variant):
            parts = sorted(shlex.split(variant), key=lambda part: part.startswith("--"))
            yield shlex.join(parts)


def _linted(commands: list[str], folder: Path) -> dict[str, str]:
    file = folder / "commands.json"
    file.write_text(json.dumps([{"command_string": words} for words in commands]))
    linter = ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"]
    ended = subprocess.run(linter, capture_output=True, text=True, check=True)
    results = json.loads(ended.stdout)
    words = zip(commands, results, strict=True)  # gcloud tells a command in its own spelling
    return {command: one["error_message"] for command, one in words if not one["success"]}


def _is_command(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id == "command"


def _named(nodes: Iterable[ast.AST]) -> dict[int, dict[str, ast.Constant]]:
    """For each node in a function: the strings that the function's variables are set to."""
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return {
        id(node): strings
        for function in functions
        for strings in [_strings(ast.walk(function))]
        for node in ast.walk(function)
    }


def _strings(nodes: Iterable[ast.AST]) -> dict[str, ast.Constant]:
    """What variables are set to, alone or in a row."""
    named = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant):
                    named[name.id] = value
    return named


def _begun(call: ast.Call, named: Mapping[str, ast.Constant]) -> ast.Constant | None:
    """The words that a call of `command` begins with; None where they are not gcloud's."""
    first = call.args[0] if call.args else None
    node = named.get(first.id) if isinstance(first, ast.Name) else first
    return node if isinstance(node, ast.Constant) and str(node.value).startswith("gcloud ") else None


def _docstrings(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    return (node.value for node in nodes if isinstance(node, ast.Expr))


def _built(words: ast.Constant, call: ast.Call) -> str:
    """As `command` would build it, with placeholders for what only a run knows."""
    flags = {word.arg: _known(word.value) for word in call.keywords if word.arg}
    rest = "" if all(word.arg for word in call.keywords) else f" {_FLAGS}"
    given = [str(_known(argument)) for argument in call.args[1:]]
    return command(str(words.value), *given, **flags) + rest


def _known(node: ast.expr) -> str | bool:
    if isinstance(node, ast.JoinedStr):
        return _written(node)
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str | bool) else _PLACEHOLDER


def _written(node: ast.JoinedStr) -> str:
    """An f-string with placeholders; a name that ends with `where` stands for flags."""
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            parts.append(_FLAGS if ast.unparse(part.value).endswith("where") else _PLACEHOLDER)
    return "".join(parts)
