"""What each stage is told: its own part of the settings, and nothing else.

The JSON of a part is the stage's `settings` parameter in the graph, and so a part of its cache key.
"""

from configs import dataflow
from configs.cloud import BigQueryAccess, OnlinePrediction
from configs.errors import SettingsError
from configs.section import Section
from configs.settings import (
    Beam,
    Column,
    Deployment,
    Evaluation,
    Features,
    HashSplit,
    Ingest,
    Label,
    Name,
    Serving,
    Settings,
    Source,
    TimeSplit,
    Training,
    Transform,
    Validation,
)


class ServingCloud(Section):
    """How versions are kept and served on Vertex AI."""

    bucket: str
    """Holds each version's files: gs://BUCKET/registry/NAME/…"""
    image: str
    """Of the prediction server."""
    serving: Serving
    """What the server is told."""
    prediction: OnlinePrediction
    service_account: str = ""
    """Runs the server."""
    labels: dict[str, str] = {}
    kms_key: str = ""
    loopback: str = ""
    """A server that stands in for Vertex AI's, for tests."""


class ResolveStage(Section):
    """Where to look for what the run stands on."""

    name: Name
    source: Source
    registry: str
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""


class IngestStage(Section):
    """Which rows, and how they are split."""

    source: Source
    label: Label
    key: Column | None = None
    split: TimeSplit | HashSplit
    columns: tuple[Column, ...]
    """Columns the later stages need: the query must return them."""
    ingest: Ingest
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""


class ValidateStage(Section):
    """What the rows must look like."""

    schema_pbtxt: str
    """The reviewed schema; empty: infer one."""
    label: Label
    key: Column | None
    features: Features
    validation: Validation


class TransformStage(Section):
    """How raw columns become model inputs."""

    label: Label
    key: Column | None
    features: Features
    transform: Transform
    beam: Beam


class TrainStage(Section):
    """Which model, and how it learns. Its inputs are what the transform graph's features.json says."""

    name: Name
    label: Label
    training: Training


class EvaluateStage(Section):
    """What is measured, and what must hold."""

    label: Label
    key: Column | None
    evaluation: Evaluation
    beam: Beam


class DeployStage(Section):
    """Which model is versioned, and how it reaches the endpoint."""

    name: Name
    registry: str
    deployment: Deployment
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""


class ChooseStage(Section):
    """Where to look for the model and the rows of a batch prediction."""

    name: Name
    registry: str
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""
    source: Source
    examples: str
    """The query whose rows are the table `examples` of the source's; empty: none."""
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""


class SelectStage(Section):
    """Which rows are scored. Which features they need, the model says."""

    source: Source
    examples: str
    """The query whose rows are the table `examples` of the source's; empty: none."""
    key: Column | None
    columns: tuple[Column, ...]
    """Carried along."""
    ingest: Ingest
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""


class PredictStage(Section):
    """How rows are scored, and what is kept of them."""

    name: Name
    key: Column | None
    columns: tuple[Column, ...]
    """Carried along."""
    threshold: float
    """A score from here on is a positive prediction."""
    shard_rows: int
    """Rows of an output shard at most; also what one Beam worker takes at a time."""
    batch_rows: int
    max_string_bytes: int
    """A row with a longer string is rejected, as it was in training."""
    max_rejected: float
    beam: Beam


class DeliverStage(Section):
    """Where predictions go."""

    output: str
    """`file://FOLDER`, `gs://BUCKET/FOLDER` or `bq://PROJECT.DATASET.TABLE`."""
    access: BigQueryAccess | None = None
    """For a table on Google Cloud."""


def _located(settings: Settings) -> Source:
    """The source with its place: its own, or the environment's warehouse."""
    return settings.source.model_copy(update={"uri": settings.source.uri or settings.places.warehouse})


def serving_cloud(settings: Settings) -> ServingCloud | None:
    """What a registry on Vertex AI is told; None where the environment has no cloud."""
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
        loopback=cloud.loopback.vertex,
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
        read_endpoint=cloud.loopback.bigquery_read,
    )


def resolve_stage(settings: Settings) -> ResolveStage:
    """The part of `resolve`."""
    return ResolveStage(
        name=settings.name,
        source=_located(settings),
        registry=settings.places.registry,
        access=bigquery_access(settings, "resolve"),
        vertex=serving_cloud(settings),
    )


def ingest_stage(settings: Settings) -> IngestStage:
    """The part of `ingest`."""
    named = (
        settings.key,
        settings.decision_time,
        *settings.features.columns,
        *(column for slice_ in settings.evaluation.slices for column in slice_),
    )
    return IngestStage(
        source=_located(settings),
        label=settings.label,
        key=settings.key,
        split=settings.split,
        columns=tuple(dict.fromkeys(column for column in named if column)),
        ingest=settings.ingest,
        access=bigquery_access(settings, "ingest"),
    )


