"""Places in a user's SQL, names as it quotes them, and errors that point into it."""

from dataclasses import dataclass

from configs.errors import QueryError


@dataclass(frozen=True)
class Position:
    """A place in the user's SQL, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def quoted(name: str) -> str:
    """An identifier as GoogleSQL quotes it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def position_at(text: str, offset: int) -> Position:
    """Line and column of a character."""
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def query_error(query: str, position: Position | None, got: str, remedy: str = "") -> QueryError:
    """An error that points into the user's SQL and shows the line."""
    if position is None:
        return QueryError("the query", got=got, remedy=remedy)
    lines = query.split("\n")
    line = lines[position.line - 1].strip() if position.line <= len(lines) else ""
    return QueryError(f"the query, {position}", got=f"{got} in '{cut(line)}'", remedy=remedy)


def cut(text: str, length: int = 160) -> str:
    """The text's beginning, at most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
