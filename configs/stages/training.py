"""What each stage of training is told."""

from configs import dataflow
from configs.cloud import BigQueryAccess
from configs.deployment import Deployment
from configs.evaluation import Evaluation
from configs.features import Features, Transform
from configs.places import Beam
from configs.rows import HashSplit, Ingest, Label, Source, TimeSplit
from configs.section import Section
from configs.settings import Settings
from configs.stages.cloud import ServingCloud, bigquery_access, serving_cloud
from configs.training import Training
from configs.validation import Validation
from configs.values import Column, Name


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


def told_training(settings: Settings, schema_pbtxt: str) -> dict[str, str]:
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


def resolve_stage(settings: Settings) -> ResolveStage:
    """The part of `resolve`."""
    return ResolveStage(
        name=settings.name,
        source=settings.located_source,
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
        source=settings.located_source,
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
