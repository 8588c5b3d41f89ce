"""The server over real HTTP: the contract, and what a mistake is answered with."""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

Server = Any
Start = Callable[..., Any]
Expected = Callable[..., float]

FLIGHT = {"distance": 500.0, "seats": 150, "carrier": "UA", "origin": "JFK"}


def random_flight(chance: random.Random) -> dict[str, Any]:
    flight = {
        "distance": round(chance.uniform(50, 3000), 1),
        "seats": chance.choice([None, 50, 150, 300]),
        "carrier": chance.choice(["AA", "B6", "UA", "ZZ", None]),
        "origin": chance.choice(["JFK", "LGA", ""]),
    }
    return {name: value for name, value in flight.items() if chance.random() > 0.1}


# --- the contract ---------------------------------------------------------------------------


def test_predictions_are_the_models_scores_one_for_each_instance_in_order(
    real_server: Server, expected: Expected
) -> None:
    chance = random.Random(1)  # noqa: S311 - reproducible rows
    flights = [random_flight(chance) for _ in range(100)]
    answer = real_server.ask(*flights)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"predictions"}
    np.testing.assert_allclose(answer.json()["predictions"], [expected(f) for f in flights], atol=1e-6)


@pytest.mark.parametrize(
    "same",
    [
        {"distance": 500.0, "carrier": "AA"},
        {"distance": 500.0, "carrier": "AA", "seats": None, "origin": None},
        {"distance": 500, "carrier": "AA", "seats": 1e39, "origin": ""},
    ],
    ids=["absent", "null", "beyond float32"],
)
def test_a_missing_value_is_absent_null_or_beyond_float32(
    real_server: Server, expected: Expected, same: dict[str, Any]
) -> None:
    assert real_server.scores(same) == pytest.approx([expected({"distance": 500.0, "carrier": "AA"})])


def test_parameters_beside_the_instances_are_tolerated(real_server: Server) -> None:
    answer = real_server.client.post("/predict", json={"instances": [FLIGHT], "parameters": {"x": 1}})
    assert answer.status_code == 200


def test_the_server_says_what_it_serves_and_how_to_ask(real_server: Server) -> None:
    about = real_server.client.get("/").json()
    assert about["routes"] == {"health": "/health", "predict": "/predict"}
    assert about["limits"] == {"instances": 100, "bytes": 50_000}
    (version,) = about["versions"]
    assert version["features"] == {"numeric": ["distance", "seats"], "categorical": ["carrier", "origin"]}
    assert version["traffic"] == 100
    assert set(version["seconds"]) == {"import", "load", "warm_up"}


def test_the_start_of_tensorflow_leaves_nothing_on_the_screen(real_server: Server) -> None:
    lines = real_server.log.read_text().splitlines()
    assert [line.split(" INFO ")[1].split(" ")[0] for line in lines] == [
        "listening",
        lines[1].split()[3],
        "serving",
    ]


def test_health_and_predictions_have_the_routes_that_the_platform_names(
    start: Start, fake_model: Callable[..., Path]
) -> None:
    environment = {
        "AIP_STORAGE_URI": str(fake_model()),
        "AIP_HEALTH_ROUTE": "/v1/health",
        "AIP_PREDICT_ROUTE": "/v1/models/flights:predict",
    }
    server = start(environment=environment, wait=False)
    server.listening()
    while server.client.get("/v1/health").status_code != 200:
        assert server.process.poll() is None
    answer = server.client.post("/v1/models/flights:predict", json={"instances": [FLIGHT]})
    assert answer.status_code == 200
    assert server.client.get("/health").status_code == 404


# --- mistakes -------------------------------------------------------------------------------

MISTAKES = [
    ([{"distance": "far"}], 'instances[0].distance: expected a number or null, got the string "far"'),
    ([FLIGHT, {"seats": [1]}], "instances[1].seats: expected a number or null, got the list [1]"),
    ([FLIGHT, {"seats": {}}], "instances[1].seats: expected a number or null, got the object {}"),
    (
        [{"carrier": {"code": "UA"}}],
        'instances[0].carrier: expected a string, number, boolean or null, got the object {"code":"UA"}',
    ),
    (
        [FLIGHT, FLIGHT, {"carier": "UA"}],
        "instances[2]: expected the model's features, got the unknown field 'carier'. Did you mean",
    ),
    ([{"qqq": 1}], "got the unknown field 'qqq'"),
    ([[500.0, 150]], "instances[0]: expected an object of features by name, got the list [500.0,150]"),
    (["UA"], 'instances[0]: expected an object of features by name, got the string "UA"'),
    ([None], "instances[0]: expected an object of features by name, got null"),
    ([], "instances: expected 1 to 100 of them, got 0"),
    ([{}] * 101, "instances: expected 1 to 100 of them, got 101"),
    ({"a": 1}, 'instances: expected a list of objects, got the object {"a":1}'),
    (None, "instances: expected a list of objects, got null"),
]  # fmt: skip


