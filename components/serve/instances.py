"""JSON instances to raw columns: the checks that keep a bad request out of everybody's batch.

A number is a JSON number or boolean; a category is a string, number or boolean, written the way
Arrow prints it. A field that is null or absent is a missing value: NaN or "". So is a number beyond
float32, as it was in training (`components.shared.rows.missing`).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from components.shared.rows.missing import is_missing, missing_numbers
from configs.errors import RequestError, did_you_mean
from configs.features import Features

_NUMBER: frozenset[type] = frozenset({int, float, bool, type(None)})
_CATEGORY: frozenset[type] = frozenset({str, int, float, bool, type(None)})
_REQUEST_FIELDS = frozenset({"instances", "parameters"})
_KINDS: dict[type, str] = {dict: "the object ", list: "the list ", str: "the string "}
_SHOWN = 40
"""Characters of a wrong value in a message."""


class InstanceError(RequestError):
    """One instance of a request is wrong; `index` and `field` say where."""

    def __init__(self, index: int, field: str | None, *, expected: str, got: str, remedy: str = "") -> None:
        place = f"instances[{index}]" + (f".{field}" if field else "")
        super().__init__(place, expected=expected, got=got, remedy=remedy)
        self.index, self.field = index, field


@dataclass(frozen=True)
class Columns:
    """Rows as a model is fed them.

    Args:
        numeric: float32 [numeric features, rows], missing is NaN.
        categorical: str objects [categorical features, rows], missing is "".
    """

    numeric: NDArray[np.float32]
    categorical: NDArray[np.object_]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.numeric.shape[1])


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    return Columns(
        np.concatenate([part.numeric for part in parts], axis=1),
        np.concatenate([part.categorical for part in parts], axis=1),
    )


def read_instances(body: bytes | bytearray, max_rows: int) -> list[Any]:
    """The instances of a request's body.

    Raises:
        RequestError: Not JSON, not `{"instances": [...]}`, none, or more than `max_rows`.
    """
    content = _parsed(body)
    if not isinstance(content, dict) or "instances" not in content:
        raise RequestError("body", expected='{"instances": [...]}', got=described(content))
    unknown = sorted(content.keys() - _REQUEST_FIELDS)
    if unknown:
        raise RequestError("body", expected="instances, parameters", got=f"the unknown field '{unknown[0]}'")
    instances = content["instances"]
    if not isinstance(instances, list):
        raise RequestError("instances", expected="a list of objects", got=described(instances))
    if not 1 <= len(instances) <= max_rows:
        raise RequestError("instances", expected=f"1 to {max_rows} of them", got=str(len(instances)))
    return instances


def columns(instances: Sequence[Any], features: Features, known: AbstractSet[str]) -> Columns:
    """The instances as a model's columns.

    Args:
        instances: JSON values; at least one.
        features: What the model wants.
        known: The fields an instance may have (others are a mistake, not missing values).

    Raises:
        InstanceError: The first wrong instance.
    """
    if not all(type(instance) is dict and instance.keys() <= known for instance in instances):
        raise _first_mistake(instances, features, known)
    numbers = [[instance.get(name) for instance in instances] for name in features.numeric]
    texts = [[instance.get(name) for instance in instances] for name in features.categorical]
    if not (_all_of(numbers, _NUMBER) and _all_of(texts, _CATEGORY)):
        raise _first_mistake(instances, features, known)
    shape = (-1, len(instances))
    with np.errstate(over="ignore"):
        numeric = np.array(numbers, dtype=np.float32).reshape(shape)
    numeric[missing_numbers(numeric)] = np.nan
    written = [[value if type(value) is str else _text(value) for value in column] for column in texts]
    return Columns(numeric, np.array(written, dtype=object).reshape(shape))


def described(value: Any) -> str:
    """A JSON value as a reader would call it: its kind and, cut short, itself."""
    kind = next((word for kind, word in _KINDS.items() if isinstance(value, kind)), "")
    text = orjson.dumps(value).decode()
    return kind + (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _parsed(body: bytes | bytearray) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        not_json = b"NaN" in body or b"Infinity" in body
        raise RequestError(
            "body",
            expected="JSON",
            got=str(error),
            remedy="NaN and Infinity are not JSON: null is a missing value." if not_json else "",
        ) from None


def _all_of(table: Sequence[Sequence[Any]], types: frozenset[type]) -> bool:
    return all(types.issuperset(map(type, column)) for column in table)


def _text(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value == 0 or 1e-6 <= abs(value) < 1e10:  # where Arrow, which the server lacks, writes no exponent
        return np.format_float_positional(value, trim="-")
    return np.format_float_scientific(value, trim="-", exp_digits=1)


def _first_mistake(instances: Sequence[Any], features: Features, known: AbstractSet[str]) -> InstanceError:
    for index, instance in enumerate(instances):
        if not isinstance(instance, Mapping):
            return InstanceError(
                index, None, expected="an object of features by name", got=described(instance)
            )
        for field, value in instance.items():
            if field not in known:
                return InstanceError(
                    index,
                    None,
                    expected="the model's features",
                    got=f"the unknown field '{field[:_SHOWN]}'",
                    remedy=did_you_mean(field, known),
                )
            if field in features.numeric and type(value) not in _NUMBER:
                return InstanceError(index, field, expected="a number or null", got=described(value))
            if field in features.categorical and type(value) not in _CATEGORY:
                return InstanceError(
                    index, field, expected="a string, number, boolean or null", got=described(value)
                )
    raise AssertionError(instances)
