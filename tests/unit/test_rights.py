"""The preflight looks for the rights that infra/iam_matrix.yaml grants."""

import pytest

from configs.cloud import Identities
from configs.loading import load
from infra.commands.iam import Grant, matrix
from pipelines.preflight import keys, project, rights

IDENTITIES = {
    "pipeline": "pipeline",
    "dataflow": "dataflow-worker",
    "trainer": "trainer",
    "serving": "serving",
}
WHERE = {
    "project": "project",
    "bucket/pipeline": "bucket",
    "repository/pipeline": "repository",
    "dataset/{warehouse.sources}": "source",
    "dataset/{warehouse.temporary}": "temporary",
    "dataset/{warehouse.predictions}": "output",
}


def looked_for(grant: Grant) -> bool:
    """Optional grants, and those on accounts (`lending`), are not this table's."""
    return not grant.when and grant.where in WHERE


@pytest.mark.parametrize("identity", IDENTITIES)
def test_the_smallest_roles_are_the_matrix_s(identity: str) -> None:
    grants = matrix().identities[IDENTITIES[identity]].grants
    expected = {(WHERE[grant.where], grant.role) for grant in grants if looked_for(grant)}
    assert set(rights.SMALLEST[identity]) == expected


def test_every_identity_of_the_settings_is_one_of_the_matrix() -> None:
    cloud = load("flights", "dev").cloud
    assert cloud
    assert set(rights.SMALLEST) == set(Identities.model_fields) == set(IDENTITIES)
    assert {role: email.partition("@")[0] for role, email in cloud.identities} == IDENTITIES


def test_accounts_that_are_lent_are_the_matrix_s() -> None:
    grants = matrix().identities["pipeline"].grants
    lent = {grant.where for grant in grants if grant.where.startswith("account/")}
    assert lent == {f"account/{name}" for role, name in IDENTITIES.items() if role != "pipeline"}


def test_the_one_grant_of_ours_that_is_optional_is_the_tensorboard_s() -> None:
    optional = [
        (identity, grant.role, grant.when)
        for identity, name in IDENTITIES.items()
        for grant in matrix().identities[name].grants
        if grant.when
    ]
    role = "projects/{project}/roles/" + rights.CURVE_WRITER
    assert optional == [("trainer", role, "tracking.tensorboard")]


def test_who_uses_the_key_is_the_matrix_s() -> None:
    users = {
        identity.member.removeprefix("serviceAccount:").replace("{project_number}", "{number}")
        for identity in matrix().identities.values()
        if not identity.when and any(grant.where == "key/pipeline" for grant in identity.grants)
    }
    assert set(keys._AGENTS) == users


def test_what_the_caller_needs_an_operator_has() -> None:
    operator = {grant.role for grant in matrix().identities["operator"].grants if grant.where == "project"}
    assert set(project._CALLER.values()) <= operator


def test_every_role_is_judged() -> None:
    wanted = {role for roles in rights.SMALLEST.values() for _, role in roles}
    assert wanted <= set(rights.BROADER)
    assert rights.lacking(("roles/bigquery.dataViewer",), {"roles/bigquery.dataEditor"}) == []
    assert rights.lacking(("roles/bigquery.dataEditor",), {"roles/bigquery.dataViewer"}) != []
