"""What the stub provider makes of a resource's values."""

import pytest

from tests.infra.provider import values

BLOCK = {
    "attributes": {
        "name": {"type": "string", "required": True, "enum": ["a", "b"]},
        "id": {"type": "string", "computed": True},
        "zones": {"type": ["list", "string"], "optional": True, "enum": ["z"]},
    },
    "block_types": {},
}
OUTER = {
    "attributes": {"uri": {"type": "string", "computed": True}},
    "block_types": {
        "rows": {"nesting_mode": "list", "block": BLOCK},
        "one": {"nesting_mode": "single", "block": BLOCK},
    },
}


def test_computed_values_are_unknown_until_applied() -> None:
    proposed = {"uri": None, "rows": [{"name": "a", "id": None, "zones": None}], "one": None}
    plan = values.planned(OUTER, proposed)
    assert plan["uri"] == values.UNKNOWN
    assert plan["rows"][0] == {"name": "a", "id": values.UNKNOWN, "zones": None}
    state = values.applied(OUTER, plan)
    assert state == {
        "uri": "applied-uri",
        "rows": [{"name": "a", "id": "applied-id", "zones": None}],
        "one": None,
    }


def test_a_value_once_set_is_kept() -> None:
    state: dict[str, object] = {"uri": "given", "rows": [], "one": None}
    assert values.planned(OUTER, state) == state


def test_a_mistake_tells_where_it_stands() -> None:
    value = {"rows": [{"name": "a"}, {"name": "c", "zones": ["z", "y"]}], "one": {"name": values.UNKNOWN}}
    found = [(one.path, one.message) for one in values.mistakes(OUTER, value)]
    assert found == [
        (("rows", 1, "name"), "name: expected one of a, b, got c"),
        (("rows", 1, "zones"), "zones: expected one of z, got y"),
    ]


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("string", "applied-x"), ("number", 0), ("bool", False), (["set", "string"], []),
        (["map", "string"], {}), (["object", {"a": "number"}], {"a": 0}),
    ],
)  # fmt: skip
def test_an_invented_value_has_the_type(type_: object, expected: object) -> None:
    assert values.invented(type_, "x") == expected


@pytest.mark.parametrize(
    "state",
    [
        {"account_id": values.UNKNOWN, "project": "p", "email": values.UNKNOWN},
        {"account_id": "a", "project": values.UNKNOWN, "email": values.UNKNOWN},
        {"account_id": "a", "project": "p", "email": "given"},
    ],
)
def test_an_account_is_unknown_where_its_parts_are(state: dict[str, object]) -> None:
    assert values.known_account(state, None) == state


@pytest.mark.parametrize("value", ["set", values.UNKNOWN])
def test_what_only_the_cloud_tells_cannot_be_set(value: object) -> None:
    (found,) = values.mistakes(OUTER, {"uri": value, "rows": [], "one": None})
    assert found.path == ("uri",)
    assert found.message == "uri: expected not to be set, since Google Cloud tells it"
