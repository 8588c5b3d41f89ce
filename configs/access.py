"""What stages need to know of Google Cloud: how versions are served there, and who queries BigQuery."""

from configs.bigquery import BigQueryAccess
from configs.cloud import OnlinePrediction
from configs.deployment import Serving
from configs.section import Section
from configs.settings import Settings


class ServingCloud(Section):
    """How versions are stored and served on Vertex AI."""

    bucket: str
    """Holds each version's files: gs://BUCKET/registry/NAME/…"""
    image: str
    """Of the prediction server."""
    serving: Serving
    """The limits of the server."""
    prediction: OnlinePrediction
    service_account: str = ""
    """Runs the server."""
    labels: dict[str, str] = {}
    kms_key: str = ""


def serving_cloud(settings: Settings) -> ServingCloud | None:
    """How a registry on Vertex AI serves; None where the environment has no cloud."""
    cloud = settings.cloud
    if cloud is None:
        return None
    return ServingCloud(
        bucket=cloud.bucket,
        image=cloud.prediction.image or settings.image,
        serving=settings.deployment.serving,
        prediction=cloud.prediction,
        service_account=cloud.identities.serving,
        labels=settings.labels,
        kms_key=cloud.kms_key,
    )


def bigquery_access(settings: Settings, stage: str) -> BigQueryAccess | None:
    """What `stage` needs to ask BigQuery; None outside Google Cloud."""
    cloud = settings.cloud
    if cloud is None:
        return None
    command = f"python -m pipelines seed {settings.name} --env {settings.environment}"
    return BigQueryAccess(
        project=cloud.project,
        location=cloud.bigquery.location or cloud.location,
        bigquery=cloud.bigquery,
        kms_key=cloud.kms_key,
        labels={**cloud.labels, "use_case": settings.name, "stage": stage},
        seed_command=command if settings.source.sample else "",
    )
