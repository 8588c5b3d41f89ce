"""GoogleSQL's words: a text cut into tokens, with strings and numbers read as Google reads them.

Source: GoogleSQL, "Lexical structure and syntax".
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from components.shared.sources.googlesql.text import position_at, query_error

Kind = Literal["name", "quoted", "string", "bytes", "integer", "float", "parameter", "operator", "end"]

_WORDS = """
    ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS CUBE
    CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
    FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS
    JOIN LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER
    PARTITION PRECEDING PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT
    TABLESAMPLE THEN TO TREAT TRUE UNBOUNDED UNION UNNEST USING WHEN WHERE WINDOW WITH WITHIN
"""
RESERVED = frozenset(_WORDS.split())
"""Words that are no names without backticks."""

_PREFIX = r"(?P<prefix>[rR][bB]?|[bB][rR]?)?"
_TOKEN = re.compile(
    rf"""(?P<space>\s+|\#[^\n]*|--[^\n]*|/\*.*?\*/)
    |(?P<string>{_PREFIX}(?P<quote>'''|\"\"\"|'|"))
    |(?P<float>(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<integer>0[xX][0-9a-fA-F]+|\d+)
    |(?P<name>[A-Za-z_]\w*)
    |`(?P<quoted>(?:[^`\\\n]|\\.)+)`
    |@(?P<parameter>[A-Za-z_]\w*|`[^`]+`)
    |(?P<operator>\|\||\|>|<<|>>|<>|<=|>=|!=|=>|->|\+=|-=|@@|@\{{|[-+*/~&|^=<>()\[\]{{}}.,;:?@%])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{3})|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8})|(?P<simple>.))",
    re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A word of the text, from the character `start` to before `end`."""

    kind: Kind
    text: str
    start: int
    end: int
    value: str | bytes = ""
    """What a string, a number, a quoted name or a parameter says."""

    @cached_property
    def word(self) -> str:
        """A keyword's or an operator's upper-case text; nothing for anything quoted."""
        return self.text.upper() if self.kind in {"name", "operator"} else ""


def tokenize(text: str) -> list[Token]:
    """The tokens of a text without comments, and one of kind `end` behind them.

    Raises:
        QueryError: A character or an escape that GoogleSQL does not know, or a string that nothing closes.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _part_of_path(text, at, tokens) or _TOKEN.match(text, at)
        if not found:
            raise query_error(text, position_at(text, at), f"unexpected '{text[at]}'")
        if found.lastgroup == "space":
            at = found.end()
            continue
        token = _string(text, found) if found.groupdict().get("quote") else _plain(text, found)
        tokens.append(token)
        at = token.end
    return [*tokens, Token("end", "", len(text), len(text))]


def end_of_token(text: str, at: int) -> int | None:
    """Where the token, the space or the comment that begins at a character ends; None for anything else."""
    found = _TOKEN.match(text, at)
    if found is None:
        return None
    if not found.groupdict().get("quote"):
        return found.end()
    closed = _closed(text, found)
    return closed.end() if closed else None


def _closed(text: str, found: re.Match[str]) -> re.Match[str] | None:
    """The rest of a string whose opening quote is found; None where nothing closes it."""
    quote = found["quote"]
    inner = r"(?:[^\\]|\\.)*?" if len(quote) == 3 else rf"(?:[^\\\n{quote}]|\\.)*"
    return re.compile(rf"({inner}){quote}", re.DOTALL).match(text, found.end())


_DIGITS_IN_PATH = re.compile(r"(?P<name>\d\w*)", re.ASCII)


def _part_of_path(text: str, at: int, tokens: list[Token]) -> re.Match[str] | None:
    """`2024_flights` in `dataset.2024_flights`: behind the dot of a path a name may begin with digits."""
    if len(tokens) < 2 or tokens[-1].text != "." or tokens[-2].kind not in {"name", "quoted"}:
        return None
    return _DIGITS_IN_PATH.match(text, at) if tokens[-1].end == at else None


def _plain(text: str, found: re.Match[str]) -> Token:
    kind: Kind = found.lastgroup  # type: ignore[assignment] # the pattern's groups are the kinds
    word = found[0]
    value = word
    if kind == "quoted":
        value = _decoded(text, found.start() + 1, found[kind])
    elif kind == "parameter":
        value = found[kind].strip("`")
    elif kind in {"integer", "float"} and re.match(r"\w", text[found.end() : found.end() + 1]):
        raise query_error(
            text, position_at(text, found.end()), f"'{text[found.end()]}' directly behind the number {word}"
        )
    return Token(kind, word, found.start(), found.end(), value)


def _string(text: str, found: re.Match[str]) -> Token:
    prefix, closed = (found["prefix"] or "").lower(), _closed(text, found)
    if not closed:
        raise query_error(text, position_at(text, found.start()), f"nothing closes {found[0]}")
    body, raw = closed[1], "r" in prefix
    kind: Kind = "bytes" if "b" in prefix else "string"
    value: str | bytes
    if kind == "bytes":
        value = body.encode() if raw else _decoded_bytes(text, found.end(), body)
    else:
        value = body if raw else _decoded(text, found.end(), body)
    return Token(kind, text[found.start() : closed.end()], found.start(), closed.end(), value)


def _decoded(text: str, start: int, body: str) -> str:
    """A string with its escapes read: by code, in octal or hexadecimal, and by name."""

    def character(found: re.Match[str]) -> str:
        code = found["u4"] or found["u8"] or found["hex"]
        number = int(code, 16) if code else int(found["octal"], 8) if found["octal"] else None
        if number is not None:
            if number > 0x10FFFF or 0xD800 <= number < 0xE000:
                raise query_error(text, position_at(text, start + found.start()), f"no character {found[0]}")
            return chr(number)
        return _simple(text, start, found)

    return _ESCAPE.sub(character, body)


def _decoded_bytes(text: str, start: int, body: str) -> bytes:
    parts, at = [], 0
    for found in _ESCAPE.finditer(body):
        parts.append(body[at : found.start()].encode())
        if found["u4"] or found["u8"]:
            raise query_error(text, position_at(text, start + found.start()), f"{found[0]} in BYTES")
        if found["hex"] or found["octal"]:
            parts.append(bytes([int(found["hex"], 16) if found["hex"] else int(found["octal"], 8) & 0xFF]))
        else:
            parts.append(_simple(text, start, found).encode())
        at = found.end()
    return b"".join([*parts, body[at:].encode()])


def _simple(text: str, start: int, found: re.Match[str]) -> str:
    if found["simple"] not in _SIMPLE:
        raise query_error(
            text,
            position_at(text, start + found.start()),
            f"the escape {found[0]}",
            remedy="Write a backslash as \\\\, or the string as r'…'.",
        )
    return _SIMPLE[found["simple"]]
