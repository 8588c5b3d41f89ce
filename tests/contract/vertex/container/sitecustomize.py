"""Loaded by every process of a job: `/gcs/BUCKET/…`, a mount on Vertex AI, lies in a folder of the server."""

import os

if "VERTEX_GCS_MOUNT" in os.environ:
    from kfp.dsl.types import artifact_types

    artifact_types._GCS_LOCAL_MOUNT_PREFIX = os.environ["VERTEX_GCS_MOUNT"] + "/"
