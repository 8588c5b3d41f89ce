"""Strings, computed in Python where DuckDB's functions differ beyond ASCII or are not there."""

import unicodedata

from components.shared.sources.googlesql.runtime import function

_BETWEEN_WORDS = ' \t\n\r\v\f[](){}/|<>!?@"^#$&~_,.:;*%+-'
_SOUNDS = {
    letter: digit
    for digit, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
    for letter in letters
}


@function("VARCHAR -> VARCHAR")
def upper(text: str) -> str:
    """UPPER with Unicode's full mapping."""
    return text.upper()


@function("VARCHAR -> VARCHAR")
def lower(text: str) -> str:
    """LOWER with Unicode's full mapping."""
    return text.lower()


@function("VARCHAR -> VARCHAR")
def reverse(text: str) -> str:
    """REVERSE by code points."""
    return text[::-1]


@function("VARCHAR, VARCHAR -> VARCHAR")
def initcap(text: str, separators: str) -> str:
    """INITCAP: upper case behind a separator, lower case elsewhere."""
    made, starts = [], True
    for character in text:
        made.append(_title(character) if starts else _single(character, character.lower()))
        starts = character in separators
    return "".join(made)


def _title(character: str) -> str:
    return _single(character, character.upper())


def _single(before: str, after: str) -> str:
    """A mapping to one character; longer ones leave the character as it is."""
    return after if len(after) == 1 else before


@function("VARCHAR -> VARCHAR")
def initcap_words(text: str) -> str:
    """INITCAP with the separators that are meant where none are given."""
    return str(initcap(text, _BETWEEN_WORDS))


@function("VARCHAR, VARCHAR, BIGINT, BIGINT -> BIGINT")
def instr(text: str, part: str, position: int, occurrence: int) -> int:
    """INSTR from a position, backwards where it is negative."""
    return _instr(text, part, position, occurrence)


@function("BLOB, BLOB, BIGINT, BIGINT -> BIGINT")
def bytes_instr(text: bytes, part: bytes, position: int, occurrence: int) -> int:
    """INSTR of BYTES."""
    return _instr(text, part, position, occurrence)


def _instr(text: str | bytes, part: str | bytes, position: int, occurrence: int) -> int:
    if position == 0 or occurrence < 1:
        message = "INSTR takes a position other than 0 and a positive occurrence"
        raise ValueError(message)
    if position > len(text) + 1 or -position > len(text):
        return 0
    found = position - 2 if position > 0 else len(text) + position + 1
    for _ in range(occurrence):
        if position > 0:
            found = text.find(part, found + 1)  # type: ignore[arg-type] # both of one type
        else:
            found = text.rfind(part, 0, found - 1 + len(part)) if found > 0 else -1  # type: ignore[arg-type] # likewise
        if found < 0:
            return 0
    return found + 1


@function("VARCHAR, VARCHAR, VARCHAR -> VARCHAR")
def translate(text: str, source: str, target: str) -> str:
    """TRANSLATE; a character that is named twice is an error."""
    if len(set(source)) < len(source):
        message = "TRANSLATE takes each source character once"
        raise ValueError(message)
    return text.translate(
        {ord(one): target[place] if place < len(target) else None for place, one in enumerate(source)}
    )


@function("VARCHAR, VARCHAR -> VARCHAR")
def normalize(text: str, form: str) -> str:
    """NORMALIZE."""
    return unicodedata.normalize(form, text)  # type: ignore[arg-type] # one of four words


@function("VARCHAR, VARCHAR -> VARCHAR")
def normalize_and_casefold(text: str, form: str) -> str:
    """NORMALIZE_AND_CASEFOLD."""
    return unicodedata.normalize(form, unicodedata.normalize(form, text).casefold())  # type: ignore[arg-type] # likewise


@function("VARCHAR -> BIGINT[]")
def code_points(text: str) -> list[int]:
    """TO_CODE_POINTS."""
    return [ord(each) for each in text]


@function("BLOB -> BIGINT[]")
def bytes_code_points(text: bytes) -> list[int]:
    """TO_CODE_POINTS of BYTES."""
    return list(text)


@function("BIGINT[] -> VARCHAR")
def code_points_to_string(points: list[int | None]) -> str | None:
    """CODE_POINTS_TO_STRING; NULL where one is NULL."""
    return None if None in points else "".join(_character(point) for point in points if point is not None)


@function("BIGINT -> VARCHAR")
def character(point: int) -> str:
    """CHR."""
    return _character(point)


def _character(point: int) -> str:
    if not 0 <= point <= 0x10FFFF or 0xD800 <= point <= 0xDFFF:
        message = f"{point} is no code point"
        raise ValueError(message)
    return chr(point)


@function("BIGINT[] -> BLOB")
def code_points_to_bytes(points: list[int | None]) -> bytes | None:
    """CODE_POINTS_TO_BYTES; NULL where one is NULL."""
    return None if None in points else bytes(point for point in points if point is not None)


@function("VARCHAR -> VARCHAR")
def soundex(text: str) -> str:
    """SOUNDEX: the first letter as it is written, and three digits."""
    letters = [each for each in text if each.isascii() and each.isalpha()]
    if not letters:
        return ""
    digits, last = "", _SOUNDS.get(letters[0].upper(), 0)
    for letter in letters[1:]:
        sound = _SOUNDS.get(letter.upper(), 0)
        if sound and sound != last:
            digits, last = digits + str(sound), sound
    return (letters[0] + digits + "000")[:4]


@function("VARCHAR, VARCHAR -> BIGINT")
def edit_distance(one: str, other: str) -> int:
    """EDIT_DISTANCE by code points."""
    previous = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        current = [row]
        for column, right in enumerate(other, 1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (left != right)))
        previous = current
    return previous[-1]


@function("VARCHAR -> BIGINT")
def ascii(text: str) -> int:  # noqa: A001 - the name that its SQL is called by
    """ASCII: the first character's number, 0 of none."""
    if text and not text[0].isascii():
        message = "ASCII takes a text that begins with an ASCII character"
        raise ValueError(message)
    return ord(text[0]) if text else 0


@function("BLOB -> BIGINT")
def bytes_ascii(text: bytes) -> int:
    """ASCII of BYTES: the first byte."""
    return text[0] if text else 0
