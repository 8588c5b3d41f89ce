"""Who asks what: every call of the whole cloud's run is granted to the account that makes it, and no more is.

The accounts are those that the jobs asked for; a server finds the caller's by its connection. What a person
types, the delivery account types as well: `make e2e` is the same two commands.
"""

from dataclasses import replace

import pytest

from infra.commands.iam import Matrix, matrix
from tests.contract.commands import Workspace
from tests.contract.iam.callers import running_as
from tests.contract.iam.granting import rejected, uncalled
from tests.contract.iam.needs import Need, needs
from tests.contract.storage.server import StorageServer
from tests.contract.whole_cloud.conftest import Both
from tests.contract.whole_cloud.servers import BUCKET, PROJECT

pytestmark = pytest.mark.timeout(1200)
ACCOUNTS = ("pipeline", "dataflow-worker", "trainer", "serving", "operator", "delivery")


@pytest.fixture(scope="module")
def rights() -> Matrix:
    return matrix()


@pytest.fixture(scope="module")
def seen(both: Both, published: set[Need]) -> set[Need]:
    """What each account needed."""
    found = {need for call in both.cloud.calls.all for need in needs(call, BUCKET) if need.who != "delivery"}
    by_delivery = {replace(need, who="delivery") for need in found if need.who == "operator"}
    return found | by_delivery | published


@pytest.fixture(scope="module")
def published(
    both: Both, storage_session: StorageServer, tmp_path_factory: pytest.TempPathFactory
) -> set[Need]:
    """What the delivery account needs to publish; into another bucket: the run's stays as it is."""
    bucket, cloud = storage_session.new_bucket(), both.cloud
    name = str(bucket).removeprefix("gs://").strip("/")
    account = running_as(f"delivery@{PROJECT}.iam.gserviceaccount.com")
    overrides = [f"cloud.bucket={name}"]
    workspace = Workspace(tmp_path_factory.mktemp("delivery"), "dev", overrides, cloud.variables | account)
    ended = workspace.type("publish", "flights")
    assert ended.code == 0, ended.shown
    return {need for call in cloud.calls.all if call.who == "delivery" for need in needs(call, name)}


def test_every_call_is_granted_to_who_makes_it(seen: set[Need], rights: Matrix) -> None:
    assert {need.who for need in seen} == set(ACCOUNTS)
    assert rejected(seen, rights) == []


@pytest.mark.parametrize("who", ACCOUNTS)
def test_what_is_granted_is_called(seen: set[Need], rights: Matrix, who: str) -> None:
    assert uncalled(who, seen, rights) == [], "take it away, or say in `unseen` why no test can see it"


@pytest.mark.parametrize("who", ACCOUNTS)
def test_a_grant_less_would_be_missed(seen: set[Need], rights: Matrix, who: str) -> None:
    """Of the account's grants that a call has shown, each is asked for by one at least."""
    identity = rights.identities[who]
    for grant in identity.grants:
        fewer = identity.model_copy(update={"grants": tuple(g for g in identity.grants if g is not grant)})
        rest = rights.model_copy(update={"identities": {**rights.identities, who: fewer}})
        assert bool(rejected(seen, rest)) == bool(grant.needs), f"{grant.role} on {grant.where}"


def test_a_call_that_nobody_granted_is_reported(seen: set[Need], rights: Matrix) -> None:
    more = {Need("trainer", "bucket/pipeline", "storage.buckets.delete"), Need("serving", "project", "a.b.c")}
    assert rejected(seen | more, rights) == [
        "serving: a.b.c on project",
        "trainer: storage.buckets.delete on bucket/pipeline",
    ]
