"""The bytes that the query will scan, from a dry run in BigQuery: free, and nothing runs."""

import os

from components.shared.gcp.endpoints import VARIABLES, stands_in_for_google
from configs.cloud import Cloud
from configs.errors import BusyError, QueryError, SourceError
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions
from pipelines.plan.lines import Scanned


def scan(settings: Settings, cloud: Cloud, pipeline: Pipeline = "training") -> Scanned:
    """The bytes of a pipeline's query; without an answer, from none to the most that is allowed.

    Raises:
        QueryError: The query is wrong, names what is not there, or would scan more than is allowed.
    """
    source, how, access = definitions.of(pipeline).reads(settings)
    if not source.uri.startswith("bq://"):
        return Scanned(0, 0, f"none: the rows come from {source.uri}")
    limit = cloud.bigquery.maximum_bytes_billed
    if stands_in_for_google() and not os.environ.get("BIGQUERY_EMULATOR_HOST"):
        return Scanned(0, limit, "unknown", f"{VARIABLES['aiplatform']} stands in for Google Cloud")
    from components.shared.sources import open_source

    try:
        with open_source(source.uri, how, access).rows(source) as rows:
            scanned = rows.estimate.get("scanned_bytes", 0)
    except QueryError:
        raise
    except (SourceError, BusyError) as error:  # nobody is logged in, or nobody answers
        return Scanned(0, limit, "unknown", str(error))
    return Scanned(scanned, scanned, "dry run")
