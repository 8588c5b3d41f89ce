"""What the preflight says where it may not look, to a run that begins, and as a command."""

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from components.shared.gcp.endpoints import VARIABLES
from configs.errors import CloudError
from pipelines.__main__ import app
from pipelines.preflight import command
from tests.contract.control.conftest import BUCKET, P, found, states
from tests.contract.control.server import ControlServer
from tests.errors import raises


def test_without_the_project_nothing_else_is_looked_at(control: ControlServer, dev: Any) -> None:
    found = list(command.findings(dev("cloud.project=somebody-elses")))
    assert [(each.name, each.state) for each in found] == [("credentials", "ready"), ("project", "missing")]
    assert len(control.requests) == 1


def test_without_credentials_the_command_is_named_and_no_service_is_called(
    control: ControlServer, dev: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.delenv(VARIABLES["googleapis"])
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    (finding,) = command.findings(dev())
    assert (finding.name, finding.state) == ("credentials", "missing")
    assert finding.fix == ("gcloud auth application-default login",)
    assert control.requests == []


def test_what_is_closed_is_reported_as_unknown_with_what_opens_it(control: ControlServer, dev: Any) -> None:
    control.close_to_us("getIamPolicy")
    finding = found(dev(), "accounts: roles")
    assert (finding.state, finding.detail) == ("unknown", "403 The caller does not have permission")
    assert "--role=roles/viewer" in finding.fix[0]
    control.close_to_us("cloudquotas", "Cloud Quotas API is off.", "SERVICE_DISABLED")
    assert found(dev(), "quota of Vertex AI").fix == (
        f"gcloud services enable cloudquotas.googleapis.com --project={P}",
    )
    control.close_to_us("kms|b/my", "user:YOU does not have storage.buckets.get access")
    assert "if it is another project's, set cloud.bucket" in found(dev(), "bucket").detail


def test_a_busy_service_is_called_again(control: ControlServer, dev: Any) -> None:
    control.faults.reject("serviceusage", times=2)
    control.faults.reject("getIamPolicy")
    assert set(states(dev()).values()) == {"ready"}


def test_a_service_that_does_not_answer_is_reported_and_the_rest_goes_on(
    control: ControlServer, dev: Any
) -> None:
    control.faults.reject("compute.googleapis.com", times=1000)
    found = states(dev())
    assert found["places: subnetwork"] == "unknown"
    assert found["bucket"] == "ready"


def test_a_run_asks_each_service_once_or_twice(control: ControlServer, dev: Any) -> None:
    command.check(dev())
    assert len(control.requests) <= 7
    assert not any("quota" in each or "getIamPolicy" in each for each in control.requests)


def test_a_run_is_rejected_with_the_command_that_fixes_it(control: ControlServer, dev: Any) -> None:
    control.world.buckets.clear()
    with raises(CloudError, remedy=re.compile(f"gcloud storage buckets create gs://{BUCKET}")):
        command.check(dev())
    control.world.images.clear()
    with raises(CloudError, remedy=re.compile("2 more: python -m pipelines preflight flights --env dev")):
        command.check(dev())


def test_what_preflight_cannot_see_does_not_reject_a_run(control: ControlServer, dev: Any) -> None:
    control.close_to_us("serviceusage|artifactregistry")
    command.check(dev())


def test_where_servers_stand_in_for_google_a_run_is_not_judged(
    control: ControlServer, dev: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLES["googleapis"])
    monkeypatch.setenv(VARIABLES["aiplatform"], "http://127.0.0.1:1")
    command.check(dev())
    assert control.requests == []


def shown(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["preflight", *arguments])
    return done.exit_code, capfd.readouterr().out + done.output


def test_the_command_says_a_line_each_and_ends_with_its_verdict(
    control: ControlServer, capfd: pytest.CaptureFixture[str]
) -> None:
    there = ("flights", "--env", "dev")
    code, said = shown(capfd, *there)
    assert code == 0
    assert {line[0] for line in said.split("\n\n")[1].splitlines()} == {"✓"}
    control.world.buckets.clear()
    code, said = shown(capfd, *there)
    assert code == 1
    assert f"✗  bucket  no gs://{BUCKET}\n     gcloud storage buckets create gs://{BUCKET}" in said
    assert "1 to fix" in said


def test_a_machine_needs_no_preflight(capfd: pytest.CaptureFixture[str]) -> None:
    code, said = shown(capfd, "flights", "--env", "local")
    assert (code, "this machine: what runs here" in said) == (1, True)
