"""The small tables in a warehouse and in Google's engine, and verdicts on the recorded queries."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from components.shared.sources import open_source
from components.shared.sources.source import Answer
from tests.contract.googlesql.recording import FIELDS, TABLES, recorded
from tests.contract.googlesql.verdicts import fill, judged


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Answer]]:
    """Answer queries over the small tables, as `python -m pipelines sql` does."""
    uri = fill(tmp_path_factory.mktemp("googlesql") / "tables.duckdb", TABLES)
    with open_source(uri).asking() as answer:
        yield answer


@pytest.fixture(scope="session")
def verdicts(ask: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """By field and query: the verdict and its reason."""
    return {field: {line["query"]: judged(ask, line) for line in recorded(field)} for field in FIELDS}


@pytest.fixture(scope="session")
def oracle() -> Any:
    """Google's engine with the small tables."""
    from tests.contract.googlesql.oracle import Oracle

    engine = Oracle()
    for name, sql in TABLES.items():
        engine.define(name, sql)
    return engine
