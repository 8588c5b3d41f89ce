"""Every stage of a run in a container: a number for a user, a root that is read-only, no network."""

import json
from pathlib import Path


def test_the_whole_pipeline_runs_in_confined_containers(run: Path) -> None:
    deployed = json.loads(next(run.rglob("deployment.json")).read_text())
    endpoint = json.loads((run / "registry/planes/endpoint.json").read_text())["endpoint"]

    assert deployed["version"] == 1
    assert endpoint["traffic"] == {"1": 100}


def test_what_a_stage_writes_belongs_to_the_images_user(run: Path) -> None:
    saved_model = next(run.rglob("saved_model.pb"))

    assert (saved_model.stat().st_uid, saved_model.stat().st_gid) == (10001, 10001)
