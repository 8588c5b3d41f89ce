"""Every knob of the pipeline: typed, frozen, unknown keys rejected, defaults here and nowhere else.

A use case (`configs/<use case>/use_case.yaml`) says WHAT, an environment
(`configs/environments/<name>.yaml`) says WHERE; both are parts of one `Settings`.
A section's keys are described in the module of its name. Each stage receives its own section, so that
a change elsewhere does not invalidate its cache.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from configs.cloud import Cloud
from configs.deployment import Deployment
from configs.evaluation import Evaluation
from configs.features import Features, Transform
from configs.places import CLOUD_RUNS, Beam, Places
from configs.prediction import PREDICTED, Prediction
from configs.rows import HashSplit, Ingest, Label, Source, TimeSplit
from configs.section import Section
from configs.training import Training
from configs.validation import Validation
from configs.values import Column, Name


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
    schema_pbtxt: str = ""
    """The reviewed schema beside the YAML, filled in when the settings are read; empty: infer one."""

    @property
    def labels(self) -> dict[str, str]:
        """On everything that costs: whose it is, and the environment's own."""
        own = self.cloud.labels if self.cloud else {}
        return {"use_case": self.name, "environment": self.environment, **own}

    @property
    def resolved_source(self) -> Source:
        """The source with its place: its own, or the environment's warehouse."""
        return self.source.model_copy(update={"uri": self.source.uri or self.places.warehouse})

    @property
    def scored_source(self) -> Source:
        """The source of batch prediction with its place; its query may read the table `examples`."""
        prediction, source = self.prediction, self.resolved_source
        place = {"uri": prediction.uri or source.uri}
        if not prediction.query:
            return source.model_copy(update=place)
        query = {
            "query": prediction.query,
            "sql": prediction.sql,
            "parameters": {**source.parameters, **prediction.parameters},
        }
        return source.model_copy(update=place | query)

    @property
    def examples_query(self) -> str:
        """The query whose rows are the table `examples` of the scored source; empty: it has none."""
        return self.source.sql if self.prediction.query else ""

    @property
    def run_root(self) -> Path:
        """The folder of this machine that runs are recorded in, wherever they run."""
        return Path(CLOUD_RUNS if self.cloud else self.places.root)

    @property
    def checkpoints(self) -> str:
        """Where a training leaves its state until it has ended, so that a killed one goes on from there."""
        return f"{self.places.root}/{self.name}/checkpoints"

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
