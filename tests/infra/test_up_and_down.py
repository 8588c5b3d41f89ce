"""The commands behind `make up`, `make down`, `make plan-infra`: the real Terraform, its state on loopback.

Terraform keeps its state by its own gcs backend, in a Cloud Storage emulator. Google's provider is the stub,
which makes nothing: the emulator has the state's bucket once the bootstrap's own state says that it is made.
"""

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

from infra.commands import environment
from infra.commands.terraform import Resource
from tests.infra.provider.attached import Attached
from tests.infra.provider.mirror import environment as with_stubs
from tests.infra.terraform import types

ROOT = Path(__file__).parents[2]
NUMBERS = {
    file.stem: re.findall(r'^project_number\s*=\s*"(\d+)"', file.read_text(), re.MULTILINE)
    for file in (ROOT / "infra" / "environments").glob("*.tfvars")
}
LINKED = (
    "components",
    "configs",
    "pipelines",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
)


@dataclass
class Workspace:
    """A checkout of its own, with Terraform, a login and a Cloud Storage."""

    root: Path
    storage: Storage
    variables: dict[str, str]
    agents: set[str] = field(default_factory=set)
    """Google's own accounts that were asked for."""

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, as the Makefile calls it; nobody answers questions."""
        return subprocess.run(
            [sys.executable, "-m", "infra", *words],
            cwd=self.root, env=self.variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip

    def done(self, *words: str) -> str:
        """A command that must succeed; what it printed."""
        ended = self.type(*words)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def rejected(self, *words: str) -> str:
        """A command that must fail, without a traceback; what it printed."""
        ended = self.type(*words)
        assert ended.returncode == 1, ended.stdout
        assert "Traceback" not in ended.stdout
        return ended.stdout

    def kinds(self, env: str = "dev") -> set[str]:
        """The types of what the environment's remote state knows."""
        objects = self.storage.objects.get(f"my-project-{env}-terraform-state", {})
        if f"{env}/default.tfstate" not in objects:
            return set()
        content = self.storage.get_file(f"my-project-{env}-terraform-state", f"{env}/default.tfstate")
        return {each["type"] for each in json.loads(content)["resources"]}

    def make_bucket(self, name: str, number: str) -> None:
        """A bucket of the project with this number."""
        described = {"name": name, "id": name, "projectNumber": number, "metageneration": "1"}
        self.storage.create_bucket(name, described)


