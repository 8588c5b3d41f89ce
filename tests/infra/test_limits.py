"""The tables of names, choices, ranges and alternatives: each row both ways."""

from typing import Any

import pytest

from tests.infra.judging import SOUND_VALUES, Values, judged
from tests.infra.limits import ALTERNATIVES, CHOICES, NAMES, RANGES
from tests.infra.provider.packages import pinned
from tests.infra.provider.schema import pruned

GOOD_NAMES = {
    "google_storage_bucket": "my-project-dev-pipeline",
    "google_pubsub_topic": "pipeline-runs",
    "google_pubsub_subscription": "pipeline-runs.dead",
    "google_service_account": "dataflow-worker",
    "google_bigquery_dataset": "pipeline_temporary",
    "google_bigquery_table": "requests",
    "google_kms_key_ring": "pipeline",
    "google_kms_crypto_key": "Pipeline_1",
    "google_cloud_scheduler_job": "train-flights",
    "google_iam_workload_identity_pool": "github",
    "google_iam_workload_identity_pool_provider": "github",
    "google_project_iam_custom_role": "trainer.writes",
    "google_secret_manager_secret": "token",
    "google_service_account_iam_member": "projects/my-project/serviceAccounts/a@b.iam.gserviceaccount.com",
}
BAD_NAMES = {
    "google_storage_bucket": ["Upper", "ab", "goog-x", "my-google-x", "10.0.0.1", "x" * 64, "end-"],
    "google_pubsub_topic": ["1", "ab", "googles", "1runs", "ru ns"],
    "google_pubsub_subscription": ["ab"],
    "google_service_account": ["short", "Upper-case", "x" * 31, "ends-in-", "1pipeline"],
    "google_bigquery_dataset": ["bad-id", "größe", ""],
    "google_bigquery_table": ["a/b"],
    "google_kms_key_ring": ["a.b", "x" * 64],
    "google_kms_crypto_key": ["a b"],
    "google_cloud_scheduler_job": ["a.b"],
    "google_iam_workload_identity_pool": ["gcp-pool", "abc", "Pool"],
    "google_iam_workload_identity_pool_provider": ["gcp-x", "abc"],
    "google_project_iam_custom_role": ["a-b", "ab"],
    "google_secret_manager_secret": ["a.b"],
    "google_service_account_iam_member": ["trainer@my-project-dev.iam.gserviceaccount.com"],
}


@pytest.mark.parametrize("limit", NAMES, ids=lambda limit: f"{limit.type}.{limit.path}")
def test_names(limit: Any) -> None:
    rest = SOUND_VALUES.get(limit.type, {})
    good, *bad = (
        GOOD_NAMES.get(limit.type, "pipeline"),
        *BAD_NAMES.get(limit.type, ["Upper", "-a", "a" * 64, "a_b"]),
    )
    assert judged((limit.type, rest | {limit.path: good})) == []
    for wrong in bad:
        expected = f"{limit.type}.this[0]: {limit.path}: expected {limit.words}, got {wrong!r}"
        assert judged((limit.type, rest | {limit.path: wrong})) == [expected]


def nested(path: str, value: Any) -> Values:
    """The value at `block.attribute`, each block a list of one."""
    name, _, rest = path.partition(".")
    return {name: [nested(rest, value)] if rest else value}


def merged(rest: Values, path: str, value: Any) -> Values:
    """A resource's other values, and one more."""
    made = nested(path, value)
    (name,) = made
    blocks = rest.get(name)
    return rest | ({name: [blocks[0] | made[name][0]]} if isinstance(blocks, list) else made)


@pytest.mark.parametrize("limit", CHOICES, ids=lambda limit: f"{limit.type}.{limit.path}")
def test_choices(limit: Any) -> None:
    rest = SOUND_VALUES.get(limit.type, {})
    for good in limit.values:
        if good == "PRIVATE" or limit.path != "purpose":
            assert judged((limit.type, merged(rest, limit.path, good))) == []
    (said,) = judged((limit.type, merged(rest, limit.path, "STANDARDD")))
    assert said.endswith(f"{limit.path}: expected one of {', '.join(limit.values)}, got 'STANDARDD'")