@pytest.mark.parametrize(("instances", "message"), MISTAKES)
def test_a_wrong_instance_is_answered_by_where_what_was_expected_and_what_came(
    real_server: Server, instances: Any, message: str
) -> None:
    answer = real_server.client.post("/predict", json={"instances": instances})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert message in error["message"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")


def test_the_place_of_a_wrong_instance_can_be_read_by_a_machine(real_server: Server) -> None:
    (details,) = real_server.ask(FLIGHT, {"distance": True, "seats": "many"}).json()["error"]["details"]
    assert (details["instance"], details["field"]) == (1, "seats")
    assert details["expected"] == "a number or null"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: expected JSON, got"),
        (b"{", "body: expected JSON, got"),
        (b"distance,seats\n500,150\n", "body: expected JSON, got"),
        (b'{"instances": [{"distance": NaN}]}', "NaN and Infinity are not JSON: null is a missing value."),
        (b'{"instances": [{"distance": -Infinity}]}', "NaN and Infinity are not JSON"),
        (b'{"instances": [{"distance": 1e999}]}', "body: expected JSON, got"),
        (b'{"instances": [{"carrier": "\xff"}]}', "body: expected JSON, got"),
        (b'{"instances": [{"carrier": "\\ud800"}]}', "body: expected JSON, got"),
        (b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", "body: expected JSON, got"),
        (b"[1, 2]", 'body: expected {"instances": [...]}, got the list [1,2]'),
        (b'{"instance": []}', 'body: expected {"instances": [...]}, got the object {"instance":[]}'),
        (b'{"instances": [{}], "option": 1}', "parameters, got the unknown field 'option'"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_request_is_rejected(real_server: Server, body: bytes, message: str) -> None:
    answer = real_server.client.post("/predict", content=body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_long_wrong_value_is_cut_in_the_message(real_server: Server) -> None:
    message = real_server.ask({"distance": "x" * 10_000}).json()["error"]["message"]
    assert len(message) < 150


def test_a_body_beyond_the_limit_is_rejected_however_it_is_sent(real_server: Server) -> None:
    body = json.dumps({"instances": [{"carrier": "x" * 60_000}]}).encode()

    def chunks() -> Iterator[bytes]:
        for begin in range(0, len(body), 1000):
            yield body[begin : begin + 1000]

    for content in (body, chunks()):
        answer = real_server.client.post("/predict", content=content)
        assert answer.status_code == 413
        assert "expected at most 50000 bytes" in answer.json()["error"]["message"]
    assert real_server.ask(FLIGHT).status_code == 200


def test_ten_megabytes_do_not_trouble_the_server(real_server: Server) -> None:
    answer = real_server.client.post("/predict", content=b"x" * 10_485_760)
    assert answer.status_code == 413
    assert real_server.ask(FLIGHT).status_code == 200


def test_a_wrong_method_and_an_unknown_path_are_reported_as_such(real_server: Server) -> None:
    answer = real_server.client.get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "GET /predict" in answer.json()["error"]["message"]
    answer = real_server.client.post("/predictions", json={})
    assert answer.status_code == 404
    assert "POST /predictions" in answer.json()["error"]["message"]


# --- many at once ---------------------------------------------------------------------------


def test_every_one_of_many_clients_gets_the_scores_of_its_own_rows(
    real_server: Server, expected: Expected
) -> None:
    def ask(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - idem
        with httpx.Client(base_url=real_server.client.base_url, trust_env=False) as client:
            for _ in range(25):
                flights = [random_flight(chance) for _ in range(chance.randint(1, 8))]
                answer = client.post("/predict", json={"instances": flights})
                got = answer.json()["predictions"]
                np.testing.assert_allclose(got, [expected(f) for f in flights], atol=1e-6)

    with ThreadPoolExecutor(12) as clients:
        list(clients.map(ask, range(12)))


def test_a_bad_request_among_good_ones_hurts_only_itself(real_server: Server) -> None:
    def ask(number: int) -> int:
        bad = number % 5 == 0
        answer = httpx.post(
            f"{real_server.client.base_url}/predict",
            json={"instances": [FLIGHT, {"distance": "far"} if bad else FLIGHT]},
            trust_env=False,
        )
        assert answer.status_code == (400 if bad else 200)
        return answer.status_code

    with ThreadPoolExecutor(10) as clients:
        assert list(clients.map(ask, range(50))).count(400) == 10
