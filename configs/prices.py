"""The prices of Google Cloud: the file behind `plan`, strict; each price has its day and its basis."""

import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from configs.loading import CONFIGS, read_section
from configs.section import Section
from configs.stages import stage_spec

FILE = CONFIGS / "prices.yaml"
_DAYS_A_MONTH = 30.44
USD = Annotated[float, Field(ge=0.0)]
Basis = Literal["listed", "computed", "memory"]


class Range(Section):
    """A figure that is known to lie between two."""

    low: Annotated[float, Field(ge=0.0)]
    high: Annotated[float, Field(ge=0.0)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} above high {self.high}")
        return self


class Dated(Section):
    """A figure with the day on which it was so, and how that is known."""

    as_of: datetime.date
    basis: Basis
    """listed: somebody read it off Google's list; computed: from listed prices alone; memory: neither."""
    from_: Annotated[str, Field(alias="from")] = ""
    """From what it is computed, or where it comes from."""

    @model_validator(mode="after")
    def _computed_from_something(self) -> Self:
        if self.basis == "computed" and not self.from_:
            raise ValueError("basis computed without `from`: say from which listed prices")
        return self


class Price(Dated):
    """USD for one unit; the key names the unit."""

    usd: USD


class Machine(Dated):
    """An hour of a family of machines, USD."""

    cpu: USD
    gb: USD
    """Of memory."""


class Factor(Range, Dated):
    """What a price is multiplied by."""


class Regions(Dated):
    """What machines cost elsewhere, as a factor over the prices here."""

    home: str
    """The region of the prices here."""
    factors: dict[str, PositiveFloat]
    others: Range
    """Of a region that is not named."""


class BigQueryPrices(Section):
    """Queries on demand, and storage."""

    scanned_tib: Price
    stored_gb_month: Price


class DataflowPrices(Section):
    """Batch workers, an hour; Dataflow's own fee is in them."""

    cpu_hour: Price
    gb_hour: Price
    flexrs_cpu_hour: Price
    flexrs_gb_hour: Price
    disk_gb_hour: Price
    shuffled_gb: Price


class VertexPrices(Section):
    """Vertex AI, over the price of machines; where it lists a machine or an accelerator, that is taken."""

    pipeline_run: Price
    management: Factor
    """On the price of machines and accelerators, in training and in prediction."""
    spot: Factor
    """Of the price on demand."""
    disk_gb_month: Price
    training: dict[str, Price]
    """Whole machines without accelerators, an hour."""
    prediction: dict[str, Price]
    """The same behind an endpoint."""
    accelerators: dict[str, Price]


class StoragePrices(Section):
    """Cloud Storage, standard class."""

    gb_month: Price
    kept: Range
    """Bytes that a run keeps, and that Dataflow shuffles, over bytes that its query scans."""


def stage_minutes(stage: str) -> Range:
    """How long a stage of one run takes, the start of its machine included."""
    low, high = stage_spec(stage).minutes
    return Range(low=low, high=high)


class Prices(Section):
    """List prices in USD."""

    about: str
    """What they are, and what they leave out."""
    stale_after_months: PositiveInt
    regions: Regions
    bigquery: BigQueryPrices
    dataflow: DataflowPrices
    machines: dict[str, Machine]
    accelerators: dict[str, Price]
    vertex: VertexPrices
    storage: StoragePrices
    minutes: str
    """On what the minutes of the stages (configs/stages.py) are based."""

    def region(self, location: str) -> Factor:
        """The factor of a region, as far as it is known; the home region's is 1 by definition."""
        regions = self.regions
        if location == regions.home:
            return Factor(low=1.0, high=1.0, as_of=datetime.date.max, basis="listed")
        factor = regions.factors.get(location)
        low, high = (factor, factor) if factor else (regions.others.low, regions.others.high)
        return Factor(low=low, high=high, as_of=regions.as_of, basis=regions.basis)


def months_between(earlier: datetime.date, later: datetime.date) -> int:
    """Whole months."""
    return int((later - earlier).days / _DAYS_A_MONTH)


def load_prices(path: Path = FILE) -> Prices:
    """The prices of a file.

    Raises:
        SettingsError: It is no YAML, or a key is unknown, missing or impossible.
    """
    return read_section(path, Prices)
