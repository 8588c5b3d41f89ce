"""How queries run on BigQuery, and as whom."""

from typing import Annotated

from pydantic import Field, PositiveInt

from configs.section import Section

LabelKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
LabelValue = Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")]


class BigQuery(Section):
    """How queries run."""

    location: Annotated[str, Field(pattern=r"^([A-Za-z]+|[a-z]+-[a-z]+[0-9])?$", examples=["US"])] = ""
    """Of datasets and jobs: a region, US or EU; empty: the project's region."""
    maximum_bytes_billed: PositiveInt = 100 * 2**30
    """A query that would scan more is rejected before it costs anything."""
    temporary_dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,1024}$")] = "pipeline_temporary"
    """Holds a query's rows until they are exported; its tables expire."""
    expire_hours: PositiveInt = 24
    require_partition_filter: tuple[Annotated[str, Field(pattern=r"^\w+\.\w+$")], ...] = ()
    """Tables (`dataset.table`) that a query must filter by their partition column."""


class BigQueryAccess(Section):
    """What a stage needs to ask BigQuery: who pays, where, with which limits, under which labels."""

    project: str
    """Pays for the queries and holds the temporary dataset."""
    location: str = ""
    """Of datasets and jobs; empty: as BigQuery finds it."""
    bigquery: BigQuery = BigQuery()
    kms_key: str = ""
    labels: dict[LabelKey, LabelValue] = {}
    """On every job, table and dataset."""
    seed_command: str = ""
    """Loads the sample data; empty: the use case has none."""
