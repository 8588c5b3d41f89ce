"""Terraform grants what infra/iam_matrix.yaml says, no more and no less."""

from pathlib import Path
from typing import Any

import pytest

from infra.commands import iam
from infra.commands.iam import Matrix
from tests.infra.conftest import ENVIRONMENTS, INFRA, PlanOf
from tests.infra.grants import custom_roles, differences, grants, variables_of
from tests.infra.roles import allowed
from tests.infra.terraform import Json, Terraform

EVERYTHING = {
    "project": "my-project-dev",
    "project_number": "100000000001",
    "environment": "dev",
    "customer_managed_keys": True,
    "operators": ["group:ml@example.com", "user:ada@example.com"],
    "workbench": {},
    "tracking": {"tensorboard": True},
    "network": {"vertex_range": "10.10.16.0/24"},
    "registry": {"readers": ["serviceAccount:delivery@my-project-prod.iam.gserviceaccount.com"]},
    "delivery": {"github_repository": "my-organization/my-repository"},
    "warehouse": {"sources": ["flights", "weather"]},
}
"""Variables that turn every grant of the matrix on."""


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return iam.matrix()


@pytest.fixture(scope="module")
def everything(infra: Terraform) -> Json:
    return infra.plan(EVERYTHING)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_grants_what_the_matrix_says(
    plan_of: PlanOf, matrix: Matrix, environment: str
) -> None:
    _equal(plan_of(environment), matrix)


def test_every_optional_part_grants_what_the_matrix_says(everything: Json, matrix: Matrix) -> None:
    _equal(everything, matrix)
    made = {(each.member, each.role, each.where) for each in grants(everything)}
    for name, identity in matrix.identities.items():
        assert iam.is_on(identity.when, variables_of(everything)), f"no plan here has {name}"
    assert len(made) >= sum(len(each.grants) for each in matrix.identities.values())


def _equal(plan: Json, matrix: Matrix) -> None:
    found = differences(iam.granted(matrix, variables_of(plan)), grants(plan))
    assert not found, "\n".join(["plan and matrix differ (- is missing in the plan, + is too much):", *found])
    assert custom_roles(plan) == iam.roles(matrix, variables_of(plan))


def test_a_grant_too_much_or_too_little_is_reported(everything: Json, matrix: Matrix) -> None:
    made = grants(everything)
    one, *others = made
    wanted = list(iam.granted(matrix, variables_of(everything)))
    assert differences(wanted, others) == [f"- {one}"]
    assert differences([each for each in wanted if each != one], made) == [f"+ {one}"]
    assert differences(wanted, [*made, one]) == [f"2 {one}"]


def test_who_an_account_may_be_taken_for_is_said_on_the_account(matrix: Matrix) -> None:
    on_accounts = {"roles/iam.serviceAccountUser", "roles/iam.workloadIdentityUser"}
    for name, identity in matrix.identities.items():
        for grant in identity.grants:
            on_account = grant.where.startswith("account/")
            assert on_account == (grant.role in on_accounts), f"{name}: {grant.role} on {grant.where}"


@pytest.mark.parametrize(
    "role", ["roles/owner", "roles/editor", "roles/viewer", "roles/iam.serviceAccountTokenCreator"]
)
def test_no_role_that_may_everything(matrix: Matrix, role: str) -> None:
    assert role not in {grant.role for each in matrix.identities.values() for grant in each.grants}


def test_nobody_has_storage_of_the_whole_project(matrix: Matrix) -> None:
    for name, identity in matrix.identities.items():
        for grant in identity.grants:
            wide = grant.where == "project" and grant.role.startswith("roles/storage.")
            assert not wide or grant.only, f"{name} has {grant.role} on every bucket"


def test_every_grant_is_there_for_something(matrix: Matrix) -> None:
    for name, identity in matrix.identities.items():
        for grant in identity.grants:
            assert grant.needs or grant.unseen, f"{name}: {grant.role} on {grant.where} needs nothing"
            assert not set(grant.needs) & set(grant.unseen), f"{name}: {grant.role} on {grant.where}"


def test_a_role_allows_what_it_is_granted_for(matrix: Matrix) -> None:
    roles = allowed(matrix)
    for name, identity in matrix.identities.items():
        for grant in identity.grants:
            lacking = {*grant.needs, *grant.unseen} - roles[grant.role]
            assert not lacking, f"{name}: {grant.role} does not allow {sorted(lacking)}"


def test_no_role_is_listed_that_nobody_has(matrix: Matrix) -> None:
    granted = {grant.role for each in matrix.identities.values() for grant in each.grants}
    assert set(allowed(matrix)) == granted


def test_the_page_is_up_to_date(matrix: Matrix) -> None:
    assert iam.page(matrix) == iam.PAGE.read_text(), "write it again: python -m infra iam"


def test_an_unknown_key_of_the_matrix_is_rejected(tmp_path: Path) -> None:
    text = iam.MATRIX.read_text().replace("where: project", "wher: project", 1)
    (tmp_path / "matrix.yaml").write_text(text)
    with pytest.raises(ValueError, match="wher"):
        iam.matrix(tmp_path / "matrix.yaml")


def _sample(kind: str, **values: Any) -> Json:
    change = {"after": {"role": "roles/x.y", "member": "user:ada@example.com", **values}}
    resource = {"address": f"{kind}.x", "type": kind, "mode": "managed", "change": change}
    return {"variables": {"project": {"value": "p"}}, "resource_changes": [resource]}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("google_project_iam_binding", {}),
        ("google_project_iam_policy", {}),
        ("google_bigquery_dataset_access", {}),
        ("google_storage_bucket_acl", {}),
        ("google_bigquery_dataset", {"access": [{"role": "OWNER"}]}),
        ("google_storage_bucket_iam_member", {"bucket": None}),
    ],
)
def test_a_grant_in_another_form_is_no_way_around(kind: str, values: Json) -> None:
    with pytest.raises(ValueError, match=kind):
        grants(_sample(kind, **values))


def test_tests_infra_is_where_it_is_looked_for() -> None:
    assert (INFRA / "iam_matrix.yaml") == iam.MATRIX
