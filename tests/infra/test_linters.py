"""Other people's linters: checkov, hadolint, check-jsonschema, zizmor. Offline, all of them."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.conftest import ENVIRONMENTS, INFRA, PlanOf
from tests.infra.linters import BIN, linter
from tests.infra.provider.packages import ROOT

DOCKERFILES = sorted(file for file in INFRA.rglob("*Dockerfile*") if file.is_file())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
CHECKOV = ROOT / ".checkov.yaml"
OWN_KEYS = {"CKV_GCP_81", "CKV_GCP_83", "CKV_GCP_84"}
"""Ask for keys of our own, which dev does without: it holds no data that is not public, and keys cost."""
ONLY = {"CKV_GCP_42": "roles/ondemandscanning.admin", "CKV_GCP_49": "roles/dataflow.developer"}
"""The one role for which .checkov.yaml skips a check."""


PLANS = {"without keys": ("dev",), "with keys": ("test", "prod")}
Failure = tuple[str, str, str]
"""Check, resource and title."""


def skipped() -> set[str]:
    return set(yaml.safe_load(CHECKOV.read_text())["skip-check"])


def failures(folder: Path, *arguments: str | Path) -> list[Failure]:
    """All that checkov says, run where it finds no configuration file."""
    command = [str(BIN / "checkov"), "--skip-download", "--soft-fail", "-o", "json", *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    assert found["summary"]["passed"] > 20
    assert found["summary"]["parsing_errors"] == 0
    return [
        (one["check_id"], one["resource"], one["check_name"]) for one in found["results"]["failed_checks"]
    ]


@pytest.fixture(scope="module")
def on_plans(plan_of: PlanOf, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Failure]]:
    """What checkov says of the plans with keys of our own, and of those without, both at once."""
    folder = tmp_path_factory.mktemp("plans")
    for environment in ENVIRONMENTS:
        (folder / f"{environment}.json").write_text(json.dumps(plan_of(environment)))
    options = ("--framework", "terraform_plan", "--repo-root-for-plan-enrichment", INFRA)

    def scan(environments: tuple[str, ...]) -> list[Failure]:
        files = [word for environment in environments for word in ("-f", f"{environment}.json")]
        return failures(folder, *files, *options)

    with ThreadPoolExecutor() as pool:
        return dict(zip(PLANS, pool.map(scan, PLANS.values()), strict=True))


def test_checkov_has_nothing_to_say_of_the_configuration() -> None:
    assert "Failed checks: 0" in linter("checkov", "-d", INFRA)


@pytest.mark.parametrize("plans", PLANS)
def test_checkov_has_nothing_to_say_of_a_plan(on_plans: dict[str, list[Failure]], plans: str) -> None:
    accepted = skipped() | (OWN_KEYS if plans == "without keys" else set())
    for check, resource, title in on_plans[plans]:
        assert check in accepted, f"{resource}: {check}: {title}"
        assert ONLY.get(check, "") in resource, f"{resource}: {check}: skipped for {ONLY[check]} only"


def test_every_skip_skips_something(on_plans: dict[str, list[Failure]]) -> None:
    said = {check for found in on_plans.values() for check, _, _ in found}
    assert skipped() | OWN_KEYS == said & (skipped() | OWN_KEYS)


def test_every_skip_has_its_reason() -> None:
    for line in CHECKOV.read_text().partition("skip-check:")[2].splitlines():
        assert not line or re.fullmatch(r"  - CKV\w+ # \S.{20,}", line), line
    for file in INFRA.rglob("*.tf"):
        for line in file.read_text().splitlines():
            assert "checkov:skip" not in line or re.search(r"checkov:skip=CKV\w+: ?\S.{20,}", line), line


def test_checkov_rejects_an_open_bucket(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "google_storage_bucket" "open" {\n  name = "open-bucket"\n  location = "us-central1"\n}\n'
    )
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        linter("checkov", "-d", tmp_path, "--config-file", CHECKOV)
    assert "CKV_GCP_114" in rejected.value.output


def test_there_are_dockerfiles_and_workflows() -> None:
    assert DOCKERFILES
    assert WORKFLOWS


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    assert linter("hadolint", file) == ""


def test_hadolint_rejects_root(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM python:latest\nRUN cd /tmp && pip install numpy\n")
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        linter("hadolint", file)
    assert "DL3007" in rejected.value.output


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_is_one_of_githubs(file: Path) -> None:
    linter("check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)


def test_zizmor_finds_no_way_in() -> None:
    linter("zizmor", "--offline", "--no-progress", ".github")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("run: echo ${{ github.event.issue.title }}", "template-injection"),
        ("uses: actions/checkout@v4", "unpinned-uses"),
    ],
)
def test_zizmor_finds_a_way_in(tmp_path: Path, step: str, said: str) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    job = f"permissions: {{}}\njobs:\n  open:\n    runs-on: ubuntu-24.04\n    steps:\n      - {step}\n"
    (folder / "open.yaml").write_text(f"name: open\non: issues\n{job}")
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        linter("zizmor", "--offline", "--no-progress", folder)
    assert said in rejected.value.output
