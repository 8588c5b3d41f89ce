"""The infrastructure itself: the plan of each environment keeps every rule."""

import pytest

from tests.infra.conftest import ENVIRONMENTS, INFRA, Make, PlanOf
from tests.infra.planned import resources
from tests.infra.rules import violations
from tests.infra.terraform import Terraform


def test_the_configuration_is_valid(infra: Terraform) -> None:
    assert infra.validate() == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_plan_keeps_every_rule(plan_of: PlanOf, environment: str) -> None:
    plan = plan_of(environment)
    assert len(resources(plan)) >= 20
    assert [str(violation) for violation in violations(plan)] == []


@pytest.mark.usefixtures("infra")
def test_a_second_apply_changes_nothing(terraform: Make) -> None:
    variables = INFRA / "environments" / "dev.tfvars"
    made = terraform(INFRA)
    made.apply(variables)
    plan = made.plan(variables)
    assert {action for one in plan["resource_changes"] for action in one["change"]["actions"]} == {"no-op"}


def test_terraforms_own_tests_pass(infra: Terraform) -> None:
    tests = infra.test()
    assert tests.passed, "\n".join(map(str, tests.diagnostics)) or tests.runs


def test_terraform_formats_the_files(infra: Terraform) -> None:
    assert infra.unformatted() == []


def test_the_bootstrap_keeps_every_rule(terraform: Make) -> None:
    """The root module of the bucket that keeps the others' state."""
    bootstrap = terraform(INFRA / "bootstrap")
    plan = bootstrap.plan({"project": "my-project-dev", "region": "us-central1", "environment": "dev"})
    assert "google_storage_bucket" in {one.type for one in resources(plan)}
    assert [str(violation) for violation in violations(plan)] == []
