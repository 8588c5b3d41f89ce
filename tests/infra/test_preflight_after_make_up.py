"""After `make up ENV=dev` the preflight is content: with the grants of the plan, and with no fewer."""

import pytest

from infra.commands.iam import Granted
from tests.contract.control.granted import OURS, findings, fixing
from tests.infra.conftest import PlanOf
from tests.infra.grants import grants


@pytest.fixture(scope="module")
def made(plan_of: PlanOf) -> list[Granted]:
    return grants(plan_of("dev"))


def test_after_make_up_nothing_is_missing(made: list[Granted]) -> None:
    assert {each.state for each in findings(made)} == {"ready"}


def test_a_grant_that_is_taken_away_is_reported_once_with_its_command(made: list[Granted]) -> None:
    looked_for = [each for each in made if each.member in OURS]
    assert {each.member for each in looked_for} == set(OURS)
    reported = {lost: findings(each for each in made if each != lost) for lost in looked_for}
    unready = {
        lost: [(each.state, each.fix) for each in found if each.state != "ready"]
        for lost, found in reported.items()
    }
    assert unready == {lost: [("missing", (fixing(lost),))] for lost in looked_for}
