"""Plans of a test's own making, and what the rules say of them."""

from typing import Any

from tests.infra.rules import violations

Values = dict[str, Any]

BUCKET = {"uniform_bucket_level_access": True, "public_access_prevention": "enforced"}
KEY = {"rotation_period": "7776000s"}
POOL = {"oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com"}], "attribute_condition": ""}
BOTH_CLAIMS = "assertion.repository == 'o/n' && assertion.ref == 'refs/heads/main'"
SOUND_VALUES: dict[str, Values] = {
    "google_storage_bucket": BUCKET,
    "google_kms_crypto_key": KEY,
    "google_iam_workload_identity_pool_provider": POOL | {"attribute_condition": BOTH_CLAIMS},
    "google_cloud_scheduler_job": {"pubsub_target": [{}]},
    "google_compute_subnetwork": {"private_ip_google_access": True},
    "google_compute_firewall": {"deny": [{}]},
    "google_workbench_instance": {"gce_setup": [{"disable_public_ip": True}]},
    "google_secret_manager_secret": {"replication": [{"auto": [{}]}]},
    "google_cloudbuild_trigger": {
        "filename": "cloudbuild.yaml",
        "repository_event_config": [{"push": [{"tag": "v"}]}],
    },
}
"""What a resource needs besides, so that a test's own attribute is all that a rule can find."""


def plan(*found: tuple[str, Values], unknown: Values | None = None) -> Values:
    """As `terraform show -json`, of resources named `this`, each with its own index."""
    changes = [
        {
            "address": f"{type_}.this[{index}]",
            "mode": "managed",
            "type": type_,
            "change": {"actions": ["create"], "after": values, "after_unknown": unknown or {}},
        }
        for index, (type_, values) in enumerate(found)
    ]
    return {"resource_changes": changes}


def judged(*found: tuple[str, Values], unknown: Values | None = None) -> list[str]:
    """Each violation as a person reads it."""
    return [str(violation) for violation in violations(plan(*found, unknown=unknown))]
