"""The schema: what is inferred, and what a mistake in it looks like."""

import re
from typing import Any

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from components.validate import schema
from configs.errors import SettingsError
from tests.errors import raises

Judge = Any
"""The fixture of conftest.py."""


def features(text: str) -> dict[str, schema_pb2.Feature]:
    return {feature.name: feature for feature in schema.parse(text).feature}


def test_every_kind_of_column_gets_its_type(judge: Judge) -> None:
    found = features(judge.schema)
    kinds = {name: schema.kind_expected(feature) for name, feature in found.items()}
    assert kinds == {
        "id": "string",
        "at": "time",
        "bought": "integer",
        "price": "float",
        "rooms": "integer",
        "color": "string",
        "sunny": "boolean",
        "note": "string",
    }


def test_a_categorical_feature_with_few_values_has_them_as_its_domain(judge: Judge) -> None:
    assert schema.domain_values(features(judge.schema)["color"]) == frozenset(("red", "green", "blue"))
    assert 'value: ["blue", "green", "red"]' in judge.schema


def test_keys_instants_and_free_text_have_a_type_and_a_presence_and_no_more(judge: Judge) -> None:
    found = features(judge.schema)
    for name in ("id", "note"):
        assert [field.name for field, _ in found[name].ListFields()] == ["name", "type", "presence"]
    assert [field.name for field, _ in found["at"].ListFields()] == [
        "name",
        "type",
        "presence",
        "time_domain",
    ]


def test_no_range_is_inferred(judge: Judge) -> None:
    found = features(judge.schema)
    assert schema.limits(found["price"]) is None
    assert schema.limits(found["rooms"]) is None
    assert schema.limits(found["bought"]) == (0, 1)


def test_presence_is_rounded_down(judge: Judge) -> None:
    train = judge.made("train") | {"price": [None if i < 3 else 1.5 * i for i in range(400)]}
    found = features((judge(train=train).out / "schema.pbtxt").read_text())
    assert found["price"].presence.min_fraction == 0.99
    assert found["rooms"].presence.min_fraction == 1.0


@pytest.mark.parametrize("values", [pa.nulls(400, pa.string()), [""] * 400])
def test_a_category_without_values_has_no_domain(judge: Judge, values: Any) -> None:
    splits = {split: judge.made(split) | {"color": values} for split in ("train", "eval", "test")}
    found = features((judge(**splits).out / "schema.pbtxt").read_text())
    assert schema.domain_values(found["color"]) is None
    assert not found["color"].HasField("presence")


def test_values_of_any_kind_survive_the_text(judge: Judge) -> None:
    odd = ['say "hi"', "two  spaces", "new\nline", "ünïcödé ☃", "back\\slash", "{brace}", "'", "[a], b"]
    splits = {
        split: judge.made(split) | {"color": [odd[i % len(odd)] for i in range(400)]}
        for split in ("train", "eval", "test")
    }
    judged = judge(**splits)
    assert judged.report["findings"] == []
    assert schema.domain_values(features((judged.out / "schema.pbtxt").read_text())["color"]) == frozenset(
        odd
    )


def test_a_reviewed_schema_is_kept_to_the_letter(judge: Judge) -> None:
    reviewed = "# my own words\n" + judge.schema
    assert (judge(judge.stage(reviewed)).out / "schema.pbtxt").read_text() == reviewed


def test_a_deprecated_column_is_not_required(judge: Judge) -> None:
    gone = 'feature { name: "old" type: INT lifecycle_stage: DEPRECATED presence { min_fraction: 1 } }'
    assert judge(judge.stage(f"{judge.schema}\n{gone}")).report["findings"] == []


def test_a_domain_may_be_shared() -> None:
    found = features(
        'string_domain { name: "colors" value: ["red", "blue"] }\n'
        'feature { name: "wall" type: BYTES domain: "colors" }'
    )
    assert schema.domain_values(found["wall"]) == frozenset(("red", "blue"))


@pytest.mark.parametrize(
    ("text", "subject", "expected", "got"),
    [
        (
            "feature {\n  name: 'a'\n  typ: INT\n}",
            "schema.pbtxt:3:3", "a tensorflow-metadata Schema as text", "typ",
        ),
        ("feature {\n  name: 'a'\n  type: WHOLE\n}", "schema.pbtxt:3:", "", "WHOLE"),
        ("feature {\n  name: 'a' type: INT", "schema.pbtxt", "", ""),
        ("feature { type: INT }", "schema.pbtxt", "each name once", "a feature without one"),
        (
            'feature { name: "a" type: INT }\n\nfeature { name: "a" type: INT }',
            "schema.pbtxt:3", "each name once", "'a' again",
        ),
        ('feature {\n name: "a"\n}', "schema.pbtxt:2: a", "a type: INT, FLOAT or BYTES", "none"),
        (
            'feature { name: "a" type: INT string_domain { value: "x" } }',
            "schema.pbtxt:1: a", "string_domain on BYTES", "string_domain on INT",
        ),
        ('feature { name: "a" type: BYTES string_domain {} }', "", "a string_domain with values", "none"),
        (
            'feature { name: "a" type: FLOAT float_domain { min: 3 max: 2 } }',
            "", "min no larger than max", "3 and 2",
        ),
        ('feature { name: "a" type: BYTES domain: "colours" }', "", "one of the domains []", "'colours'"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_schema_is_shown_with_its_line(
    text: str, subject: str, expected: str, got: str
) -> None:
    fields = {"subject": subject, "expected": expected, "got": got}
    with raises(SettingsError, **{name: re.compile(re.escape(part)) for name, part in fields.items()}):
        schema.parse(text)
