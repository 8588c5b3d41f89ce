"""Deliberate mistakes: the real Terraform rejects each, and says where it stands."""

import re
import shutil
from pathlib import Path

import pytest

from tests.infra.conftest import Make
from tests.infra.terraform import TerraformError

SOUND = Path(__file__).parent / "fixtures" / "sound"
EMPTY_TOPIC = 'resource "google_pubsub_topik" "t" {\n  name = "runs"\n}\n'
ASKING = 'data "google_project" "here" {\n  project_id = var.project\n}\n'

# What is replaced, by what, and what Terraform then says of the line that begins with the third.
REJECTED = {
    "a misspelt attribute": (
        "uniform_bucket_level_access =",
        "uniform_bucket_level_acces =",
        "uniform_bucket_level_acces",
        r'Unsupported argument: .*Did you mean "uniform_bucket_level_access"',
    ),
    "a required attribute left out": (
        '  location                    = "us-central1"\n',
        "",
        'resource "google_storage_bucket" "pipeline"',
        r'Missing required argument: The argument "location" is required',
    ),
    "a required block left out": (
        "    condition {\n      age = 30\n    }\n",
        "",
        "lifecycle_rule",
        r'Insufficient condition blocks: At least 1 "condition" blocks are required',
    ),
    "a block once too often": (
        "    condition {",
        "    condition {\n      age = 10\n    }\n    condition {",
        "condition {",
        r'Too many condition blocks: No more than 1 "condition" blocks are allowed',
    ),
    "an unknown block": (
        "lifecycle_rule {",
        "lifecycle_rules {",
        "lifecycle_rules",
        r'Unsupported block type: .*Did you mean "lifecycle_rule"',
    ),
    "a misspelt attribute of a block": (
        "      age = 30",
        "      age = 30\n      agse = 30",
        "agse",
        r'Unsupported argument: An argument named "agse" is not expected here',
    ),
    "a value of another type": (
        '"168"',
        '["168"]',
        "max_time_travel_hours",
        r'Incorrect attribute value type: Inappropriate value for attribute "max_time_travel_hours": string',
    ),
    "an unknown resource type": (
        'output "bucket"',
        EMPTY_TOPIC + 'output "bucket"',
        'resource "google_pubsub_topik"',
        r'Invalid resource type: .*does not support resource type "google_pubsub_topik"',
    ),
    "a beta type of the other provider": (
        "  provider = google-beta\n",
        "",
        'resource "google_vertex_ai_metadata_store"',
        r"Invalid resource type: The provider hashicorp/google does not support",
    ),
    "a value outside the enum": (
        "INCLUDE_BUILD_LOGS_WITH_STATUS",
        "YES",
        "include_build_logs",
        r"include_build_logs: expected one of .*INCLUDE_BUILD_LOGS_WITH_STATUS, got YES",
    ),
    "a value that only the cloud tells": (
        '  storage_class               = "STANDARD"\n',
        '  url                         = "gs://mine"\n',
        "url",
        r"url: expected not to be set",
    ),
    "a reference to no attribute": (
        "google_storage_bucket.pipeline.url",
        "google_storage_bucket.pipeline.uri",
        "value = google_storage_bucket",
        r'Unsupported attribute: .*no argument, nested block, or exported attribute named "uri"',
    ),
    "a variable that is not declared": (
        '"${var.project}-pipeline"',
        '"${var.projct}-pipeline"',
        "name                        =",
        r'Reference to undeclared input variable: .*Did you mean "project"',
    ),
    "a misspelt argument of the provider": (
        "  region         =",
        "  regio          =",
        "regio",
        r'Unsupported argument: An argument named "regio" is not expected here. Did you mean "region"',
    ),
}


def mistaken(tmp_path: Path, old: str, new: str) -> Path:
    """The sound configuration with one change."""
    root = Path(shutil.copytree(SOUND, tmp_path / "root"))
    text = (root / "main.tf").read_text()
    assert text.count(old) == 1, f"{old!r}: expected once in the fixture, got {text.count(old)}"
    (root / "main.tf").write_text(text.replace(old, new))
    return root


@pytest.mark.parametrize("mistake", REJECTED)
def test_a_mistake_is_rejected_where_it_stands(terraform: Make, tmp_path: Path, mistake: str) -> None:
    old, new, line, said = REJECTED[mistake]
    root = mistaken(tmp_path, old, new)
    (found,) = terraform(root).validate()
    assert re.search(said, f"{found.summary}: {found.detail}", re.DOTALL), str(found)
    shown = (root / "main.tf").read_text().splitlines()[found.line - 1]
    assert shown.strip().startswith(line), shown


def test_a_data_source_is_rejected_at_plan(terraform: Make, tmp_path: Path) -> None:
    root = mistaken(tmp_path, 'output "bucket"', ASKING + 'output "bucket"')
    with pytest.raises(
        TerraformError, match="google_project: no data source can be read offline; use a variable"
    ):
        terraform(root).plan({"project": "demo"})


def test_a_version_of_the_provider_that_is_not_there_is_rejected(terraform: Make, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(SOUND, root)
    text = (root / "main.tf").read_text()
    (root / "main.tf").write_text(text.replace(">= 6.50, < 8", ">= 7.10, < 8"))
    with pytest.raises(TerraformError, match=r"no available releases match the given constraints >= 7\.10"):
        terraform(root)
