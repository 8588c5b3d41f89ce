"""Beam's options in an environment, and what the record of a stage says of its jobs."""

import os
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)

from components.shared.beam.dataflow_job import _one_line, _reason
from components.shared.beam.options import pipeline_options, runs_elsewhere, runs_on_dataflow
from components.shared.files.artifacts import read_json
from components.shared.stage.recording import RECORDS_VARIABLE, stage
from configs.dataflow import beam
from configs.errors import SettingsError
from configs.loading import load
from configs.places import Beam

JOB = "projects/p/locations/us-central1/jobs/2026-11-25_01"


def test_this_machine_knows_nothing_of_dataflow() -> None:
    assert beam(load("flights")) == Beam()
    assert beam(load("flights", overrides=["beam.options=[--runner=DirectRunner]"])).options == (
        "--runner=DirectRunner",
    )


@pytest.mark.parametrize("environment", ["dev", "test", "prod"])
def test_beam_takes_every_option_of_an_environment(environment: str) -> None:
    settings = load("flights", environment)
    assert settings.cloud
    parsed = pipeline_options(beam(settings))
    assert runs_on_dataflow(parsed)
    assert runs_elsewhere(parsed)
    cloud, workers = parsed.view_as(GoogleCloudOptions), parsed.view_as(WorkerOptions)
    assert (cloud.project, cloud.region) == (settings.cloud.project, "us-central1")
    assert cloud.temp_location == f"gs://{settings.cloud.bucket}/dataflow/temp"
    assert cloud.service_account_email == settings.cloud.identities.dataflow
    assert cloud.labels == ["use_case=flights", f"environment={environment}"]
    assert not cloud.no_auth
    assert workers.sdk_container_image == settings.image
    assert (workers.num_workers, workers.max_num_workers) == (1, settings.cloud.dataflow.max_workers)
    assert workers.use_public_ips is False
    assert parsed.view_as(SetupOptions).save_main_session is False
    assert not parsed.view_as(StandardOptions).streaming


def test_the_user_has_the_last_word() -> None:
    settings = load(
        "flights",
        "dev",
        ["cloud.dataflow.options=[--worker_machine_type=c2-standard-8, --experiments=enable_prime]"],
    )
    parsed = pipeline_options(beam(settings))
    assert parsed.view_as(WorkerOptions).machine_type == "c2-standard-8"
    assert parsed.view_as(DebugOptions).experiments == [
        "disable_logging_submission_environment",
        "enable_prime",
    ]


def test_another_runner_leaves_dataflow_out() -> None:
    settings = load("flights", "dev", ["cloud.dataflow.options=[--runner=FnApiRunner]"])
    assert beam(settings).options == ("--runner=FnApiRunner",)
    assert not runs_elsewhere(pipeline_options(beam(settings)))


def test_what_costs_less_and_what_encrypts_is_requested_only_where_it_is_set() -> None:
    plain = beam(load("flights", "dev")).options
    assert not [option for option in plain if option.startswith(("--flexrs", "--dataflow_kms", "--no_auth"))]
    key = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
    options = beam(
        load(
            "flights", "dev",
            [f"cloud.kms_key={key}", "cloud.dataflow.flexrs=true", "cloud.network.public_ips=true"],
        )
    ).options  # fmt: skip
    assert {"--flexrs_goal=COST_OPTIMIZED", f"--dataflow_kms_key={key}", "--use_public_ips"} <= set(options)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["cloud.dataflow.workers=9"], "workers 9 above max_workers 4"),
        (
            ["cloud.dataflow.flexrs=true", "cloud.dataflow.autoscaling=NONE"],
            "set autoscaling THROUGHPUT_BASED",
        ),
        (["cloud.network.subnetwork=pipeline"], "subnetworks"),
        (["cloud.location=europe-west4"], "subnetworks/pipeline is not in location europe-west4"),
    ],
)
def test_what_dataflow_would_reject_is_rejected_here(overrides: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load("flights", "dev", overrides)


def test_a_record_names_the_jobs_at_once_and_in_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, RECORDS_VARIABLE, str(tmp_path))
    with stage("transform") as record:
        record.progress("learn: Dataflow running", 1, 3, job=JOB)
        assert read_json(tmp_path / "transform.stage.json")["jobs"] == [JOB]
        record.progress("learn: Dataflow running", 2, 3, job=JOB)
        record.summary({"rows": 3})
    found = read_json(tmp_path / "transform.stage.json")
    assert found["summary"] == {"rows": 3, "jobs": JOB}
    assert "progress" not in found


def test_a_record_without_a_watched_folder_tells_the_progress_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kfp import dsl

    from components.shared.stage import recording

    monkeypatch.delenv(RECORDS_VARIABLE, raising=False)
    monkeypatch.setattr(recording, "_RECORD_SECONDS", 0.0)
    examples = dsl.Artifact(name="examples", uri=str(tmp_path / "examples"))
    (tmp_path / "examples").mkdir()
    with stage("transform", outputs={"examples": examples}) as record:
        record.progress("write", 1, 3)
        found = read_json(tmp_path / "transform.stage.json")
        assert found["progress"] == {"what": "write", "done": 1, "total": 3}


def test_of_many_messages_the_one_that_describes_it_is_reported() -> None:
    attempts = "Root cause: The worker lost contact. A work item was attempted 4 times without success."
    failed = "Workflow failed. Causes: S02:Spread failed."
    trace = (
        'Traceback (most recent call last):\n  File "x.py", line 1, in process\n    raise error\n'
        "configs.errors.DataError: a column: expected this, got that. Fix it.\n\nDuring handling …\n\n"
        'Traceback (most recent call last):\n  File "x.py", line 2\n    raise other\n'
        "RuntimeError: configs.errors.DataError: a column: expected this, got that. Fix it. "
        "[while running 'Write']\n\n"
    )  # fmt: skip
    said = "DataError: a column: expected this, got that. Fix it. [while running 'Write']"
    assert _reason([attempts, trace, failed]) == said
    assert _reason([attempts, failed]) == failed
    assert _reason([attempts]) == attempts
    assert _one_line("two\nlines ") == "two lines"
    assert len(_reason(["x" * 9000])) == 400
