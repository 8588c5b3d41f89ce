"""A wrong variable fails at plan, in words that say which, what was expected, and an example."""

from typing import Any

import pytest

from tests.infra.terraform import Terraform, TerraformError

GOOD = {"project": "my-project-dev", "project_number": "100000000001", "environment": "dev"}
# Several at once: a plan takes seconds, and tells of every variable that is wrong.
TOGETHER: list[dict[str, Any]] = [
    {
        "project": "My-Project",
        "project_number": "my-project-dev",
        "environment": "Development!",
        "region": "us-centrall1",
        "labels": {"Team": "ML"},
        "keys": {"rotation_days": 400},
        "network": {"range": "10.10.0.300/20"},
        "operators": ["ada@example.com"],
        "observability": {"emails": ["ml-on-call"]},
        "budget": {"billing_account": "my-account", "amount": 100},
    },
    {
        "bigquery_location": "EU",
        "delete_contents": ["models"],
        "network": {"range": "10.10.0.0/20", "vertex_range": "10.10.8.0/24"},
        "storage": {"temporary_days": 0},
        "warehouse": {"predictions": "batch-predictions"},
        "registry": {"readers": ["allUsers"]},
        "events": {"schedules": {"flights": {"cron": "61 6 * * 1"}}},
        "delivery": {"github_repository": "https://github.com/my-organization/my-repository"},
        "observability": {"error_percent": 101},
        "budget": {"billing_account": "012345-6789AB-CDEF01", "amount": 100, "thresholds": [250]},
        "workbench": {"machine_type": "n1-standard-3", "idle_minutes": 5},
    },
    {
        "events": {"schedules": {"flights": {"cron": "0 6 * * 1", "time_zone": "Zurich"}}},
        "network": {"range": "34.1.0.0/20"},
        "delivery": {"github_repository": "my-organization/my-repository", "github_refs": ["refs/heads/*"]},
        "workbench": {"machine_type": "g2-standard-4"},
        "region": "us-west2",
    },
]
_FINE = "us-west2"
"""Right by itself: it makes another one wrong."""


@pytest.fixture(scope="module")
def wrong_and_messages(infra: Terraform) -> list[tuple[dict[str, Any], list[str]]]:
    """What was wrong, and what the plan said of it."""
    found = []
    for wrong in TOGETHER:
        with pytest.raises(TerraformError) as rejected:
            infra.plan({**GOOD, **wrong})
        found.append((wrong, [" ".join(each.detail.split()) for each in rejected.value.diagnostics]))
    return found


def test_each_wrong_variable_is_named_first(
    wrong_and_messages: list[tuple[dict[str, Any], list[str]]],
) -> None:
    for wrong, messages in wrong_and_messages:
        for name in (name for name, value in wrong.items() if value != _FINE):
            assert [said for said in messages if said.startswith(name)], f"{name} is not named: {messages}"


def test_each_message_says_what_was_expected_and_an_example(
    wrong_and_messages: list[tuple[dict[str, Any], list[str]]],
) -> None:
    for _, messages in wrong_and_messages:
        for said in messages:
            assert "expected" in said, said
            assert "e.g." in said or "as printed by" in said, said


def test_a_missing_source_of_the_trigger_tells_the_command(infra: Terraform) -> None:
    archive = infra.copy.parent / "output" / "trigger.zip"
    aside = archive.rename(archive.with_suffix(".aside"))
    try:
        with pytest.raises(TerraformError, match=r"python infra/trigger/package\.py"):
            infra.plan(GOOD)
    finally:
        aside.rename(archive)
