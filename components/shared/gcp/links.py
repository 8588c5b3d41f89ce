"""Links to Google Cloud's console, made from the full names of resources.

A stage that starts something elsewhere says its full name in its summary or in a JSON of its outputs, such as
`projects/P/locations/L/jobs/J` for a Dataflow job: the link follows by itself.
"""

import json
import re
import urllib.parse
from typing import Any

_CONSOLE = "https://console.cloud.google.com"
_NAME = re.compile(
    r"projects/(?P<project>[\w.:-]+)/locations/(?P<location>[\w-]+)/"
    r"(?P<kind>pipelineJobs|customJobs|endpoints|models|jobs|schedules|tensorboards)/"
    r"(?P<id>[\w-]+)(?:@(?P<version>[\w-]+))?"
)
_PAGES = {
    "pipelineJobs": ("pipeline job", "vertex-ai/locations/{location}/pipelines/runs/{id}"),
    "customJobs": ("custom job", "vertex-ai/locations/{location}/training/{id}"),
    "endpoints": ("endpoint", "vertex-ai/online-prediction/locations/{location}/endpoints/{id}"),
    "models": ("model version", "vertex-ai/models/locations/{location}/models/{id}/versions/{version}"),
    "jobs": ("Dataflow job", "dataflow/jobs/{location}/{id}"),
    "schedules": ("schedule", "vertex-ai/locations/{location}/pipelines/schedules/{id}"),
    "tensorboards": ("TensorBoard", "vertex-ai/experiments/locations/{location}/tensorboard-instances/{id}"),
}


def job_name(project: str, location: str, run_id: str) -> str:
    """The full name of a run's pipeline job."""
    return f"projects/{project}/locations/{location}/pipelineJobs/{run_id}"


def of(*contents: Any) -> dict[str, str]:
    """The console's page for every resource that is named in these, by what it is.

    Where there are two of a kind, their ids are in the titles.
    """
    found: dict[str, str] = {}
    for content in contents:
        for match in _NAME.finditer(json.dumps(content)):
            title, page = _PAGES[match["kind"]]
            version = match["version"] or "default"
            filled = page.format(location=match["location"], id=match["id"], version=version)
            link = f"{_CONSOLE}/{filled}?project={match['project']}"
            if link not in found.values():
                found[title if title not in found else f"{title} {match['id']}"] = link
    return found


def delivered(output: str, project: str) -> str:
    """The page of a table of BigQuery or a folder of Cloud Storage; empty for a folder of this machine."""
    kind, _, place = output.partition("://")
    if kind == "bq":
        owner, dataset, table = place.split(".")
        return f"{_CONSOLE}/bigquery?p={owner}&d={dataset}&t={table}&page=table&project={project or owner}"
    if kind == "gs":
        return f"{_CONSOLE}/storage/browser/{place.strip('/')}" + (f"?project={project}" if project else "")
    return ""


def experiment(project: str, location: str, name: str) -> str:
    """The page where the runs of an experiment are compared."""
    return f"{_CONSOLE}/vertex-ai/experiments/locations/{location}/experiments/{name}/runs?project={project}"


def logs(job: str) -> str:
    """The log of the custom job that a task ran as."""
    found = _NAME.fullmatch(job)
    if found is None:
        return ""
    query = urllib.parse.quote(f'resource.type="ml_job"\nresource.labels.job_id="{found["id"]}"', safe="")
    return f"{_CONSOLE}/logs/query;query={query}?project={found['project']}"
