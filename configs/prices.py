"""What Google Cloud asks for: the dated price file behind `plan`, typed and strict."""

import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from configs.loading import CONFIGS, read_section
from configs.section import Section

FILE = CONFIGS / "prices.yaml"
_DAYS_A_MONTH = 30.44
Price = Annotated[float, Field(ge=0.0)]
"""USD."""


class Range(Section):
    """A figure that is known to lie between two."""

    low: Annotated[float, Field(ge=0.0)]
    high: Annotated[float, Field(ge=0.0)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} above high {self.high}")
        return self


class Machine(Section):
    """An hour of a family of machines."""

    cpu: Price
    gb: Price
    """Of memory."""


class BigQueryPrices(Section):
    """Queries on demand."""

    scanned_tib: Price


class DataflowPrices(Section):
    """Batch workers, an hour; Dataflow's own fee is in them."""

    cpu_hour: Price
    gb_hour: Price
    disk_gb_hour: Price
    shuffled_gb: Price
    flexrs: Annotated[float, Field(gt=0.0, le=1.0)]
    """Of the price of CPUs and memory."""


class VertexPrices(Section):
    """Vertex AI, over the price of machines."""

    pipeline_run: Price
    management: Annotated[float, Field(ge=1.0)]
    spot: Range
    """Of the price on demand."""
    disk_gb_month: Price


class StoragePrices(Section):
    """Cloud Storage, standard class."""

    gb_month: Price
    kept: Range
    """Bytes that a run keeps, and that Dataflow shuffles, over bytes that its query scans."""


class Minutes(Section):
    """How long the stages of one run take, the start of their machines included."""

    basis: str
    resolve: Range
    ingest: Range
    validate_: Annotated[Range, Field(alias="validate")]
    transform: Range
    train: Range
    evaluate: Range
    deploy: Range

    def of(self, stage: str) -> Range:
        """Of a stage by its name."""
        found: Range = getattr(self, "validate_" if stage == "validate" else stage)
        return found


class Prices(Section):
    """List prices of a day, in USD."""

    as_of: datetime.date
    """The day on which they were held against Google's lists."""
    basis: str
    """What they are, and what they leave out."""
    stale_after_months: PositiveInt
    regions: dict[str, PositiveFloat]
    """Factor over the prices here."""
    other_regions: Range
    bigquery: BigQueryPrices
    dataflow: DataflowPrices
    machines: dict[str, Machine]
    accelerators: dict[str, Price]
    vertex: VertexPrices
    storage: StoragePrices
    minutes: Minutes

    def region(self, location: str) -> Range:
        """The factor of a region, as far as it is known."""
        factor = self.regions.get(location)
        return self.other_regions if factor is None else Range(low=factor, high=factor)

    def months_old(self, today: datetime.date) -> int:
        """Whole months since `as_of`."""
        return int((today - self.as_of).days / _DAYS_A_MONTH)


def load_prices(path: Path = FILE) -> Prices:
    """The prices of a file.

    Raises:
        SettingsError: It is no YAML, or a key is unknown, missing or impossible.
    """
    return read_section(path, Prices)
