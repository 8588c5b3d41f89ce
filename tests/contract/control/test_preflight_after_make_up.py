"""The preflight is content with what infra/iam_matrix.yaml grants, and with nothing less.

tests/infra/test_preflight_after_make_up.py is the same with what Terraform plans.
"""

import pytest

from infra.commands import iam
from infra.commands.iam import Granted
from tests.contract.control.conftest import P
from tests.contract.control.granted import OURS, findings, mending
from tests.contract.iam.granting import NAMES

VARIABLES = {**NAMES, "project": P, "project_number": "1", "region": "us-central1"}
GRANTS = list(iam.granted(iam.matrix(), VARIABLES))
LOOKED_FOR = [each for each in GRANTS if each.member in OURS]


def test_where_all_is_granted_nothing_is_missing() -> None:
    assert {each.state for each in findings(GRANTS)} == {"ready"}


@pytest.mark.parametrize("lost", LOOKED_FOR, ids=str)
def test_a_grant_that_is_lost_is_told_once_with_its_command(lost: Granted) -> None:
    others = [each for each in GRANTS if each != lost]
    (told,) = (each for each in findings(others) if each.state != "ready")
    assert (told.state, told.mend) == ("missing", (mending(lost),))


def test_grants_of_every_account_are_looked_for() -> None:
    assert {each.member for each in LOOKED_FOR} == set(OURS)
