"""A worker of the loopback Dataflow: runs the pipelines of jobs, one after the other, in its own process.

    python tests/contract/dataflow/executing.py FD

Reads a JSON line for each job, {"pipeline": "gs://…/pipeline.pb", "options": {…}}, and answers on the file
descriptor FD by {"counters": […]} or {"error": "Traceback …"}. It has the pipeline's code only as an image
has it: importable. Nothing of the submitting process is there but the staged pipeline.
"""

import json
import os
import sys
import traceback
from typing import Any

EMBEDDED = "beam:env:embedded_python:v1"
"""The environment that stands for the container of the image."""


def main(answers: int) -> None:
    """Run jobs until the input ends."""
    from apache_beam.internal.gcp import auth

    auth._Credentials._credentials_init = True  # else Beam looks for credentials for 20 s
    with os.fdopen(answers, "w", buffering=1) as out:
        for line in sys.stdin:
            request = json.loads(line)
            try:
                outcome: dict[str, Any] = {"counters": execute(request["pipeline"], request["options"])}
            except Exception:  # noqa: BLE001 - whatever a job may raise is reported
                outcome = {"error": traceback.format_exc()}
            out.write(json.dumps(outcome) + "\n")


def execute(uri: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a staged pipeline to its end; returns its counters."""
    from apache_beam.metrics.metric import MetricResults
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
    client = storage.Client(project="test", credentials=anonymous)
    staged = client.bucket(bucket).blob(name).download_as_bytes()
    pipeline = beam_runner_api_pb2.Pipeline.FromString(staged)
    for environment in pipeline.components.environments.values():
        environment.urn, environment.payload = EMBEDDED, b""
    temporary = PipelineOptions([f"--temp_location={options['temp_location']}"])
    result = FnApiRunner().run_via_runner_api(pipeline, temporary)
    result.wait_until_finish()
    return [
        {
            "step": found.key.step,
            "namespace": found.key.metric.namespace,
            "name": found.key.metric.name,
            "value": found.result,
        }
        for found in result.metrics().query()[MetricResults.COUNTERS]
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