def validate_stage(settings: Settings, schema_pbtxt: str) -> ValidateStage:
    """The part of `validate`."""
    return ValidateStage(
        schema_pbtxt=schema_pbtxt,
        label=settings.label,
        key=settings.key,
        features=settings.features,
        validation=settings.validation,
    )


def transform_stage(settings: Settings) -> TransformStage:
    """The part of `transform`."""
    return TransformStage(
        label=settings.label,
        key=settings.key,
        features=settings.features,
        transform=settings.transform,
        beam=dataflow.beam(settings),
    )


def train_stage(settings: Settings) -> TrainStage:
    """The part of `train`."""
    return TrainStage(
        name=settings.name,
        label=settings.label,
        training=settings.training,
    )


def evaluate_stage(settings: Settings) -> EvaluateStage:
    """The part of `evaluate`."""
    return EvaluateStage(
        label=settings.label,
        key=settings.key,
        evaluation=settings.evaluation,
        beam=dataflow.beam(settings),
    )


def deploy_stage(settings: Settings) -> DeployStage:
    """The part of `deploy`."""
    return DeployStage(
        name=settings.name,
        registry=settings.places.registry,
        deployment=settings.deployment,
        vertex=serving_cloud(settings),
    )


def choose_stage(settings: Settings) -> ChooseStage:
    """The part of `choose`."""
    source, examples = _scored(settings)
    return ChooseStage(
        name=settings.name,
        registry=settings.places.registry,
        vertex=serving_cloud(settings),
        source=source,
        examples=examples,
        access=bigquery_access(settings, "choose"),
    )


def select_stage(settings: Settings) -> SelectStage:
    """The part of `select`.

    Raises:
        SettingsError: Nothing would tell one prediction from another.
    """
    if settings.key is None and not settings.prediction.columns:
        raise SettingsError(
            f"use case '{settings.name}'",
            expected="a key, or prediction.columns: what tells one prediction from another",
            got="neither",
            way_out="Name the column that names a row: key: COLUMN.",
        )
    source, examples = _scored(settings)
    return SelectStage(
        source=source,
        examples=examples,
        key=settings.key,
        columns=settings.prediction.columns,
        ingest=settings.ingest,
        access=bigquery_access(settings, "select"),
    )


def predict_stage(settings: Settings) -> PredictStage:
    """The part of `predict`."""
    return PredictStage(
        name=settings.name,
        key=settings.key,
        columns=settings.prediction.columns,
        threshold=settings.evaluation.threshold,
        shard_rows=settings.transform.shard_rows,
        batch_rows=settings.prediction.batch_rows,
        max_string_bytes=settings.transform.max_string_bytes,
        max_rejected=settings.prediction.max_rejected,
        beam=dataflow.beam(settings),
    )


def deliver_stage(settings: Settings) -> DeliverStage:
    """The part of `deliver`.

    Raises:
        SettingsError: A run on Google Cloud would leave its predictions on a machine that vanishes.
    """
    root = settings.places.root
    below_root = f"{root if '://' in root else f'file://{root}'}/predictions/{settings.name}"
    output = settings.prediction.output or below_root
    if settings.cloud and output.startswith("file://"):
        raise SettingsError(
            "prediction.output",
            expected=f"gs://… or bq://… in environment '{settings.environment}', which runs on Google Cloud",
            got=output,
            way_out="Set it in the environment's YAML, or leave it out.",
        )
    return DeliverStage(output=output, access=bigquery_access(settings, "deliver"))


def _scored(settings: Settings) -> tuple[Source, str]:
    """Where the rows to score come from, and the query of its table `examples`."""
    prediction, source = settings.prediction, _located(settings)
    if not prediction.query:
        return source.model_copy(update={"uri": prediction.uri or source.uri}), ""
    told = {
        "uri": prediction.uri or source.uri,
        "query": prediction.query,
        "sql": prediction.sql,
        "parameters": {**source.parameters, **prediction.parameters},
    }
    return source.model_copy(update=told), source.sql


def told(settings: Settings, schema_pbtxt: str) -> dict[str, str]:
    """What each stage of training is told, by its name, as the JSON that is its parameter."""
    parts: dict[str, Section] = {
        "resolve": resolve_stage(settings),
        "ingest": ingest_stage(settings),
        "validate": validate_stage(settings, schema_pbtxt),
        "transform": transform_stage(settings),
        "train": train_stage(settings),
        "evaluate": evaluate_stage(settings),
        "deploy": deploy_stage(settings),
    }
    return {stage: part.model_dump_json() for stage, part in parts.items()}


def told_prediction(settings: Settings) -> dict[str, str]:
    """The same for the stages of batch prediction.

    Raises:
        SettingsError: The use case and the environment do not fit batch prediction.
    """
    parts: dict[str, Section] = {
        "choose": choose_stage(settings),
        "select": select_stage(settings),
        "predict": predict_stage(settings),
        "deliver": deliver_stage(settings),
    }
    return {stage: part.model_dump_json() for stage, part in parts.items()}
