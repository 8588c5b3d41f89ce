"""The client: instances from files to a real server, and its explanations."""

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.serve import client
from configs.errors import EndpointError, RequestError, UnreadableFileError

Expected = Callable[..., float]
FEATURES = ("distance", "seats", "carrier", "origin")
FLIGHTS: list[dict[str, Any]] = [
    {"distance": 500.0, "seats": 150, "carrier": "UA", "origin": "JFK"},
    {"distance": 900.5, "seats": None, "carrier": "", "origin": "LGA"},
]


@pytest.fixture
def server(real_server: Any) -> client.Server:
    return client.find(str(real_server.client.base_url))


def test_a_server_tells_what_it_wants(server: client.Server) -> None:
    assert server.features == FEATURES
    assert (server.predict, server.max_instances) == ("/predict", 100)


def write_json(path: Path) -> None:
    path.write_text(json.dumps(FLIGHTS))


def write_request(path: Path) -> None:
    path.write_text(json.dumps({"instances": FLIGHTS}))


def write_json_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(flight) + "\n" for flight in FLIGHTS) + "\n")


def write_csv(path: Path) -> None:
    path.write_text("key,carrier,distance,seats,origin\n1,UA,500,150,JFK\n2,,900.5,,LGA\n")


def write_parquet(path: Path) -> None:
    table = pa.Table.from_pylist([{**flight, "key": 1} for flight in FLIGHTS])
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [("a.json", write_json), ("b.json", write_request), ("a.jsonl", write_json_lines), ("a.csv", write_csv),
     ("a.parquet", write_parquet)],
)  # fmt: skip
def test_a_file_of_any_format_gives_the_same_predictions(
    server: client.Server, tmp_path: Path, name: str, write: Callable[[Path], None], expected: Expected
) -> None:
    write(tmp_path / name)
    instances = client.read(tmp_path / name, server.features)
    predictions = client.predict(server, instances)
    assert [score for score, _ in predictions] == pytest.approx([expected(flight) for flight in FLIGHTS])


def test_more_instances_than_one_request_may_hold_are_sent_in_parts(
    server: client.Server, expected: Expected
) -> None:
    flights = [{"distance": float(number), "carrier": "UA"} for number in range(250)]
    scores = [score for score, _ in client.predict(server, flights)]
    assert scores == pytest.approx([expected(flight) for flight in flights])


def test_a_rejection_names_the_instance_by_its_place_in_the_file(server: client.Server) -> None:
    flights: list[dict[str, Any]] = [{} for _ in range(250)]
    flights[220] = {"distance": "far"}
    with pytest.raises(RequestError, match=r"instances\[220\]\.distance: expected a number"):
        client.predict(server, flights)


def test_what_json_does_not_know_is_sent_as_the_nearest_thing_it_knows(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "distance": pa.array([Decimal("1.50"), None]),
        "seats": pa.array([float("nan"), float("inf")]),
        "carrier": pa.array(["UA", None]).dictionary_encode(),
        "origin": pa.array([datetime.date(2013, 9, 1), None]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert client.read(tmp_path / "a.parquet", FEATURES) == [
        {"distance": 1.5, "seats": None, "carrier": "UA", "origin": "2013-09-01"},
        {"distance": None, "seats": None, "carrier": None, "origin": None},
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", '{"instances": 3}', "neither a list"),
        ("a.json", "[{]", "a.json: expected .json instances"),
        ("a.jsonl", "{}\n{\n", "line 2: "),
        ("a.parquet", "no parquet", "a.parquet: expected .parquet instances"),
        ("a.csv", "distance\n1\n2,3\n", "a.csv: expected .csv instances"),
        ("a.xml", "<a/>", r"expected a file of .json, .jsonl, .csv, .parquet, got '.xml'"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UnreadableFileError, match=message):
        client.read(tmp_path / name, FEATURES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="got no such file"):
        client.read(tmp_path / "a.json", FEATURES)


def test_a_table_with_a_misspelt_feature_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("carier,distance,seats,origin\nUA,1,2,JFK\n")
    with pytest.raises(RequestError, match=r"got no column 'carrier'.*Did you mean 'carier'\?"):
        client.read(tmp_path / "a.csv", FEATURES)


def test_the_error_of_a_missing_server_names_the_command_to_start_it() -> None:
    with pytest.raises(EndpointError, match="python -m pipelines serve USE_CASE"):
        client.find("http://127.0.0.1:9")
