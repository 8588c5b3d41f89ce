"""Jobs on Dataflow, by the unmodified clients against a server on loopback: followed and cancelled."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from components.shared.beam import dataflow_job
from components.shared.beam.counts import Work
from components.shared.beam.dataflow_job import cancel_run
from components.shared.beam.options import pipeline_options
from components.shared.beam.running import run
from components.shared.files.gcs_path import BucketPath
from configs.dataflow import beam as beam_settings
from configs.errors import CloudError, JobError, PlaceError, SettingsError
from configs.loading import load
from configs.settings import Settings
from pipelines.runners import following
from pipelines.runs import begin_manifest, new_run
from tests.contract.dataflow.jobs import Fate, Job, State
from tests.contract.dataflow.server import DataflowServer
from tests.contract.storage.server import StorageServer
from tests.contract.vertex import small


@dataclass
class ShownProgress:
    """Progress that is kept."""

    lines: list[tuple[str, int, int | None, str]] = field(default_factory=list)

    def __call__(self, what: str, done: int, total: int | None = None, *, job: str = "") -> None:
        """As the stages' progress."""
        self.lines.append((what, done, total, job))

    @property
    def words(self) -> str:
        """All that was shown."""
        return "\n".join(line[0] for line in self.lines)


def work(progress: Any, total: int = 3) -> Work:
    return Work(name="count", what="counting", total=total, done=counted, progress=progress)


def counted(result: Any) -> int:
    found = result.metrics().query()["counters"]
    return sum(int(each.result) for each in found if each.key.metric.name == "rows")


@dataclass
class Workspace:
    """Submits small pipelines."""

    server: DataflowServer
    bucket: BucketPath
    run_id: str = "flights-20261125-1"

    def settings(self, *overrides: str) -> Settings:
        """Those of `dev`, at the loopback server."""
        name = str(self.bucket).removeprefix("gs://").rstrip("/")
        here = [
            f"cloud.project={self.server.project}",
            f"cloud.bucket={name}",
        ]
        return load("flights", "dev", [*here, *overrides])

    def options(self, *more: str) -> PipelineOptions:
        """Those of a job of this run."""
        configured = beam_settings(self.settings(f"cloud.dataflow.options={list(more)}"))
        return pipeline_options(configured, "transform", self.bucket / self.run_id / "task_1" / "examples")

    def run(self, values: list[Any], step: Callable[[Any], Any], *more: str, progress: Any = None) -> Any:
        """Run a pipeline of one step."""
        pipeline = beam.Pipeline(options=self.options(*more))
        _ = pipeline | beam.Create(values, reshuffle=False) | beam.Map(step)
        return run(pipeline, work(progress or ShownProgress()))

    @property
    def job(self) -> Job:
        """The only one."""
        (found,) = self.server.jobs.values()
        return found


@pytest.fixture
def workspace(dataflow: DataflowServer, bucket: BucketPath) -> Workspace:
    return Workspace(dataflow, bucket)


def test_a_job_is_followed_to_its_end(workspace: Workspace) -> None:
    progress = ShownProgress()
    result = workspace.run([1, 2, 3], abs, progress=progress)
    assert workspace.job.state == State.JOB_STATE_DONE
    assert result.state == "DONE"
    assert "counting: Dataflow starting" in progress.words
    assert "counting: Dataflow running · 1 worker · Starting 1 workers in us-central1..." in progress.words
    assert progress.lines[-1][:3] == ("counting", 3, 3)
    assert {line[3] for line in progress.lines} == {
        f"projects/local-project/locations/us-central1/jobs/{workspace.job.message.id}"
    }


def test_a_name_says_stage_and_run_and_two_jobs_share_no_place(workspace: Workspace) -> None:
    options = workspace.options()
    before = options.get_all_options()
    for name in ("one", "two"):
        pipeline = beam.Pipeline(options=options)
        _ = pipeline | beam.Create([1], reshuffle=False) | beam.Map(abs)
        run(pipeline, Work(name=name, what="", total=1, done=counted, progress=ShownProgress()))
    jobs = list(workspace.server.jobs.values())
    assert [job.message.name for job in jobs] == [
        "transform-flights-20261125-1-one",
        "transform-flights-20261125-1-two",
    ]
    for job in jobs:
        assert dict(job.message.labels)["run"] == "flights-20261125-1"
        assert dict(job.message.labels)["stage"] == "transform"
        assert str(job.options["staging_location"]).count("/") == 5
    assert jobs[0].options["staging_location"] != jobs[1].options["staging_location"]
    after = options.get_all_options()
    for name in ("temp_location", "staging_location", "job_name"):
        assert after[name] == before[name]


