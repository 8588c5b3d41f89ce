"""What Google's APIs reject, although the provider's schema admits it: names, choices and ranges, as tables.

From the pages on naming and on quotas of each service, and from the checks in the provider's own definitions.
"""

import re
from typing import NamedTuple

DAY = 86_400


class Name(NamedTuple):
    """A name's pattern, and the same in words."""

    type: str
    path: str
    pattern: str
    words: str


class Choice(NamedTuple):
    """The values that there are."""

    type: str
    path: str
    values: tuple[str, ...]


class Range(NamedTuple):
    """The least and the greatest number; `zero` may stand for none. Durations are in seconds."""

    type: str
    path: str
    least: float
    greatest: float
    zero: bool = False

    @property
    def words(self) -> str:
        """For a person."""
        top = "" if self.greatest == float("inf") else f" and at most {_plain(self.greatest)}"
        return f"{'0, or ' if self.zero else ''}at least {_plain(self.least)}{top}"


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


_COMPUTE = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_COMPUTE_WORDS = "1 to 63 of a-z, 0-9 and -, from a letter to a letter or digit"
_EVENT = r"(?!goog)[A-Za-z][A-Za-z0-9._~%+-]{2,254}"
_EVENT_WORDS = "3 to 255 of letters, digits and -._~%+, beginning with a letter and not with goog"
_POOL = r"(?!gcp-)[a-z0-9-]{4,32}"
_POOL_WORDS = "4 to 32 of a-z, 0-9 and -, not beginning with gcp-"
_ACCOUNT = r"[a-z][-a-z0-9]{4,28}[a-z0-9]"

