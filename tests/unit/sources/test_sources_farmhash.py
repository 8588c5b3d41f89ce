"""FARM_FINGERPRINT: the very numbers of FarmHash's Fingerprint64, as BigQuery gives them."""

import numpy as np
import pyarrow as pa
import pytest

from components.shared.sources.googlesql.farmhash import fingerprints

ALPHABET = bytes(range(256)) * 20

# From the C++ library of FarmHash, for the first n bytes of ALPHABET: every branch, every edge of a branch.
KNOWN = {
    0: 0x9AE16A3B2F90404F,
    1: 0xBE6056EDF5E94B54,
    2: 0xC2A04665ED038D75,
    3: 0x94A13D22E9EBA49A,
    4: 0x82BFFD898958E540,
    7: 0xA2E0BFF20DB0A6A1,
    8: 0xAD5A13E1E8E93B98,
    9: 0x81371E150E4AD84F,
    15: 0x862A51555943BD9D,
    16: 0x0EFD25A0A34156D4,
    17: 0xBBB6A6F8F20D1F1C,
    24: 0x3F3B313DCBD16EC7,
    31: 0xFBD950AF27EF6941,
    32: 0x1A9D8199972CDF49,
    33: 0xE8756EC1CB75524E,
    48: 0xF39D81EACD9B8A63,
    63: 0x01C1F788A248076F,
    64: 0xF58504BB53DECC4B,
    65: 0xC6A3282C3E793DBE,
    66: 0x34399C070AB61A86,
    127: 0xEA8BE9FA05393DB5,
    128: 0x1C484C95F0EA5DD3,
    129: 0xCE8BA3741121083E,
    192: 0x6A48F302825FE8D4,
    193: 0x7C2613A6EE7A0ECB,
    1000: 0x6F7979ADC223BCE4,
    4096: 0x0CF494978BFBF9C3,
}


@pytest.mark.parametrize("length", KNOWN)
def test_each_length_has_the_value_of_the_library(length: int) -> None:
    value = fingerprints(pa.array([ALPHABET[:length]], pa.binary()))
    assert np.asarray(value).view(np.uint64).tolist() == [KNOWN[length]]


def test_the_example_of_bigquerys_documentation() -> None:
    texts = ["1footrue", "2applefalse", "3true"]
    assert fingerprints(pa.array(texts)).to_pylist() == [
        -1541654101129638711,
        2794438866806483259,
        -4880158226897771312,
    ]


def test_missing_values_stay_missing_and_order_is_kept() -> None:
    values = pa.chunked_array([["a", None, "hello world"], ["", "a"]])
    a, missing, hello, empty, again = fingerprints(values).to_pylist()
    assert (a, missing, hello, empty) == (again, None, 6381520714923946011, -7286425919675154353)


def test_a_slice_has_the_values_of_its_own_rows() -> None:
    values = pa.array(["x" * (n % 100) for n in range(500)])
    assert fingerprints(values.slice(70, 90)).equals(fingerprints(values).slice(70, 90))


def test_values_spread_evenly_over_the_split() -> None:
    values = pa.array([f"key-{n}" for n in range(100_000)])
    buckets = np.abs(np.asarray(fingerprints(values))) % 100
    assert np.bincount(buckets, minlength=100).min() > 850
