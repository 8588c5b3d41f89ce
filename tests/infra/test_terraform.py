"""Terraform on the stub providers: every command that the infrastructure's tests use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.conftest import Make
from tests.infra.provider.mirror import environment
from tests.infra.provider.packages import ROOT
from tests.infra.terraform import Terraform, TerraformError, types

SOUND = Path(__file__).parent / "fixtures" / "sound"
DEMO = {"project": "demo"}


@pytest.fixture(scope="module")
def sound(terraform: Make) -> Terraform:
    return terraform(SOUND)


def test_a_sound_configuration_is_valid(sound: Terraform) -> None:
    assert sound.validate() == []


def test_a_plan_tells_what_it_would_make(sound: Terraform) -> None:
    plan = sound.plan(DEMO)
    bucket = next(one for one in plan["resource_changes"] if one["type"] == "google_storage_bucket")
    assert bucket["change"]["actions"] == ["create"]
    assert bucket["change"]["after"]["name"] == "demo-pipeline"
    assert bucket["change"]["after_unknown"]["url"] is True


def test_a_plan_takes_a_file_of_variables(sound: Terraform, tmp_path: Path) -> None:
    file = tmp_path / "demo.tfvars"
    file.write_text('project = "from-file"\n')
    assert sound.plan(file)["variables"]["project"]["value"] == "from-file"


def test_an_account_is_known_at_plan_by_its_mail(sound: Terraform) -> None:
    changes = {one["address"]: one["change"]["after"] for one in sound.plan(DEMO)["resource_changes"]}
    assert changes["google_service_account.trainer"]["email"] == "trainer@demo.iam.gserviceaccount.com"
    member = changes["google_storage_bucket_iam_member.trainer"]["member"]
    assert member == "serviceAccount:trainer@demo.iam.gserviceaccount.com"


def test_a_missing_variable_is_an_error_with_its_name(sound: Terraform) -> None:
    with pytest.raises(TerraformError, match='The root module input variable "project" is not set'):
        sound.plan()


def test_terraforms_own_tests_run(sound: Terraform) -> None:
    run = ("tests/accounts.tftest.hcl", "the_trainer_reads_by_its_own_account")
    tests = sound.test()
    assert tests.runs == {run: "pass"}
    assert tests.passed


def test_applied_twice_changes_nothing_and_destroyed_leaves_nothing(terraform: Make) -> None:
    made = terraform(SOUND)
    state = made.apply(DEMO)
    assert len(state["values"]["root_module"]["resources"]) == 7
    actions = [one["change"]["actions"] for one in made.plan(DEMO)["resource_changes"]]
    assert actions == [["no-op"]] * 7
    assert "values" not in made.apply(DEMO, destroy=True)


def test_nothing_is_written_into_the_checkout(sound: Terraform) -> None:
    assert sound.copy != SOUND
    assert sorted(file.name for file in SOUND.iterdir()) == ["main.tf", "tests"]


def test_a_failing_assertion_fails_terraforms_tests(terraform: Make, tmp_path: Path) -> None:
    root = Path(shutil.copytree(SOUND, tmp_path / "root"))
    file = root / "tests" / "accounts.tftest.hcl"
    file.write_text(file.read_text().replace("trainer@demo", "other@demo"))
    tests = terraform(root).test()
    assert not tests.passed
    assert "expected the trainer's account" in str(tests.diagnostics[0])


def test_the_types_of_called_modules_are_found(tmp_path: Path) -> None:
    root, module = tmp_path / "root", tmp_path / "modules" / "topic"
    (root / "tests").mkdir(parents=True)
    module.mkdir(parents=True)
    (root / "main.tf").write_text('module "t" {\n  source = "../modules/topic"\n}\n')
    (root / "tests" / "t.tftest.hcl").write_text(
        'mock_provider "google" {\n  mock_resource "google_b" {}\n}\n'
    )
    (module / "main.tf").write_text('resource "google_pubsub_topic" "t" {}\ndata "google_a" "a" {}\n')
    assert types(root) == {"google_pubsub_topic", "google_a", "google_b"}


def test_terraform_can_start_the_providers_itself(sound: Terraform) -> None:
    command = ["terraform", f"-chdir={sound.copy}", "validate"]
    started = environment(types(SOUND))
    assert "TF_REATTACH_PROVIDERS" not in started
    ended = subprocess.run(command, env=started, capture_output=True, text=True, check=True)
    assert "The configuration is valid" in ended.stdout


def test_the_provider_is_no_program_for_people() -> None:
    environment = os.environ | {"STUB_PROVIDER_TYPES": "", "STUB_PROVIDER_DESCRIPTORS": os.devnull}
    command = [sys.executable, "-m", "tests.infra.provider", "google"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "expected to be started by Terraform" in ended.stderr
