"""A pipeline as a job on Dataflow: submitted, followed to its end, and cancelled with its stage."""

import contextlib

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions
from apache_beam.runners.runner import PipelineResult

from components.shared.beam.counts import Work
from components.shared.beam.dataflow_job import ENDED, Job, Snapshot, translate_dataflow_errors
from components.shared.files.gcs import reading as gcs_reading
from components.shared.gcp.retry import poll, unanswered, with_retries
from components.shared.stage.signals import Signals


def run(pipeline: beam.Pipeline, work: Work) -> PipelineResult:
    """Submit a pipeline as a job and follow it to its end.

    Returns:
        Beam's result; its metrics are there.

    Raises:
        JobError: The job failed, or somebody cancelled it.
        CloudError: Dataflow rejects it, or does not answer.
        PlaceError: The bucket of temporary files is missing or closed to us.
        KeyboardInterrupt: The stage has to stop, by Ctrl-C or SIGTERM; the job is cancelled.
    """
    with Signals() as signals, translate_dataflow_errors(pipeline.options):
        with signals.deferred():  # a job whose id is not known yet could not be cancelled
            result = _submit(pipeline, work)
        job = Job(pipeline.options, result.job_id())
        try:
            signals.raise_pending()
            _follow(job, result, work)
        except BaseException:
            job.cancel()
            raise
        _ = with_retries(lambda: result.state)()  # Beam keeps the metrics of a job that it knows has ended
        with_retries(result.metrics().query)()
    return result


def _submit(pipeline: beam.Pipeline, work: Work) -> PipelineResult:
    """Submit a job. Beam appends to the places in the options, which the next job must not inherit."""
    from google.api_core.exceptions import TooManyRequests

    cloud = pipeline.options.view_as(GoogleCloudOptions)
    before = cloud.temp_location, cloud.staging_location, cloud.job_name
    cloud.job_name = f"{cloud.job_name}-{work.name}" if cloud.job_name else None
    for place in filter(None, {cloud.temp_location, cloud.staging_location}):
        gcs_reading.check(place)  # Beam would try for six minutes
    try:
        return with_retries(pipeline.run, only=TooManyRequests)()  # Beam itself repeats after the rest
    finally:
        cloud.temp_location, cloud.staging_location, cloud.job_name = before


def _follow(job: Job, result: PipelineResult, work: Work) -> None:
    """Show the progress of the job until it has ended.

    Raises:
        JobError: It did not end well.
    """
    done = 0

    def look() -> Snapshot:
        nonlocal done
        now = job.fetch()
        if now.state not in ENDED:
            with contextlib.suppress(*unanswered()):  # a request that fails is no reason to stop
                done = max(done, work.done(result))
            work.show(done, what=f"{work.what}: Dataflow {now}", job=job.name)
        return now

    last = poll(look, lambda now: now.state in ENDED)
    if last.state != "DONE":
        raise job.failure(last)
    work.show(work.total, job=job.name)
