"""Batch prediction: which rows are scored, and where the scores go."""

from typing import Annotated

from pydantic import Field, PositiveInt

from configs.section import Section
from configs.values import Column, Fraction, Parameter

PREDICTED: tuple[str, ...] = (
    "score",
    "prediction",
    "model_name",
    "model_version",
    "scored_at",
    "run_id",
)
"""The columns of a prediction, after its key and what is carried along."""


class Prediction(Section):
    """Batch prediction: which rows are scored, and where the scores go. No label is needed."""

    uri: str = ""
    """Where the rows come from, as `source.uri`; empty: from there."""
    query: str = ""
    """A SQL file beside the YAML that returns the key and the model's raw features; in it, the rows of
    `source.query` are the table `examples`. Empty: the rows of the source, whatever their label."""
    sql: str = ""
    """The text of that file, filled in when the settings are read."""
    parameters: dict[str, Parameter] = {}
    """Values of its `@name` parameters, beside those of the source."""
    columns: tuple[Column, ...] = ()
    """Carried along to the predictions, beside the key."""
    output: Annotated[
        str, Field(pattern=r"^((file|gs)://.+|bq://[^./]+\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+)?$")
    ] = ""
    """`file://FOLDER` or `gs://BUCKET/FOLDER` (Parquet, a folder for each run), or
    `bq://PROJECT.DATASET.TABLE`; empty: the folder predictions/ below places.root."""
    batch_rows: PositiveInt = 8192
    """Rows scored at once."""
    max_rejected: Fraction = 0.01
    """A larger share of rows that cannot be scored stops the run."""
