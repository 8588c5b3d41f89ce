"""What each stage of batch prediction is told."""

from configs import dataflow
from configs.cloud import BigQueryAccess
from configs.errors import SettingsError
from configs.places import Beam
from configs.rows import Ingest, Source
from configs.section import Section
from configs.settings import Settings
from configs.stages.cloud import ServingCloud, bigquery_access, serving_cloud
from configs.values import Column, Name


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
            remedy="Name the column that names a row: key: COLUMN.",
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
            remedy="Set it in the environment's YAML, or leave it out.",
        )
    return DeliverStage(output=output, access=bigquery_access(settings, "deliver"))


def _scored(settings: Settings) -> tuple[Source, str]:
    """Where the rows to score come from, and the query of its table `examples`."""
    prediction, source = settings.prediction, settings.located_source
    if not prediction.query:
        return source.model_copy(update={"uri": prediction.uri or source.uri}), ""
    told = {
        "uri": prediction.uri or source.uri,
        "query": prediction.query,
        "sql": prediction.sql,
        "parameters": {**source.parameters, **prediction.parameters},
    }
    return source.model_copy(update=told), source.sql