NAMES = (
    Name(
        "google_storage_bucket", "name",
        r"(?!goog)(?!.*google)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]",
        "3 to 63 of a-z, 0-9, -, _ and ., from a letter or digit to one, without google",
    ),
    Name("google_pubsub_topic", "name", _EVENT, _EVENT_WORDS),
    Name("google_pubsub_subscription", "name", _EVENT, _EVENT_WORDS),
    Name(
        "google_service_account", "account_id", _ACCOUNT,
        "6 to 30 of a-z, 0-9 and -, from a letter to a letter or digit",
    ),
    Name("google_bigquery_dataset", "dataset_id", r"\w{1,1024}", "letters, digits and _"),
    Name("google_bigquery_table", "table_id", r"[\w -]{1,1024}", "letters, digits, _, - and spaces"),
    Name("google_compute_network", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_compute_subnetwork", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_compute_firewall", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_compute_router", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_compute_router_nat", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_compute_network_attachment", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_cloudfunctions2_function", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_workbench_instance", "name", _COMPUTE, _COMPUTE_WORDS),
    Name("google_artifact_registry_repository", "repository_id", _COMPUTE, _COMPUTE_WORDS),
    Name("google_kms_key_ring", "name", r"[\w-]{1,63}", "1 to 63 of letters, digits, _ and -"),
    Name("google_kms_crypto_key", "name", r"[\w-]{1,63}", "1 to 63 of letters, digits, _ and -"),
    Name("google_cloud_scheduler_job", "name", r"[\w-]{1,500}", "1 to 500 of letters, digits, _ and -"),
    Name("google_iam_workload_identity_pool", "workload_identity_pool_id", _POOL, _POOL_WORDS),
    Name(
        "google_iam_workload_identity_pool_provider", "workload_identity_pool_provider_id", _POOL, _POOL_WORDS
    ),
    Name("google_project_iam_custom_role", "role_id", r"[\w.]{3,64}", "3 to 64 of letters, digits, _ and ."),
    Name("google_secret_manager_secret", "secret_id", r"[\w-]{1,255}", "letters, digits, _ and -"),
    Name(
        "google_service_account_iam_member", "service_account_id",
        rf"projects/(-|{_ACCOUNT})/serviceAccounts/[\w.-]+@[\w.-]+",
        "projects/PROJECT/serviceAccounts/E-MAIL",
    ),
)  # fmt: skip
"""Names whose pattern must match whole, in ASCII."""

PROJECT = re.compile(_ACCOUNT)
PROJECT_WORDS = "a project id: 6 to 30 of a-z, 0-9 and -, from a letter to a letter or digit"

STORAGE_CLASSES = ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE")
CHOICES = (
    Choice("google_storage_bucket", "storage_class", STORAGE_CLASSES),
    Choice("google_storage_bucket", "lifecycle_rule.action.storage_class", STORAGE_CLASSES),
    Choice(
        "google_storage_bucket", "lifecycle_rule.action.type",
        ("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"),
    ),
    Choice("google_storage_bucket", "lifecycle_rule.condition.with_state", ("LIVE", "ARCHIVED", "ANY")),
    Choice(
        "google_artifact_registry_repository", "format",
        ("DOCKER", "KFP", "PYTHON", "MAVEN", "NPM", "APT", "YUM", "GO", "GENERIC"),
    ),
    Choice(
        "google_compute_subnetwork", "purpose",
        ("PRIVATE", "REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", "PRIVATE_SERVICE_CONNECT"),
    ),
    Choice(
        "google_cloudfunctions2_function", "service_config.ingress_settings",
        ("ALLOW_INTERNAL_ONLY", "ALLOW_INTERNAL_AND_GCLB", "ALLOW_ALL"),
    ),
)  # fmt: skip

RANGES = (
    Range("google_pubsub_subscription", "ack_deadline_seconds", 10, 600),
    Range("google_pubsub_subscription", "message_retention_duration", 600, 31 * DAY),
    Range("google_pubsub_subscription", "dead_letter_policy.max_delivery_attempts", 5, 100),
    Range("google_pubsub_subscription", "expiration_policy.ttl", DAY, 10_000 * DAY),
    Range("google_pubsub_subscription", "retry_policy.minimum_backoff", 0, 600),
    Range("google_pubsub_subscription", "retry_policy.maximum_backoff", 0, 600),
    Range("google_pubsub_topic", "message_retention_duration", 600, 31 * DAY),
    Range(
        "google_storage_bucket", "soft_delete_policy.retention_duration_seconds", 7 * DAY, 90 * DAY, zero=True
    ),
    Range("google_bigquery_dataset", "default_table_expiration_ms", 3_600_000, float("inf")),
    Range("google_bigquery_dataset", "max_time_travel_hours", 48, 168),
    Range("google_kms_crypto_key", "rotation_period", DAY, float("inf")),
    Range("google_kms_crypto_key", "destroy_scheduled_duration", DAY, 120 * DAY),
    Range("google_cloudfunctions2_function", "service_config.timeout_seconds", 1, 3600),
    Range("google_cloud_scheduler_job", "retry_config.retry_count", 0, 5),
    Range("google_workbench_instance", "gce_setup.boot_disk.disk_size_gb", 150, 65_536),
    Range("google_billing_budget", "threshold_rules.threshold_percent", 0.01, 10),
)


class Alternatives(NamedTuple):
    """Of these, in each block at `path`, at least `least` and at most one; an empty path is the resource."""

    type: str
    path: str
    names: tuple[str, ...]
    least: int = 1


_SOURCES = (
    "trigger_template", "github", "bitbucket_server_trigger_config", "pubsub_config", "webhook_config",
    "source_to_build", "repository_event_config",
)  # fmt: skip
_CONDITIONS = (
    "condition_threshold", "condition_absent", "condition_matched_log", "condition_sql",
    "condition_monitoring_query_language", "condition_prometheus_query_language",
)  # fmt: skip
ALTERNATIVES = (
    Alternatives(
        "google_cloud_scheduler_job", "", ("pubsub_target", "http_target", "app_engine_http_target")
    ),
    Alternatives("google_vertex_ai_endpoint", "", ("network", "private_service_connect_config"), 0),
    Alternatives("google_cloudbuild_trigger", "", ("filename", "build", "git_file_source")),
    Alternatives("google_cloudbuild_trigger", "", _SOURCES),
    Alternatives("google_cloudbuild_trigger", "repository_event_config", ("push", "pull_request")),
    Alternatives("google_cloudbuild_trigger", "repository_event_config.push", ("branch", "tag")),
    Alternatives("google_cloudbuild_trigger", "github", ("push", "pull_request")),
    Alternatives(
        "google_pubsub_subscription", "", ("push_config", "bigquery_config", "cloud_storage_config"), 0
    ),
    Alternatives("google_monitoring_alert_policy", "conditions", _CONDITIONS),
    Alternatives("google_compute_firewall", "", ("allow", "deny")),
    Alternatives("google_iam_workload_identity_pool_provider", "", ("oidc", "aws", "saml", "x509")),
    Alternatives("google_secret_manager_secret", "replication", ("auto", "user_managed")),
)
