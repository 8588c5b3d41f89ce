"""A small warehouse, and a way to ask any source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from components.shared.sources import open_source
from configs.rows import Source

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of a warehouse with the datasets `shop` and `archive`; both have a table `orders`."""
    file = tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("""
            CREATE SCHEMA shop; CREATE SCHEMA archive;
            CREATE TABLE shop.orders
              (id BIGINT, amount DECIMAL(10, 2), placed TIMESTAMPTZ, day DATE, note VARCHAR);
            INSERT INTO shop.orders VALUES
              (1, 9.50, '2020-03-01 12:00:00+00', '2020-03-01', 'first'),
              (2, NULL, '2020-03-02 23:30:00+00', '2020-03-02', 'it''s second'),
              (3, 0.25, NULL, NULL, NULL);
            CREATE TABLE archive.orders AS FROM shop.orders;
            CREATE TABLE archive.customers AS SELECT 7::TINYINT AS id, 'ann' AS name;
        """)
    return f"duckdb://{file}"


@pytest.fixture(scope="session")
def ask() -> Ask:
    """The rows that GoogleSQL returns from a source."""

    def rows(uri: str, sql: str = "", **parameters: Any) -> list[dict[str, Any]]:
        with open_source(uri).rows(Source(sql=sql, parameters=parameters)) as found:
            found.materialize()
            return [row for batch in found.select("SELECT * FROM result") for row in batch.to_pylist()]

    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for tables."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"
