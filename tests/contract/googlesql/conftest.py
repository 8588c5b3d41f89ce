"""A warehouse with the small tables, and Google's engine with the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from components.shared.sources import open_source
from components.shared.sources.googlesql import parse, runtime
from components.shared.sources.googlesql.translation import translate
from components.shared.sources.source import Answer
from tests.contract.googlesql.recording import TABLES


def fill(file: Path, tables: dict[str, str]) -> str:
    """Make a warehouse of what queries return; its URI."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA t")
        for name, sql in tables.items():
            found = translate(parse(sql), {}, lambda table: pytest.fail(f"no table {table.name}"))
            runtime.register(connection, found.functions)
            connection.execute(f'CREATE TABLE t."{name}" AS {found.sql}')
    return f"duckdb://{file}"


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Answer]]:
    """Answer queries over the small tables, as `python -m pipelines sql` does."""
    uri = fill(tmp_path_factory.mktemp("googlesql") / "tables.duckdb", TABLES)
    with open_source(uri).asking() as answer:
        yield answer


@pytest.fixture(scope="session")
def oracle() -> Any:
    """Google's engine with the small tables."""
    from tests.contract.googlesql.oracle import Oracle

    engine = Oracle()
    for name, sql in TABLES.items():
        engine.define(name, sql)
    return engine