@pytest.mark.parametrize("limit", RANGES, ids=lambda limit: f"{limit.type}.{limit.path}")
def test_ranges_at_their_edges(limit: Any) -> None:
    rest = SOUND_VALUES.get(limit.type, {})
    edges = [limit.least, *([0] if limit.zero else []), *([limit.greatest] if limit.greatest < 1e12 else [])]
    for good in edges:
        for written in (good, f"{good:.9f}s", str(good)):
            assert judged((limit.type, merged(rest, limit.path, written))) == []
    beyond = [limit.least - 0.001, *([limit.greatest + 0.001] if limit.greatest < 1e12 else []), "soon"]
    for wrong in beyond:
        (said,) = judged((limit.type, merged(rest, limit.path, wrong)))
        assert f"{limit.path}: expected {limit.words}, got {wrong!r}" in said


def test_a_rotation_of_100_seconds_is_rejected_in_plain_numbers() -> None:
    (said,) = judged(("google_kms_crypto_key", {"rotation_period": "100s"}))
    assert said == "google_kms_crypto_key.this[0]: rotation_period: expected at least 86400, got '100s'"


def test_an_expiration_of_never_is_taken() -> None:
    assert judged(("google_pubsub_subscription", {"expiration_policy": [{"ttl": ""}]})) == []


@pytest.mark.parametrize(
    "limit", ALTERNATIVES, ids=lambda limit: f"{limit.type}.{limit.path}.{limit.names[0]}"
)
def test_alternatives(limit: Any) -> None:
    rest = {key: value for key, value in SOUND_VALUES.get(limit.type, {}).items() if key not in limit.names}
    one, other, *_ = limit.names

    def said(*there: str) -> list[str]:
        block: Values = {
            name: [{"push": [{"branch": "x"}]}] if name.endswith("event_config") else [{}] for name in there
        }
        if not limit.path:
            return judged((limit.type, rest | block))
        *outer, last = limit.path.split(".")
        path = ".".join([*outer, last])
        return judged((limit.type, rest | nested(path, [block])))

    def about(found: list[str]) -> list[str]:
        return [line for line in found if limit.names[0] in line and limit.names[-1] in line]

    assert about(said(one)) == []
    assert about(said(other)) == []
    (both,) = about(said(one, other))
    assert f"got {one} and {other}" in both
    assert bool(about(said())) is bool(limit.least)


def test_an_alternative_that_only_the_apply_tells_counts() -> None:
    values: Values = {
        "network": None,
        "private_service_connect_config": [{"enable_private_service_connect": True}],
    }
    assert judged(("google_vertex_ai_endpoint", values)) == []
    (said,) = judged(("google_vertex_ai_endpoint", values), unknown={"network": True})
    assert "at most one of network, private_service_connect_config, got network and private" in said


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(
    "limit", [*NAMES, *CHOICES, *RANGES, *ALTERNATIVES], ids=lambda limit: f"{limit.type}.{limit.path}"
)
def test_the_tables_name_what_the_provider_has(limit: Any) -> None:
    """A path with a mistake would never find anything."""
    google = pinned()[0]
    block = pruned(google, [limit.type])["resource_schemas"][limit.type]["block"]
    paths = [".".join(filter(None, [limit.path, name])) for name in getattr(limit, "names", [""])]
    for path in paths:
        *outer, last = path.split(".")
        inner = block
        for step in outer:
            inner = inner["block_types"][step]["block"]
        assert last in inner["block_types"] or last in inner["attributes"], path
        is_computed = inner["attributes"].get(last, {}).get("computed", False)
        assert not (is_computed and hasattr(limit, "names")), f"{path}: unset, it would count as set"
