"""How a version reaches the endpoint, and how it is served there."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from configs.section import Section


class Serving(Section):
    """Limits of the prediction server."""

    max_batch_rows: PositiveInt = 1024
    """Instances in one request."""
    max_body_bytes: PositiveInt = 10_485_760
    max_wait_ms: NonNegativeFloat = 0.0
    """Micro-batching: how long the first request waits for company; 0: only for the batch that runs now."""
    micro_batch_rows: PositiveInt = 256
    """Requests that wait are joined up to this many instances; a larger request runs alone."""
    max_waiting_requests: PositiveInt = 1024
    """More than these are answered 503, with the time to retry after."""
    drain_seconds: NonNegativeFloat = 10.0
    """On SIGTERM: how long requests that were accepted may take."""
    reload_seconds: Annotated[float, Field(gt=0.0)] = 0.5
    """How often the endpoint's traffic is looked up."""
    threads: PositiveInt = 1
    """TensorFlow's, for one batch. One is the quickest for small batches and leaves cores to HTTP."""


class Deployment(Section):
    """How a version reaches the endpoint."""

    canary_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Traffic of a new version that passed; the champion keeps the rest until `promote`."""
    keep_versions: PositiveInt = 10
    tolerance: NonNegativeFloat = 1e-5
    """Largest difference between served and offline predictions."""
    start_seconds: PositiveInt = 120
    serving: Serving = Serving()
