"""Walks over trees: what lies in a node, and all that lies below it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from components.shared.sources.googlesql import syntax as s


def parts(part: Any) -> Iterator[s.Node]:
    """The nodes that a field holds: one, those of a tuple, or none."""
    if isinstance(part, s.Node):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from parts(each)


def children(node: s.Node) -> Iterator[s.Node]:
    """The nodes directly below a node, in the order of its fields."""
    for each in fields(node):
        yield from parts(getattr(node, each.name))


def nodes(part: Any) -> Iterator[s.Node]:
    """Every node in a part of a tree, a node before what it holds."""
    for node in parts(part):
        yield node
        for child in children(node):
            yield from nodes(child)
