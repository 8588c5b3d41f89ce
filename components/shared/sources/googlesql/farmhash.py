"""FarmHash Fingerprint64 over whole columns: the values of BigQuery's FARM_FINGERPRINT.

The formulas and the names are those of `farmhashna::Hash64` (google/farmhash, src/farmhash.cc).
Strings of one length are hashed together: a letter of the formulas is one number for each of them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)
_BLOCK = 64


def fingerprints(values: "pa.Array[Any] | pa.ChunkedArray[Any]") -> "pa.Array[Any]":
    """FARM_FINGERPRINT of each string or bytes value: int64, NULL for NULL."""
    array: Any = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    missing = np.asarray(array.is_null())
    array = array.cast(pa.large_binary()).fill_null(b"")
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset :][: len(array) + 1]
    content = np.frombuffer(array.buffers()[2] or b"", np.uint8)
    lengths = np.diff(offsets)
    result = np.empty(len(array), np.uint64)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        result[rows] = _hash64(content[offsets[rows][:, None] + np.arange(length)])
    return pa.array(result.view(np.int64), mask=missing)


def _hash64(text: Bytes) -> Words:
    """Hash64 of each row of a matrix of bytes, shape (strings, length)."""
    length = text.shape[1]
    with np.errstate(over="ignore"):  # all arithmetic is modulo 2**64
        if length <= 16:
            return _short(text)
        if length <= 32:
            return _up_to_32(text)
        if length <= 64:
            return _up_to_64(text)
        return _long(text)


def _short(text: Bytes) -> Words:
    length = text.shape[1]
    mul = _K2 + _word(length * 2)
    if length >= 8:
        a, b = _fetch64(text, 0) + _K2, _fetch64(text, length - 8)
        return _len16(_rotate(b, 37) * mul + a, (_rotate(a, 25) + b) * mul, mul)
    if length >= 4:
        return _len16(_word(length) + (_fetch32(text, 0) << _word(3)), _fetch32(text, length - 4), mul)
    if length > 0:
        a, b, c = (text[:, at].astype(np.uint64) for at in (0, length >> 1, length - 1))
        y, z = a + (b << _word(8)), _word(length) + (c << _word(2))
        return _shift_mix(y * _K2 ^ z * _K0) * _K2
    return np.full(len(text), _K2)


def _up_to_32(text: Bytes) -> Words:
    length = text.shape[1]
    mul = _K2 + _word(length * 2)
    a, b = _fetch64(text, 0) * _K1, _fetch64(text, 8)
    c, d = _fetch64(text, length - 8) * mul, _fetch64(text, length - 16) * _K2
    return _len16(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, mul)


def _up_to_64(text: Bytes) -> Words:
    length = text.shape[1]
    mul = _K2 + _word(length * 2)
    a, b = _fetch64(text, 0) * _K2, _fetch64(text, 8)
    c, d = _fetch64(text, length - 8) * mul, _fetch64(text, length - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _len16(y, a + _rotate(b + _K2, 18) + c, mul)
    e, f = _fetch64(text, 16) * mul, _fetch64(text, 24)
    g, h = (y + _fetch64(text, length - 32)) * mul, (z + _fetch64(text, length - 24)) * mul
    return _len16(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, mul)


def _long(text: Bytes) -> Words:
    count, length = text.shape
    seed = _word(81)
    y = np.full(count, seed * _K1 + _word(113))
    z = _shift_mix(y * _K2 + _word(113)) * _K2
    x = seed * _K2 + _fetch64(text, 0)
    v = w = (np.zeros(count, np.uint64), np.zeros(count, np.uint64))
    last = (length - 1) // _BLOCK * _BLOCK
    for at in range(0, last, _BLOCK):
        x = _rotate(x + y + v[0] + _fetch64(text, at + 8), 37) * _K1
        y = _rotate(y + v[1] + _fetch64(text, at + 48), 42) * _K1
        x, y = x ^ w[1], y + v[0] + _fetch64(text, at + 40)
        z = _rotate(z + w[0], 33) * _K1
        v = _weak32(text, at, v[1] * _K1, x + w[0])
        w = _weak32(text, at + 32, z + w[1], y + _fetch64(text, at + 16))
        x, z = z, x
    mul = _K1 + ((z & _word(0xFF)) << _word(1))
    at = length - _BLOCK
    w = (w[0] + _word((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x = _rotate(x + y + v[0] + _fetch64(text, at + 8), 37) * mul
    y = _rotate(y + v[1] + _fetch64(text, at + 48), 42) * mul
    x, y = x ^ w[1] * _word(9), y + v[0] * _word(9) + _fetch64(text, at + 40)
    z = _rotate(z + w[0], 33) * mul
    v = _weak32(text, at, v[1] * mul, x + w[0])
    w = _weak32(text, at + 32, z + w[1], y + _fetch64(text, at + 16))
    x, z = z, x
    return _len16(_len16(v[0], w[0], mul) + _shift_mix(y) * _K0 + z, _len16(v[1], w[1], mul) + x, mul)


def _weak32(text: Bytes, at: int, a: Words, b: Words) -> tuple[Words, Words]:
    w, x, y, z = (_fetch64(text, at + step) for step in (0, 8, 16, 24))
    a = a + w
    b = _rotate(b + a + z, 21)
    c, a = a, a + x + y
    return a + z, b + _rotate(a, 44) + c


def _len16(u: Words, v: Words, mul: "Words | np.uint64") -> Words:
    a = _shift_mix((u ^ v) * mul)
    return _shift_mix((v ^ a) * mul) * mul


def _shift_mix(value: Words) -> Words:
    return value ^ (value >> _word(47))


def _rotate(value: Words, shift: int) -> Words:
    return (value >> _word(shift)) | (value << _word(64 - shift))


def _fetch64(text: Bytes, at: int) -> Words:
    words: Words = np.ascontiguousarray(text[:, at : at + 8]).view("<u8")[:, 0]
    return words


def _fetch32(text: Bytes, at: int) -> Words:
    halves: npt.NDArray[np.uint32] = np.ascontiguousarray(text[:, at : at + 4]).view("<u4")[:, 0]
    return halves.astype(np.uint64)


def _word(value: int) -> np.uint64:
    return np.uint64(value)
