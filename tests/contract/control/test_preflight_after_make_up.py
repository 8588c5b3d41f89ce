"""The preflight is content with what infra/iam_matrix.yaml grants, and with nothing less.

tests/infra/test_preflight_after_make_up.py is the same with what Terraform plans.
"""

import dataclasses

import pytest

from infra.commands import iam
from infra.commands.iam import Granted
from tests.contract.control.conftest import ACCOUNTS, P
from tests.contract.control.granted import OURS, findings, fixing
from tests.contract.iam.granting import NAMES

VARIABLES = {**NAMES, "project": P, "project_number": "1", "region": "us-central1"}
GRANTS = list(iam.granted(iam.matrix(), VARIABLES))
LOOKED_FOR = [each for each in GRANTS if each.member in OURS]


def test_where_all_is_granted_nothing_is_missing() -> None:
    assert {each.state for each in findings(GRANTS)} == {"ready"}


@pytest.mark.parametrize("lost", LOOKED_FOR, ids=str)
def test_a_grant_that_is_lost_is_reported_once_with_its_command(lost: Granted) -> None:
    others = [each for each in GRANTS if each != lost]
    (found,) = (each for each in findings(others) if each.state != "ready")
    assert (found.state, found.fix) == ("missing", (fixing(lost),))


CURVES = {**VARIABLES, "tracking": {"tensorboard": True}}
WITH_CURVES = list(iam.granted(iam.matrix(), CURVES))
TENSORBOARD = f"cloud.tracking.tensorboard=projects/{P}/locations/us-central1/tensorboards/1"


def test_where_there_is_a_tensorboard_its_grant_is_looked_for() -> None:
    (writer,) = set(WITH_CURVES) - set(GRANTS)
    assert {each.state for each in findings(WITH_CURVES, TENSORBOARD)} == {"ready"}
    (found,) = (each for each in findings(GRANTS, TENSORBOARD) if each.state != "ready")
    assert (found.state, found.fix) == ("missing", (fixing(writer),))
    broader = [*GRANTS, dataclasses.replace(writer, role="roles/aiplatform.user")]
    assert {each.state for each in findings(broader, TENSORBOARD)} == {"ready"}


def test_what_the_tensorboard_s_role_allows_is_known() -> None:
    trainer = f"serviceAccount:{ACCOUNTS['trainer']}"
    (one,) = (
        each for each in WITH_CURVES if (each.member, each.role) == (trainer, "roles/storage.objectUser")
    )
    others = [each for each in WITH_CURVES if each != one]
    (found,) = (each for each in findings(others, TENSORBOARD) if each.state != "ready")
    assert (found.state, found.fix) == ("missing", (fixing(one),))


def test_grants_of_every_account_are_looked_for() -> None:
    assert {each.member for each in LOOKED_FOR} == set(OURS)
