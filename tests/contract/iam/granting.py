"""Calls against the matrix: what was asked and is not granted, what is granted and was not asked."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.commands.iam import Grant, Matrix, places
from tests.contract.iam.needs import Need

NAMES: Mapping[str, Any] = {
    "warehouse": {
        "sources": ["flights"],
        "temporary": "pipeline_temporary",
        "predictions": "predictions",
    }
}
"""Of infra/variables.tf; the datasets of configs/environments."""
MADE_BEFORE = {
    (
        "pipeline",
        "bigquery.datasets.create",
    ): "Terraform has made the datasets, which the tests' BigQuery lacks."
}
"""What an account asks here and never asks where Terraform was."""


def rejected(seen: Iterable[Need], matrix: Matrix) -> list[str]:
    """What was asked and is granted nowhere."""
    return sorted(
        str(need)
        for need in seen
        if (need.who, need.permission) not in MADE_BEFORE
        and not any(_covers(grant, need) for grant in matrix.identities[need.who].grants)
    )


def uncalled(who: str, seen: Iterable[Need], matrix: Matrix) -> list[str]:
    """What an account is granted for a call that it does not make."""
    requested = [need for need in seen if need.who == who]
    return sorted(
        f"{who}: {permission} on {grant.where}"
        for grant in matrix.identities[who].grants
        for permission in grant.needs
        if not any(need.permission == permission and _is_on(grant, need.where) for need in requested)
    )


def _covers(grant: Grant, need: Need) -> bool:
    return need.permission in {*grant.needs, *grant.unseen} and _is_on(grant, need.where)


def _is_on(grant: Grant, where: str) -> bool:
    """Whether a grant is about this; one on the project is about all that is in it."""
    return grant.where == "project" or where in places(grant, NAMES)