@pytest.mark.parametrize(
    "name", ["Flights_2026.11", "x" * 90, "-run-", "", "1234", "flights-20261125-100000-ab12"]
)
def test_any_run_gives_a_valid_name(workspace: Workspace, name: str) -> None:
    configured = beam_settings(load("flights", "dev"))
    out = workspace.bucket / (name or "x") / "task" / "out"
    cloud = pipeline_options(configured, "evaluate", out).view_as(GoogleCloudOptions)
    from tests.contract.dataflow.server import _LABEL, _NAME

    assert _NAME.fullmatch(f"{cloud.job_name}-score")
    assert all(_LABEL[1].fullmatch(label.partition("=")[2]) for label in cloud.labels)


# --- a service that is busy or away -------------------------------------------------------------


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_busy_service_is_called_again(workspace: Workspace, status: Any) -> None:
    for rpc in ("CreateJob", "GetJob", "ListJobMessages"):
        workspace.server.faults.reject(rpc, status)
    workspace.run([1], abs)
    assert [fault.times for fault in workspace.server.faults.waiting] == [0, 0, 0]
    assert workspace.job.state == State.JOB_STATE_DONE


def test_counters_are_fetched_again_at_the_end(workspace: Workspace) -> None:
    workspace.server.faults.reject("GetJobMetrics", "RESOURCE_EXHAUSTED", times=6)
    result = workspace.run([1], abs)
    assert workspace.server.faults.waiting[0].times == 0
    assert result.metrics().query()["counters"] is not None


def test_a_job_whose_creation_was_not_answered_is_no_second_job(workspace: Workspace) -> None:
    workspace.server.faults.lose_answer("CreateJob")
    workspace.run([1], abs)
    assert workspace.server.calls.count("CreateJob") == 2
    assert workspace.job.state == State.JOB_STATE_DONE


def test_a_job_that_is_not_known_yet_is_waited_for(workspace: Workspace) -> None:
    workspace.server.faults.reject("GetJob", "NOT_FOUND")
    workspace.run([1], abs)
    assert workspace.job.state == State.JOB_STATE_DONE


def test_flexible_scheduling_is_waited_for(workspace: Workspace) -> None:
    progress = ShownProgress()
    workspace.server.fates = [Fate(queued=True, pending_looks=3)]
    workspace.run([1], abs, "--flexrs_goal=COST_OPTIMIZED", progress=progress)
    assert "counting: Dataflow queued (FlexRS)" in progress.words
    assert workspace.job.message.environment.flex_resource_scheduling_goal.name == "FLEXRS_COST_OPTIMIZED"


# --- jobs that end otherwise --------------------------------------------------------------------


@pytest.mark.parametrize("late", [0, 3])
def test_a_failed_job_is_described_in_one_line(workspace: Workspace, late: int) -> None:
    workspace.server.fates = [Fate(late_words=late)]
    with pytest.raises(JobError) as raised:
        workspace.run(["seven"], int)
    line, job = str(raised.value), workspace.job.message.id
    assert "\n" not in line
    assert f"Dataflow job {job}: expected a job that ends well, got " in line
    assert "ValueError: invalid literal for int() with base 10: 'seven'" in line
    assert f"https://console.cloud.google.com/dataflow/jobs/us-central1/{job}?project=local-project" in line
    assert line.endswith(f"gcloud dataflow jobs show {job} --region=us-central1 --project=local-project")
    assert "UpdateJob" not in workspace.server.calls


def test_our_own_error_in_a_worker_says_what_it_says_here(workspace: Workspace) -> None:
    from components.shared.files.paths import place
    from components.shared.rows.parquet import read_schema

    missing = str(workspace.bucket / "rows" / "train" / "part-00000.parquet")
    with pytest.raises(
        JobError, match=r"got UnreadableFileError: gs://.*part-00000\.parquet: expected a whole"
    ):
        workspace.run([missing], lambda uri: read_schema(place(uri)))


def test_a_failure_without_a_word_is_not_waited_for_for_ever(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataflow_job, "_REASON_SECONDS", 1.0)
    workspace.server.fates = [Fate(late_words=1000)]
    with pytest.raises(JobError) as raised:
        workspace.run(["seven"], int)
    assert raised.value.got == "a failure without a message"


def test_a_job_that_somebody_cancelled_is_reported_so(workspace: Workspace) -> None:
    with (
        meanwhile(workspace, lambda: cancel_run(workspace.options(), "flights-20261125-1")) as found,
        pytest.raises(JobError, match="got cancelled"),
    ):
        workspace.run([60], time.sleep)
    assert found == [[workspace.job.message.id]]


