"""The label is judged in one way: by every stage, whatever type of numbers it has."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.rows.label import binary_labels, check_both, check_label, find_label_errors
from configs.errors import LabelError

TYPES = (pa.int8(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.bool_())
VALUES = st.lists(st.sampled_from((0, 1, 2, -1, None)), min_size=1, max_size=20)


def column(values: list[Any], kind: Any) -> Any:
    unsigned, boolean = pa.types.is_unsigned_integer(kind), pa.types.is_boolean(kind)
    return pa.array([abs(each) if each and (unsigned or boolean) else each for each in values]).cast(kind)


@given(VALUES, st.sampled_from(TYPES), st.booleans())
def test_labels_are_read_or_rejected_by_what_is_wrong(values: list[Any], kind: Any, chunked: bool) -> None:
    array = column(values, kind)
    seen = [None if each is None else float(each) for each in array.to_pylist()]
    judged = pa.chunked_array([array, array[:0]]) if chunked else array
    if all(each in (0.0, 1.0) for each in seen):
        np.testing.assert_array_equal(binary_labels(judged, "late"), seen)
        return
    with pytest.raises(LabelError) as caught:
        binary_labels(judged, "late")
    missing = seen.count(None)
    wrong = sorted({each for each in seen if each not in (0.0, 1.0, None)})
    assert caught.value.subject == "late"
    assert caught.value.got == (f"{missing} missing" if missing else ", ".join(f"{each:g}" for each in wrong))


@given(VALUES, st.sampled_from(TYPES))
def test_a_row_has_a_complaint_where_its_label_is_no_label(values: list[Any], kind: Any) -> None:
    array = column(values, kind)
    complaints = dict(find_label_errors(pa.record_batch({"late": array}), "late"))
    seen = array.to_pylist()
    assert complaints["late is missing"].tolist() == [each is None for each in seen]
    assert complaints["late is neither 0 nor 1"].tolist() == [each not in (0, 1) for each in seen]


@pytest.mark.parametrize("kind", TYPES)
def test_numbers_may_be_labels(kind: Any) -> None:
    check_label(pa.schema({"late": kind}), "late")


@pytest.mark.parametrize(("schema", "got"), [({"late": pa.string()}, "string"), ({}, "no such column")])
def test_other_columns_may_not(schema: Any, got: str) -> None:
    with pytest.raises(LabelError) as caught:
        check_label(pa.schema(schema), "late")
    assert (caught.value.subject, caught.value.got) == ("label 'late'", got)


@pytest.mark.parametrize(("positives", "got"), [(0, "0 in all 1,000 rows"), (1000, "1 in all 1,000 rows")])
def test_a_split_needs_both_labels(positives: int, got: str) -> None:
    with pytest.raises(LabelError) as caught:
        check_both("late", "eval", 1000, positives)
    assert (caught.value.subject, caught.value.got) == ("label 'late' in split 'eval'", got)
    check_both("late", "eval", 1000, 1)
