"""`make train`: its message, through Pub/Sub's own emulator."""

import json
import re

import pytest

from configs.errors import CloudError
from infra.commands import training
from infra.commands.registry import settings_of
from tests.errors import raises

TOPIC = "projects/my-project-dev/topics/pipeline-runs"
SUBSCRIPTION = "projects/my-project-dev/subscriptions/looking-on"


@pytest.mark.usefixtures("pubsub")
def test_the_message_is_the_one_that_the_trigger_understands() -> None:
    from google.cloud import pubsub_v1

    pubsub_v1.PublisherClient().create_topic(name=TOPIC)
    with pubsub_v1.SubscriberClient() as looking:
        looking.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
        said = training.start(settings_of("dev"), "flights")
        (received,) = looking.pull(subscription=SUBSCRIPTION, max_messages=2).received_messages
    assert json.loads(received.message.data) == {"use_case": "flights"}
    assert f"message {received.message.message_id} on {TOPIC}" in said


@pytest.mark.usefixtures("pubsub")
def test_without_its_topic_the_way_there_is_named() -> None:
    with raises(
        CloudError, subject=re.compile("topics/pipeline-runs$"), remedy=re.compile("make plan-infra ENV=dev")
    ):
        training.start(settings_of("dev"), "flights")
