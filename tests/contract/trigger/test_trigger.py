"""A message starts a run, once; what can never be one is acknowledged, what may yet be one comes again."""

import importlib.util
import json
import re
import time
from collections.abc import Callable
from typing import Any, get_args

import pytest

from components.shared.files.gcs_path import BucketPath
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.commands import publish as publish_command
from tests.contract.trigger.conftest import ROOT, Trigger, asking
from tests.contract.vertex.server import VertexServer

FLIGHTS = asking({"use_case": "flights"})
PREDICTIONS = asking({"use_case": "flights", "pipeline": "prediction"})


def jobs(vertex: VertexServer) -> list[Any]:
    """All pipeline jobs of the server."""
    return list(vertex.store.of_kind("google.cloud.aiplatform.v1.PipelineJob", vertex.parent))


def logged(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = capfd.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"severity"')]


@pytest.mark.usefixtures("published")
def test_a_message_starts_a_run(
    vertex: VertexServer, trigger: Trigger, bucket: BucketPath, capfd: pytest.CaptureFixture[str]
) -> None:
    assert trigger.deliver(FLIGHTS).status_code == 200
    (job,) = jobs(vertex)
    run_id = job.name.rpartition("/")[2]
    assert re.fullmatch(r"flights-event-[0-9a-f]{16}", run_id)
    assert job.service_account == "pipeline@my-project-dev.iam.gserviceaccount.com"
    assert job.labels["use_case"] == "flights"
    assert job.labels["started_by"] == "event"
    assert job.runtime_config.gcs_output_directory == f"{bucket / 'runs/flights'}"
    assert job.runtime_config.parameter_values["run_id"].string_value == run_id
    assert logged(capfd) == [{"severity": "INFO", "message": f"1001: started {run_id}"}]


@pytest.mark.usefixtures("published")
def test_an_event_that_is_delivered_again_starts_nothing_more(
    vertex: VertexServer, trigger: Trigger, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert trigger.deliver(FLIGHTS).status_code == 200
    assert len(jobs(vertex)) == 1
    assert "started before:" in logged(capfd)[-1]["message"]
    assert trigger.deliver(FLIGHTS, "1002").status_code == 200
    assert len(jobs(vertex)) == 2


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"flights", "expected JSON"),
        (b"", "expected JSON"),
        (b"\xff\xfe", "expected JSON"),
        (asking(["flights"]), "expected {"),
        (asking({"use_case": "flights", "template": "gs://elsewhere/x.yaml"}), "expected {"),
        (asking({"use_case": "../flights"}), "a use case's name"),
        (asking({"use_case": 7}), "a use case's name"),
        (asking({"use_case": "trains"}), "python -m pipelines publish trains --env ENVIRONMENT"),
        (asking({"pipeline": "training"}), "expected {"),
        (asking({"use_case": "flights", "pipeline": "serving"}), 'training or prediction, got "serving"'),
        (asking({"use_case": "flights", "pipeline": None}), "training or prediction, got null"),
        (
            asking({"use_case": "flights", "pipeline": "prediction"}),
            "no prediction pipeline of 'flights': no gs://",
        ),
    ],
)
def test_a_message_that_can_never_be_a_run_is_acknowledged_with_an_error(
    vertex: VertexServer, trigger: Trigger, capfd: pytest.CaptureFixture[str], data: bytes, said: str
) -> None:
    assert trigger.deliver(data).status_code == 200
    (line,) = logged(capfd)
    assert line["severity"] == "ERROR"
    assert line["message"].startswith("1001: ")
    assert said in line["message"]
    assert vertex.calls == []


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"])
def test_what_goes_wrong_on_the_way_is_raised_and_the_next_delivery_starts_the_run(
    vertex: VertexServer, trigger: Trigger, status: Any
) -> None:
    vertex.faults.reject("CreatePipelineJob", status)
    assert trigger.deliver(FLIGHTS).status_code == 500
    assert jobs(vertex) == []
    assert trigger.deliver(FLIGHTS).status_code == 200
    assert len(jobs(vertex)) == 1


