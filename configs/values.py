"""What single values of the settings look like."""

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictFloat, StrictInt


def _in_utc(instant: datetime.datetime) -> datetime.datetime:
    """An instant without a zone is meant in UTC."""
    if instant.tzinfo is None:
        return instant.replace(tzinfo=datetime.UTC)
    return instant.astimezone(datetime.UTC)


def _as_text(value: object) -> object:
    """A value as it is written: YAML's true and 1 are meant as the texts true and 1."""
    return str(value).lower() if isinstance(value, bool | int | float) else value


def _written_as_a_day(value: object) -> object:
    """Without a time: an instant is none, not even at midnight."""
    if isinstance(value, datetime.datetime) or (
        isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    ):
        raise ValueError("not written like 2013-09-01")
    return value


def _written_as_a_date(value: object) -> object:
    """Only what looks like one: 2013-09-01, with or without a time (numbers stay numbers)."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("not written like 2013-09-01")
    return value


Instant = Annotated[datetime.datetime, AfterValidator(_in_utc)]
Text = Annotated[str, BeforeValidator(_as_text)]
_Scalar = Annotated[
    StrictBool
    | StrictInt
    | StrictFloat
    | Annotated[datetime.date, BeforeValidator(_written_as_a_day)]
    | Annotated[Instant, BeforeValidator(_written_as_a_date)]
    | str,
    Field(union_mode="left_to_right"),
]
Parameter = _Scalar | list[_Scalar]
"""A query's parameter: BOOL, INT64, FLOAT64, DATE, TIMESTAMP or STRING, by how it is written; or an ARRAY."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
