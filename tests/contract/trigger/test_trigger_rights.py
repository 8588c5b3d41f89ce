"""The trigger asks for what it is granted, and for nothing else."""

import pytest

from configs.settings import Settings
from infra.commands.iam import matrix
from tests.contract.iam.calls import Calls
from tests.contract.iam.granting import rejected, uncalled
from tests.contract.iam.needs import needs
from tests.contract.storage.server import StorageServer
from tests.contract.trigger.conftest import Trigger, asking
from tests.contract.vertex.server import VertexServer


@pytest.fixture
def calls(vertex: VertexServer, storage_server: StorageServer, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What accounts ask of both servers."""
    made = Calls()
    vertex.watch = made.of("vertex")
    monkeypatch.setattr(storage_server, "watch", made.of("storage"))
    monkeypatch.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    return made


def test_a_message_asks_for_what_is_granted(
    calls: Calls, published: Settings, trigger: Trigger, vertex: VertexServer
) -> None:
    with calls.callers.this_process_as("trigger@my-project-dev.iam.gserviceaccount.com"):
        assert trigger.deliver(asking({"use_case": "flights"})).is_success
    assert vertex.requests_of("CreatePipelineJob")
    assert published.cloud
    mine = [call for call in calls.all if call.who == "trigger"]
    seen = {need for call in mine for need in needs(call, published.cloud.bucket)}
    assert rejected(seen, matrix()) == []
    assert uncalled("trigger", seen, matrix()) == []
