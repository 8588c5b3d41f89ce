"""Every recorded query gives Google's value and type or is refused: nothing is silently different."""

from typing import Any

import pytest

from components.shared.sources.googlesql.functions import computed
from components.shared.sources.googlesql.runtime import FUNCTIONS
from tests.contract.googlesql.document import PAGE, page
from tests.contract.googlesql.recording import FIELDS, queries, recorded

LEAST_EQUAL = 750
"""Of the recorded queries; the others are errors in both, or refused as docs/googlesql.md says."""


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_is_silently_different_from_google(verdicts: Any, field: str) -> None:
    assert {query: why for query, (verdict, why) in verdicts[field].items() if verdict == "wrong"} == {}


def test_nearly_all_that_google_answers_is_answered(verdicts: Any) -> None:
    equal = [
        query for found in verdicts.values() for query, (verdict, _) in found.items() if verdict == "equal"
    ]
    assert len(equal) >= LEAST_EQUAL


@pytest.mark.parametrize("field", FIELDS)
def test_every_query_has_its_recorded_answer(field: str) -> None:
    assert [line["query"] for line in recorded(field)] == queries(field)


def test_the_page_says_what_is_equal_and_what_is_refused(verdicts: Any) -> None:
    assert PAGE.read_text() == page(verdicts), "run python -m tests.contract.googlesql.document"


def test_the_recorded_answers_are_still_googles(oracle: Any) -> None:
    line = next(line for line in recorded("times") if "rows" in line)
    assert oracle.answer(line["query"]).columns == [tuple(each) for each in line["columns"]]


def test_every_function_in_python_is_known() -> None:
    assert computed.__all__
    assert len(FUNCTIONS) > 100
