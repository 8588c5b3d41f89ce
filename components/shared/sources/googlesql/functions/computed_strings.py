"""Strings and bytes, computed in Python. Errors say what Google's say: the query then fails."""

import base64
import binascii
import hashlib
import unicodedata
from typing import Any

from components.shared.sources.duckdb.farmhash import fingerprints
from components.shared.sources.googlesql.runtime import function

_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space, which TRIM takes away."""
_SOUNDEX = {
    letter: code
    for code, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
    for letter in letters
}
_DELIMITERS = " []() {}/|\n<>!?@\"^#$&~_,.:;*%+-\t\r\v\f'"


@function("VARCHAR -> VARCHAR")
def upper(text: str) -> str:
    """UPPER."""
    return text.upper()


@function("VARCHAR -> VARCHAR")
def lower(text: str) -> str:
    """LOWER."""
    return text.lower()


@function("VARCHAR -> VARCHAR")
def initcap(text: str) -> str:
    """INITCAP: the first letter behind each delimiter in upper case, the others in lower case."""
    shown, begins = [], True
    for character in text:
        shown.append(character.upper() if begins else character.lower())
        begins = character in _DELIMITERS
    return "".join(shown)


@function("VARCHAR -> VARCHAR")
def reverse(text: str) -> str:
    """REVERSE by characters."""
    return text[::-1]


@function("BLOB -> BLOB")
def reverse_bytes(content: bytes) -> bytes:
    """REVERSE by bytes."""
    return content[::-1]


def _part(text: Any, position: int, length: int | None) -> Any:
    begin = position - 1 if position > 0 else 0 if position == 0 else max(len(text) + position, 0)
    if length is not None and length < 0:
        raise ValueError("Third argument in SUBSTR() cannot be negative")
    return text[begin:] if length is None else text[begin : begin + length]


@function("VARCHAR, BIGINT -> VARCHAR")
def substr_from(text: str, position: int) -> str:
    """SUBSTR to the end."""
    return str(_part(text, position, None))


@function("VARCHAR, BIGINT, BIGINT -> VARCHAR")
def substr(text: str, position: int, length: int) -> str:
    """SUBSTR."""
    return str(_part(text, position, length))


@function("BLOB, BIGINT -> BLOB")
def substr_bytes_from(content: bytes, position: int) -> bytes:
    """SUBSTR of BYTES to the end."""
    return bytes(_part(content, position, None))


@function("BLOB, BIGINT, BIGINT -> BLOB")
def substr_bytes(content: bytes, position: int, length: int) -> bytes:
    """SUBSTR of BYTES."""
    return bytes(_part(content, position, length))


def _not_negative(count: int) -> int:
    if count < 0:
        raise ValueError(f"a length of {count}")
    return count


@function("VARCHAR, BIGINT -> VARCHAR")
def leftmost(text: str, count: int) -> str:
    """LEFT."""
    return text[: _not_negative(count)]


@function("VARCHAR, BIGINT -> VARCHAR")
def rightmost(text: str, count: int) -> str:
    """RIGHT."""
    return text[max(len(text) - _not_negative(count), 0) :]


@function("VARCHAR, VARCHAR, BIGINT, BIGINT -> BIGINT")
def instr(text: str, part: str, position: int, occurrence: int) -> int:
    """INSTR: from a position on, or back from one that is counted from the end; 0 for nothing."""
    if position == 0 or occurrence < 1:
        raise ValueError("a position of 0, or an occurrence below 1")
    if position > 0:
        starts = range(position - 1, len(text) - len(part) + 1)
    else:
        starts = range(min(len(text) + position, len(text) - len(part)), -1, -1)
    for start in starts:
        if text.startswith(part, start):
            occurrence -= 1
            if not occurrence:
                return start + 1
    return 0


@function("VARCHAR -> VARCHAR")
def trim(text: str) -> str:
    """TRIM of white space."""
    return text.strip(_SPACES)


@function("VARCHAR -> VARCHAR")
def ltrim(text: str) -> str:
    """LTRIM of white space."""
    return text.lstrip(_SPACES)


@function("VARCHAR -> VARCHAR")
def rtrim(text: str) -> str:
    """RTRIM of white space."""
    return text.rstrip(_SPACES)


@function("VARCHAR, VARCHAR -> VARCHAR")
def trim_of(text: str, characters: str) -> str:
    """TRIM of some characters."""
    return text.strip(characters) if characters else text


@function("VARCHAR, VARCHAR -> VARCHAR")
def ltrim_of(text: str, characters: str) -> str:
    """LTRIM of some characters."""
    return text.lstrip(characters) if characters else text


@function("VARCHAR, VARCHAR -> VARCHAR")
def rtrim_of(text: str, characters: str) -> str:
    """RTRIM of some characters."""
    return text.rstrip(characters) if characters else text


def _padding(text: str, length: int, pattern: str) -> str:
    missing = _not_negative(length) - len(text)
    if not pattern:
        raise ValueError("a pattern of no characters")
    return (pattern * (missing // len(pattern) + 1))[:missing] if missing > 0 else ""


@function("VARCHAR, BIGINT, VARCHAR -> VARCHAR")
def lpad(text: str, length: int, pattern: str) -> str:
    """LPAD."""
    return (_padding(text, length, pattern) + text[:length])[:length]


@function("VARCHAR, BIGINT, VARCHAR -> VARCHAR")
def rpad(text: str, length: int, pattern: str) -> str:
    """RPAD."""
    return text[:length] + _padding(text, length, pattern)


@function("VARCHAR, BIGINT -> VARCHAR")
def repeated(text: str, count: int) -> str:
    """REPEAT."""
    return text * _not_negative(count)


@function("VARCHAR, VARCHAR, VARCHAR -> VARCHAR")
def replaced(text: str, part: str, by: str) -> str:
    """REPLACE; an empty part leaves the text."""
    return text.replace(part, by) if part else text


@function("VARCHAR, VARCHAR, VARCHAR -> VARCHAR")
def translated(text: str, source: str, target: str) -> str:
    """TRANSLATE: each character by the one at its place, or by nothing."""
    if len(set(source)) < len(source):
        raise ValueError("a character twice in TRANSLATE's second argument")
    places = {character: place for place, character in enumerate(source)}
    return "".join(
        target[places[character] : places[character] + 1] if character in places else character
        for character in text
    )


@function("VARCHAR -> VARCHAR[]")
def characters(text: str) -> list[str]:
    """SPLIT by nothing."""
    return list(text) or [""]


@function("VARCHAR -> BIGINT")
def ascii_code(text: str) -> int:
    """ASCII: the first character's code."""
    if not text.isascii():
        raise ValueError(f"'{text}' is not ASCII")
    return ord(text[0]) if text else 0


