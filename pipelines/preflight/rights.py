"""The smallest roles of each of `cloud.identities`, on what each is granted, and the roles that are as good.

The same as infra/iam_matrix.yaml grants them, which a test compares.
"""

from typing import Literal

Where = Literal["project", "bucket", "repository", "source", "temporary", "output"]
"""On what: the last three are BigQuery's datasets, that rows come from, pass through and are delivered to."""

OBJECT_USER = "roles/storage.objectUser"
BUCKET_READER = "roles/storage.legacyBucketReader"
"""To read the bucket's own metadata (`storage.buckets.get`), which objectUser does not allow. Beam does so
before it stages a job, TensorFlow's gs:// before it makes the first folder. dataflow.worker allows it too."""
VIEWER, EDITOR = "roles/bigquery.dataViewer", "roles/bigquery.dataEditor"
LOG = "roles/logging.logWriter"
IMAGES = "roles/artifactregistry.reader"
SMALLEST: dict[str, tuple[tuple[Where, str], ...]] = {
    "pipeline": (
        ("project", "roles/aiplatform.user"),
        ("project", "roles/bigquery.jobUser"),
        ("project", "roles/dataflow.developer"),
        ("project", LOG),
        ("source", VIEWER),
        ("temporary", EDITOR),
        ("output", EDITOR),
        ("bucket", OBJECT_USER),
        ("bucket", BUCKET_READER),
    ),
    "dataflow": (("project", "roles/dataflow.worker"), ("bucket", OBJECT_USER), ("repository", IMAGES)),
    "trainer": (("project", LOG), ("bucket", OBJECT_USER)),
    "serving": (("project", LOG), ("bucket", "roles/storage.objectViewer")),
}
CURVE_WRITER = "pipelineCurveWriter"
"""A role of our own, the trainer's where there is a TensorBoard; roles/aiplatform.user has what it has."""
_ALL = ("roles/editor", "roles/owner")
_OF_DATA = ("roles/bigquery.dataOwner", "roles/bigquery.admin", *_ALL)
_OF_BUCKETS = ("roles/storage.objectAdmin", "roles/storage.admin")
BROADER: dict[str, tuple[str, ...]] = {
    "roles/aiplatform.user": ("roles/aiplatform.admin", *_ALL),
    EDITOR: _OF_DATA,
    VIEWER: (EDITOR, *_OF_DATA),
    "roles/bigquery.jobUser": ("roles/bigquery.user", "roles/bigquery.admin", *_ALL),
    "roles/dataflow.developer": ("roles/dataflow.admin", *_ALL),
    "roles/dataflow.worker": (),
    LOG: ("roles/logging.admin", *_ALL),
    IMAGES: (
        "roles/artifactregistry.writer",
        "roles/artifactregistry.repoAdmin",
        "roles/artifactregistry.createOnPushWriter",
        "roles/artifactregistry.createOnPushRepoAdmin",
        "roles/artifactregistry.admin",
        *_ALL,
    ),
    OBJECT_USER: _OF_BUCKETS,
    BUCKET_READER: (
        "roles/storage.bucketViewer",
        "roles/storage.legacyBucketWriter",
        "roles/storage.legacyBucketOwner",
        "roles/storage.admin",
    ),
    "roles/storage.objectViewer": (OBJECT_USER, *_OF_BUCKETS),
    "roles/iam.serviceAccountUser": ("roles/iam.serviceAccountAdmin", *_ALL),
}
"""Roles that allow what the smaller one allows."""


def lacking(wanted: tuple[str, ...], granted: set[str]) -> list[str]:
    """The roles of which neither they nor a broader one is granted."""
    return [role for role in wanted if not {role, *BROADER.get(role, ())} & granted]
