"""The reviewed schema of the flights belongs to the use case next to it."""

from components.validate import schema
from configs.loading import load, schema_text


def test_every_column_the_flights_use_is_in_their_schema() -> None:
    settings = load("flights")
    expected = {
        feature.name: schema.kind_expected(feature)
        for feature in schema.parse(schema_text("flights")).feature
    }
    assert {
        settings.key,
        settings.decision_time,
        settings.label.column,
        *settings.features.columns,
    } <= expected.keys()
    assert {expected[name] for name in settings.features.numeric} <= {"integer", "float", "boolean"}


def test_the_columns_ignored_for_the_flights_are_in_their_schema() -> None:
    expected = {feature.name for feature in schema.parse(schema_text("flights")).feature}
    assert set(load("flights").validation.ignore) <= expected