@function("VARCHAR -> BIGINT")
def unicode_code(text: str) -> int:
    """UNICODE: the first character's code point."""
    return ord(text[0]) if text else 0


@function("BIGINT -> VARCHAR")
def character(code: int) -> str:
    """CHR; 0 is the empty string."""
    return of_code_points([code]) if code else ""


@function("VARCHAR -> BIGINT[]")
def code_points(text: str) -> list[int]:
    """TO_CODE_POINTS."""
    return list(map(ord, text))


@function("BLOB -> BIGINT[]")
def code_points_of_bytes(content: bytes) -> list[int]:
    """TO_CODE_POINTS of BYTES: their values."""
    return list(content)


@function("BIGINT[] -> VARCHAR")
def of_code_points(codes: list[int | None]) -> str | None:
    """CODE_POINTS_TO_STRING; NULL for a NULL among them."""
    if None in codes:
        return None
    wrong = [code for code in codes if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000]  # type: ignore[operator] # no None
    if wrong:
        raise ValueError(f"no character has the code point {wrong[0]}")
    return "".join(map(chr, codes))  # type: ignore[arg-type] # no None


@function("VARCHAR, VARCHAR -> VARCHAR")
def normalized(text: str, mode: Any) -> str:
    """NORMALIZE."""
    return unicodedata.normalize(mode, text)


@function("VARCHAR, VARCHAR -> VARCHAR")
def casefolded(text: str, mode: Any) -> str:
    """NORMALIZE_AND_CASEFOLD."""
    return unicodedata.normalize(mode, unicodedata.normalize(mode, text).casefold())


@function("VARCHAR -> VARCHAR")
def soundex(text: str) -> str:
    """SOUNDEX over ASCII letters; the first as it is written."""
    letters = [each for each in text if each.isascii() and each.isalpha()]
    if not letters:
        return ""
    shown, last = letters[0], _SOUNDEX.get(letters[0].upper())
    for letter in letters[1:]:
        code = _SOUNDEX.get(letter.upper())
        if code and code != last:  # a vowel between equal codes changes nothing
            shown, last = shown + str(code), code
    return (shown + "000")[:4]


@function("VARCHAR, VARCHAR -> BIGINT")
def edit_distance(one: str, other: str) -> int:
    """EDIT_DISTANCE: Levenshtein's, by characters."""
    row = list(range(len(other) + 1))
    for place, character in enumerate(one, 1):
        before, row[0] = row[0], place
        for column, against in enumerate(other, 1):
            here = before + (character != against)
            before = row[column]
            row[column] = min(here, before + 1, row[column - 1] + 1)
    return row[-1]


@function("VARCHAR -> BLOB")
def from_hex(text: str) -> bytes:
    """FROM_HEX; an odd number of digits has a 0 before them."""
    return binascii.unhexlify(("0" if len(text) % 2 else "") + text)


@function("VARCHAR -> BLOB")
def from_base64(text: str) -> bytes:
    """FROM_BASE64; spaces in it do not count."""
    return base64.b64decode("".join(text.split()), validate=True)


@function("BLOB -> VARCHAR")
def of_any_bytes(content: bytes) -> str:
    """SAFE_CONVERT_BYTES_TO_STRING: U+FFFD for what is not UTF-8."""
    return content.decode(errors="replace")


@function("BLOB -> VARCHAR")
def of_bytes(content: bytes) -> str:
    """CAST of BYTES AS STRING."""
    return content.decode()


@function("BLOB -> BLOB")
def md5(content: bytes) -> bytes:
    """MD5."""
    return hashlib.md5(content, usedforsecurity=False).digest()


@function("BLOB -> BLOB")
def sha1(content: bytes) -> bytes:
    """SHA1."""
    return hashlib.sha1(content, usedforsecurity=False).digest()


@function("BLOB -> BLOB")
def sha256(content: bytes) -> bytes:
    """SHA256."""
    return hashlib.sha256(content).digest()


@function("BLOB -> BLOB")
def sha512(content: bytes) -> bytes:
    """SHA512."""
    return hashlib.sha512(content).digest()


@function("BLOB -> BIGINT", whole=True)
def fingerprint(values: Any) -> Any:
    """FARM_FINGERPRINT."""
    return fingerprints(values)
