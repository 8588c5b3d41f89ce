"""BYTES, hashes and encodings, computed in Python."""

import base64
import binascii
import hashlib
import re
from typing import Any

from components.shared.sources.googlesql.runtime import function

_MOST = 1 << 20
"""LPAD, RPAD and REPEAT make no more."""


@function("BLOB, BIGINT, BIGINT -> BLOB")
def bytes_substr(text: bytes, position: int, length: int) -> bytes:
    """SUBSTR of BYTES."""
    if length < 0:
        message = "SUBSTR takes no negative length"
        raise ValueError(message)
    start = position - 1 if position > 0 else 0 if position == 0 else max(len(text) + position, 0)
    return text[start : start + length]


@function("BLOB, BIGINT -> BLOB")
def bytes_left(text: bytes, length: int) -> bytes:
    """LEFT of BYTES."""
    return text[: _not_negative(length)]


@function("BLOB, BIGINT -> BLOB")
def bytes_right(text: bytes, length: int) -> bytes:
    """RIGHT of BYTES."""
    return text[max(len(text) - _not_negative(length), 0) :]


def _not_negative(length: int) -> int:
    if length < 0:
        message = f"a negative length, {length}"
        raise ValueError(message)
    return length


@function("BLOB -> BLOB")
def bytes_upper(text: bytes) -> bytes:
    """UPPER of BYTES: ASCII alone."""
    return text.upper()


@function("BLOB -> BLOB")
def bytes_lower(text: bytes) -> bytes:
    """LOWER of BYTES: ASCII alone."""
    return text.lower()


@function("BLOB -> BLOB")
def bytes_reverse(text: bytes) -> bytes:
    """REVERSE of BYTES."""
    return text[::-1]


@function("BLOB, BLOB -> BLOB")
def bytes_trim(text: bytes, what: bytes) -> bytes:
    """TRIM of BYTES."""
    return text.strip(what) if what else text


@function("BLOB, BLOB -> BLOB")
def bytes_ltrim(text: bytes, what: bytes) -> bytes:
    """LTRIM of BYTES."""
    return text.lstrip(what) if what else text


@function("BLOB, BLOB -> BLOB")
def bytes_rtrim(text: bytes, what: bytes) -> bytes:
    """RTRIM of BYTES."""
    return text.rstrip(what) if what else text


@function("BLOB, BIGINT, BLOB -> BLOB")
def bytes_lpad(text: bytes, length: int, pad: bytes) -> bytes:
    """LPAD of BYTES."""
    return bytes(_padding(text, length, pad)) + text[:length]


@function("BLOB, BIGINT, BLOB -> BLOB")
def bytes_rpad(text: bytes, length: int, pad: bytes) -> bytes:
    """RPAD of BYTES."""
    return text[:length] + bytes(_padding(text, length, pad))


def _padding(text: Any, length: int, pad: Any) -> Any:
    if not 0 <= length <= _MOST or not pad:
        message = "LPAD and RPAD take no negative length, none beyond 1 MB and no empty pad"
        raise ValueError(message)
    missing = max(length - len(text), 0)
    return (pad * (missing // len(pad) + 1))[:missing]


@function("VARCHAR, BIGINT, VARCHAR -> VARCHAR")
def lpad(text: str, length: int, pad: str) -> str:
    """LPAD."""
    return str(_padding(text, length, pad)) + text[:length]


@function("VARCHAR, BIGINT, VARCHAR -> VARCHAR")
def rpad(text: str, length: int, pad: str) -> str:
    """RPAD."""
    return text[:length] + str(_padding(text, length, pad))


@function("VARCHAR, BIGINT -> VARCHAR")
def repeat(text: str, times: int) -> str:
    """REPEAT."""
    return text * _times(len(text.encode()), times)


@function("BLOB, BIGINT -> BLOB")
def bytes_repeat(text: bytes, times: int) -> bytes:
    """REPEAT of BYTES."""
    return text * _times(len(text), times)


def _times(size: int, times: int) -> int:
    if times < 0 or size * times > _MOST:
        message = "REPEAT takes no negative count and makes no more than 1 MB"
        raise ValueError(message)
    return times if size else 0


@function("BLOB, BLOB, BLOB -> BLOB")
def bytes_replace(text: bytes, old: bytes, new: bytes) -> bytes:
    """REPLACE of BYTES."""
    return text.replace(old, new) if old else text


@function("BLOB, BLOB -> BOOLEAN")
def bytes_starts_with(text: bytes, start: bytes) -> bool:
    """STARTS_WITH of BYTES."""
    return text.startswith(start)


@function("BLOB, BLOB -> BOOLEAN")
def bytes_ends_with(text: bytes, end: bytes) -> bool:
    """ENDS_WITH of BYTES."""
    return text.endswith(end)


@function("BLOB, BLOB -> BLOB[]")
def bytes_split(text: bytes, separator: bytes) -> list[bytes]:
    """SPLIT of BYTES."""
    if not separator:
        return [text[place : place + 1] for place in range(len(text))] or [b""]
    return text.split(separator)


@function("BLOB, BLOB, BLOB -> BLOB")
def bytes_translate(text: bytes, source: bytes, target: bytes) -> bytes:
    """TRANSLATE of BYTES."""
    if len(set(source)) < len(source):
        message = "TRANSLATE takes each source character once"
        raise ValueError(message)
    known = source[: len(target)]
    return text.translate(bytes.maketrans(known, target[: len(known)]), source[len(target) :])


@function("BLOB -> VARCHAR")
def latin(text: bytes) -> str:
    """Bytes as characters of the same numbers, for regular expressions and LIKE."""
    return text.decode("latin-1")


@function("VARCHAR -> BLOB")
def of_latin(text: str) -> bytes:
    """Back from `latin`."""
    return text.encode("latin-1")


@function("VARCHAR -> BLOB")
def from_base64(text: str) -> bytes:
    """FROM_BASE64: whitespace is skipped, `=` at the end may be missing."""
    packed = re.sub(r"[ \t\n\r\f\v]", "", text)
    bare = packed.rstrip("=")
    filled = len(packed) - len(bare)
    if (
        filled > 2
        or (filled and len(packed) % 4)
        or not re.fullmatch("[A-Za-z0-9+/]*", bare)
        or len(bare) % 4 == 1
    ):
        message = "no base64"
        raise ValueError(message)
    return base64.b64decode(bare + "=" * (-len(bare) % 4))


@function("VARCHAR -> BLOB")
def from_hex(text: str) -> bytes:
    """FROM_HEX; an odd number of digits begins with 0."""
    if not re.fullmatch("[0-9A-Fa-f]*", text):
        message = "no hexadecimal digits"
        raise ValueError(message)
    return binascii.unhexlify("0" * (len(text) % 2) + text)


@function("BLOB -> BLOB")
def sha512(text: bytes) -> bytes:
    """SHA512."""
    return hashlib.sha512(text).digest()


@function("BLOB -> VARCHAR")
def converted_bytes(text: bytes) -> str:
    """SAFE_CONVERT_BYTES_TO_STRING: each byte that is no UTF-8 becomes U+FFFD."""
    return text.decode("utf-8", "surrogateescape").translate(_SURROGATES)


_SURROGATES = dict.fromkeys(range(0xDC80, 0xDD00), 0xFFFD)


@function("BLOB -> BIGINT", whole=True)
def farm_fingerprint(values: Any) -> Any:
    """FARM_FINGERPRINT."""
    from components.shared.sources.googlesql.farmhash import fingerprints

    return fingerprints(values)