@pytest.mark.usefixtures("published")
def test_a_lost_answer_does_not_start_two(vertex: VertexServer, trigger: Trigger) -> None:
    vertex.faults.lose_answer("CreatePipelineJob")
    assert trigger.deliver(FLIGHTS).status_code == 500
    assert trigger.deliver(FLIGHTS).status_code == 200
    assert len(jobs(vertex)) == 1


def test_what_is_published_is_what_starts(vertex: VertexServer, trigger: Trigger, there: Settings) -> None:
    launch = publish_command.publish(there)
    assert launch == f"gs://{there.cloud.bucket if there.cloud else ''}/pipelines/training-flights.json"
    assert publish_command.publish(there) == launch
    assert trigger.deliver(FLIGHTS).status_code == 200
    (job,) = jobs(vertex)
    assert job.pipeline_spec["pipelineInfo"]["name"] == "training-flights"


def test_a_message_names_the_pipeline_that_starts(
    vertex: VertexServer, trigger: Trigger, there: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    launch = publish_command.publish(there, "prediction")
    assert launch.endswith("/pipelines/prediction-flights.json")
    assert trigger.deliver(PREDICTIONS).status_code == 200
    (job,) = jobs(vertex)
    assert job.pipeline_spec["pipelineInfo"]["name"] == "prediction-flights"
    run_id = job.name.rpartition("/")[2]
    assert re.fullmatch(r"flights-prediction-event-[0-9a-f]{16}", run_id)
    values = {name: value.string_value for name, value in job.runtime_config.parameter_values.items()}
    assert values == {"run_id": run_id}, "the champion scores, stamped by the job"
    assert logged(capfd)[-1] == {"severity": "INFO", "message": f"1001: started {run_id}"}
    assert trigger.deliver(FLIGHTS, "1002").status_code == 200
    assert "no training pipeline of 'flights'" in logged(capfd)[-1]["message"]
    assert len(jobs(vertex)) == 1


def test_either_pipeline_that_is_named_is_published_beside_the_other(
    vertex: VertexServer, trigger: Trigger, there: Settings
) -> None:
    for pipeline in get_args(Pipeline):
        publish_command.publish(there, pipeline)
    messages = [FLIGHTS, asking({"use_case": "flights", "pipeline": "training"}), PREDICTIONS]
    assert [trigger.deliver(data, str(n)).status_code for n, data in enumerate(messages)] == [200] * 3
    assert sorted(job.pipeline_spec["pipelineInfo"]["name"] for job in jobs(vertex)) == [
        "prediction-flights", "training-flights", "training-flights",
    ]  # fmt: skip


def test_the_function_knows_the_pipelines_that_there_are() -> None:
    spec = importlib.util.spec_from_file_location("trigger_function", ROOT / "infra/trigger/main.py")
    assert spec
    assert spec.loader
    function = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(function)
    assert get_args(Pipeline) == function.KNOWN


@pytest.mark.usefixtures("published")
def test_a_published_message_reaches_the_run_through_pubsub(
    vertex: VertexServer, trigger: Trigger, pubsub: str
) -> None:
    from google.cloud import pubsub_v1

    assert pubsub
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    topic = publisher.topic_path("local-project", "runs")
    publisher.create_topic(name=topic)
    with subscriber:
        subscriber.create_subscription(
            name=subscriber.subscription_path("local-project", "runs"),
            topic=topic,
            push_config={"push_endpoint": f"{trigger.url}/projects/local-project/topics/runs"},
        )
        vertex.faults.reject("CreatePipelineJob", "UNAVAILABLE")  # the first delivery fails
        publisher.publish(topic, FLIGHTS).result(timeout=30)
        until(lambda: len(jobs(vertex)) == 1)
        publisher.publish(topic, b"nonsense").result(timeout=30)
        publisher.publish(topic, FLIGHTS).result(timeout=30)
        until(lambda: len(jobs(vertex)) == 2)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError


def test_what_the_function_needs_is_in_the_lock() -> None:
    wanted = (ROOT / "infra/trigger/requirements.in").read_text().splitlines()
    lock = (ROOT / "requirements-dev.lock").read_text()
    for name in (line for line in wanted if line and not line.startswith("#")):
        assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE), name