@pytest.mark.usefixtures("vertex")
def test_cancelling_a_run_cancels_its_jobs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small.compile_to(tmp_path / "pipeline.yaml", seconds=60.0)
    settings = workspace.settings(f"places.root={workspace.bucket / 'runs'}")
    folder = new_run(settings)
    begin_manifest(folder, settings, "python -m pipelines run flights")
    following.start(folder, settings, tmp_path / "pipeline.yaml")
    workspace.run_id = folder.name
    with (
        meanwhile(workspace, lambda: following.cancel(folder)),
        pytest.raises(JobError, match="got cancelled"),
    ):
        workspace.run([60], time.sleep)


def test_a_job_of_another_run_is_not_cancelled_with_it(workspace: Workspace) -> None:
    with meanwhile(workspace, lambda: cancel_run(workspace.options(), "flights-20261125-2")) as found:
        workspace.run([1], time.sleep)
    assert found == [[]]
    assert workspace.job.state == State.JOB_STATE_DONE


def test_a_job_that_an_earlier_attempt_left_running_is_named(workspace: Workspace) -> None:
    def again() -> CloudError:
        with pytest.raises(CloudError) as raised:
            workspace.run([1], abs)
        return raised.value

    with meanwhile(workspace, again) as found:
        workspace.run([3], time.sleep)
    job = workspace.job.message.id
    (error,) = found
    assert f"gcloud dataflow jobs cancel {job} --region=us-central1 --project=local-project" in str(error)


# --- stopped ------------------------------------------------------------------------------------


@contextlib.contextmanager
def meanwhile(workspace: Workspace, do: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do something once a job runs; yields what it returned."""
    found: list[Any] = []

    def wait() -> None:
        while not any(job.state == State.JOB_STATE_RUNNING for job in list(workspace.server.jobs.values())):
            time.sleep(0.02)
        found.append(do())

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    yield found
    thread.join(30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stage_that_is_stopped_cancels_its_job(
    workspace: Workspace, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    with (
        meanwhile(workspace, lambda: os.kill(os.getpid(), number)),
        pytest.raises(KeyboardInterrupt, match=f"stopped by {number.name}"),
    ):
        workspace.run([60], time.sleep)
    assert workspace.job.message.current_state in {State.JOB_STATE_CANCELLING, State.JOB_STATE_CANCELLED}
    assert f"Dataflow job {workspace.job.message.id} is being cancelled" in capfd.readouterr().out
    assert signal.getsignal(number) is before


def test_a_stop_while_the_job_is_submitted_cancels_it_too(
    workspace: Workspace, storage_server: StorageServer
) -> None:
    create = workspace.server._create

    def stopped(body: bytes) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)
        return create(body)

    workspace.server._create = stopped  # type: ignore[method-assign]
    try:
        with pytest.raises(KeyboardInterrupt, match="stopped by SIGTERM"):
            workspace.run([60], time.sleep)
    finally:
        del workspace.server._create
    assert workspace.job.message.current_state == State.JOB_STATE_CANCELLING
    assert storage_server.answered


def test_a_job_that_cannot_be_cancelled_says_how(
    workspace: Workspace, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace.server.faults.reject("UpdateJob", "PERMISSION_DENIED")
    with meanwhile(workspace, lambda: os.kill(os.getpid(), signal.SIGTERM)), pytest.raises(KeyboardInterrupt):
        workspace.run([1], time.sleep)
    assert f"gcloud dataflow jobs cancel {workspace.job.message.id} " in capfd.readouterr().out


# --- rejected ------------------------------------------------------------------------------------


def test_a_missing_role_is_named(workspace: Workspace) -> None:
    workspace.server.faults.reject("CreateJob", "PERMISSION_DENIED")
    with pytest.raises(
        CloudError, match=r"roles/dataflow\.developer.*roles/iam\.serviceAccountUser"
    ) as raised:
        workspace.run([1], abs)
    assert "\n" not in str(raised.value)
    assert workspace.server.jobs == {}


def test_a_missing_bucket_is_named(workspace: Workspace) -> None:
    with pytest.raises(PlaceError, match="gcloud storage buckets create gs://no-such-bucket "):
        workspace.run([1], abs, "--staging_location=gs://no-such-bucket/staging")


def test_artifacts_on_this_machine_are_rejected_before_anything_runs(tmp_path: Path) -> None:
    configured = beam_settings(load("flights", "dev"))
    with pytest.raises(SettingsError, match="expected artifacts on gs://, which its workers reach"):
        pipeline_options(configured, "transform", tmp_path / "run" / "task" / "examples")