class Handler(RequestHandler):
    """The emulator's; it makes the buckets that the bootstrap says it has made."""

    def __init__(self, workspace: Workspace, *arguments: Any) -> None:
        for file in workspace.root.glob("output/infra/*/bootstrap/terraform.tfstate"):
            for each in json.loads(file.read_text())["resources"]:
                if each["type"] == "google_storage_bucket" and each["mode"] == "managed":
                    name, env = each["instances"][0]["attributes"]["name"], file.parts[-3]
                    if name not in workspace.storage.buckets:
                        workspace.make_bucket(name, NUMBERS[env][0])
        self.workspace = workspace
        super().__init__(workspace.storage, *arguments)

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        """The service agents too, which the emulator lacks: they are there once they are asked for."""
        found = re.search(r"/projects/([^/]+)/serviceAccount", self.path)
        if found is None:
            super().do_GET()
            return
        agent = "bq" if "/bigquery/" in self.path else "gs-project-accounts"
        self.workspace.agents.add(f"{agent}@{found[1]}")
        body = json.dumps({"email": f"{agent}@{found[1]}", "email_address": f"{agent}@{found[1]}"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def workspace(tools: None, tmp_path: Path) -> Iterator[Workspace]:  # noqa: ARG001 - skips
    shutil.copytree(
        ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
    )
    for name in LINKED:
        (tmp_path / name).symlink_to(ROOT / name)
    made = Workspace(tmp_path, Storage(use_memory_fs=True), {})
    named = types(ROOT / "infra") | types(ROOT / "infra" / "bootstrap")
    attached = Attached(named)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, made)) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        made.variables = (
            with_stubs(named)
            | attached.variables
            | {
                "STORAGE_EMULATOR_HOST": url,
                "BIGQUERY_EMULATOR_HOST": url,
                "GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT": f"{url}/storage/v1/",
                "GOOGLE_OAUTH_ACCESS_TOKEN": "of-nobody",
            }
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()
    attached.stop()


def test_up_again_changes_nothing_and_down_keeps_what_holds_data(workspace: Workspace) -> None:
    first = workspace.done("up", "dev", "--yes")
    assert "gs://my-project-dev-terraform-state" in first
    assert "google_storage_bucket.state will be created" in first
    assert first.endswith("dev is up in my-project-dev.\n")
    everything = workspace.kinds()

    again = workspace.done("up", "dev", "--yes")
    assert "Nothing to change." in again
    assert "will be created" not in again

    down = workspace.done("down", "dev", "--yes")
    stays = workspace.kinds()
    assert {
        "google_storage_bucket",
        "google_bigquery_dataset",
        "google_artifact_registry_repository",
    } <= stays
    assert {
        "google_service_account",
        "google_cloudfunctions2_function",
        "google_compute_network",
    } <= everything
    assert not {"google_cloudfunctions2_function", "google_compute_network"} & stays
    assert "google_storage_bucket.pipeline" in down.partition("what stays:")[2]

    assert "Nothing to change." not in workspace.done("up", "dev", "--yes")
    assert workspace.kinds() == everything


def test_data_is_deleted_where_it_is_named(workspace: Workspace) -> None:
    workspace.done("up", "dev", "--yes")
    shown = workspace.done("down", "dev", "--yes", "--delete", "bucket,warehouse,images")
    assert re.search(r"force_destroy\s+= false -> true", shown)
    gone = {"google_storage_bucket", "google_bigquery_dataset", "google_artifact_registry_repository"}
    assert not (gone | {"google_service_account"}) & workspace.kinds()
    assert "will be destroyed" not in workspace.done("down", "dev", "--yes")


def test_what_is_protected_is_not_deleted_by_name(workspace: Workspace) -> None:
    workspace.make_bucket("my-project-prod-terraform-state", NUMBERS["prod"][0])
    workspace.done("up", "prod", "--yes")
    assert workspace.agents == {
        "bq@my-project-prod",
        "gs-project-accounts@my-project-prod",
    }  # before the keys are theirs
    assert "delete_contents" in workspace.rejected("down", "prod", "--yes", "--delete", "warehouse")
    assert "google_bigquery_dataset" in workspace.kinds("prod")


def test_without_a_yes_nothing_is_changed(workspace: Workspace) -> None:
    said = workspace.rejected("up", "dev")
    assert "google_storage_bucket.state will be created" in said
    assert "YES=1" in said
    assert not workspace.storage.buckets


def test_a_plan_changes_nothing(workspace: Workspace) -> None:
    workspace.make_bucket("my-project-dev-terraform-state", NUMBERS["dev"][0])
    assert re.search(r"Plan: \d+ to add, 0 to change, 0 to destroy", workspace.done("plan", "dev"))
    assert workspace.kinds() == set()


def test_terraforms_word_on_a_wrong_variable_is_shown_as_it_is(workspace: Workspace) -> None:
    workspace.make_bucket("my-project-dev-terraform-state", NUMBERS["dev"][0])
    path = workspace.root / "infra" / "environments" / "dev.tfvars"
    path.write_text(re.sub(r"(?m)^region\s*=.*", 'region = "moon-base1x"', path.read_text()))
    said = workspace.rejected("plan", "dev")
    assert "Invalid value for variable" in said
    assert "moon-base1x" in said


# --- what ends before Terraform begins --------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("up", "deev"), "environment 'deev': expected one of dev, prod, test. Did you mean 'dev'?"),
        (("up", ""), "environment '': expected one of dev, prod, test"),
        (("plan", "local"), "got this machine, which needs no infrastructure"),
        (
            ("down", "dev", "--delete", "buket"),
            "DELETE=buket: expected names from bucket, warehouse, images.",
        ),
    ],
)
def test_a_word_that_is_none_names_the_nearest(
    workspace: Workspace, typed: tuple[str, ...], said: str
) -> None:
    assert said in workspace.rejected(*typed)


def test_a_bucket_of_another_project_is_left_alone(workspace: Workspace) -> None:
    workspace.make_bucket("my-project-dev-terraform-state", "999")
    said = workspace.rejected("up", "dev", "--yes")
    assert "got one of the project with number 999" in said
    assert "gcloud projects describe my-project-dev" in said


def test_without_terraform_its_place_is_named(workspace: Workspace) -> None:
    workspace.variables["PATH"] = str(Path(sys.executable).parent)
    said = workspace.rejected("up", "dev")
    assert "terraform: expected the command on the PATH" in said
    assert "https://developer.hashicorp.com/terraform/install" in said


def test_without_credentials_the_login_is_named(workspace: Workspace, tmp_path: Path) -> None:
    del workspace.variables["STORAGE_EMULATOR_HOST"]
    workspace.variables.pop("GOOGLE_APPLICATION_CREDENTIALS", None)
    workspace.variables |= {"CLOUDSDK_CONFIG": str(tmp_path / "nobody"), "NO_GCE_CHECK": "true"}
    assert "gcloud auth application-default login" in workspace.rejected("plan", "dev")


def test_variables_that_miss_their_project_are_named(workspace: Workspace) -> None:
    (workspace.root / "infra" / "environments" / "dev.tfvars").write_text('project = "my-project-dev"\n')
    said = workspace.rejected("plan", "dev")
    assert 'project_number: expected a line like project_number = "123456789012"' in said
    assert "gcloud projects describe my-project-dev" in said


# --- what stays -----------------------------------------------------------------------------------


def test_what_stays_brings_along_what_it_needs() -> None:
    there = {
        each.address: each
        for each in (
            Resource(
                "a.google_storage_bucket.x",
                "google_storage_bucket",
                ("google_thing.key", "google_thing.many"),
            ),
            Resource("google_thing.key", "google_thing", ("google_thing.ring",)),
            Resource("google_thing.ring", "google_thing", ()),
            Resource('google_thing.many["one"]', "google_thing", ()),
            Resource("google_thing.other", "google_thing", ("google_thing.ring",)),
            Resource("google_kms_crypto_key.k", "google_kms_crypto_key", ()),
        )
    }
    assert set(there) - environment.staying(there, ()) == {"google_thing.other"}
    assert environment.staying(there, ("bucket",)) == {"google_kms_crypto_key.k"}
