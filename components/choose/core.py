"""What a batch prediction stands on: a version, its features, the content of the source, a stamp."""

import datetime
import json
from typing import NamedTuple

from components.choose.settings import ChooseStage
from components.shared.files.artifacts import write_json, writing
from components.shared.files.place import Place
from components.shared.registry import Registry, Version, open_registry
from components.shared.registry.model_file import read_features
from components.shared.sources import open_source, selection
from configs.errors import RegistryError, SettingsError


class Choice(NamedTuple):
    """What the run will do; all strings, as they travel between the tasks of a pipeline."""

    source: str
    """The fingerprint of the tables that the query reads."""
    version: str
    model: str
    """The place of its SavedModel."""
    features: str
    """JSON of `numeric` and `categorical`: the raw columns that the model wants."""
    run_id: str
    scored_at: str
    """ISO 8601, UTC."""


class Stamp(NamedTuple):
    """What tells this run's predictions from another's."""

    run_id: str
    scored_at: str


def run(stage: ChooseStage, version: str, wanted: Stamp, otherwise: Stamp, out: Place) -> Choice:
    """Look at the registry and the source.

    Args:
        stage: Where to look.
        version: A number or an alias; empty: the champion.
        wanted: Of the run; what is empty there is taken from
        otherwise: what the pipeline's runner says of its job.
        out: The `choice` artifact: `choice.json`.

    Raises:
        RegistryError: No such version, or no champion yet.
        ModelError: The version does not say which features it needs.
        SourceError: The source or its SQL is wrong.
        SettingsError: No instant to stamp the predictions with.
    """
    chosen = _chosen(open_registry(stage.registry, stage.vertex), stage.name, version)
    rows = selection.with_examples(stage.source, stage.examples)
    source = open_source(stage.source.uri, access=stage.access).fingerprint(rows)
    features = read_features(chosen.model)
    choice = Choice(
        source=source,
        version=str(chosen.number),
        model=str(chosen.model),
        features=json.dumps({"numeric": [*features.numeric], "categorical": [*features.categorical]}),
        run_id=wanted.run_id or otherwise.run_id,
        scored_at=_instant(wanted.scored_at or otherwise.scored_at),
    )
    with writing(out) as folder:
        about = {
            "name": chosen.name,
            "status": chosen.status,
            "created_at": chosen.created_at.isoformat(),
            "trained_by": chosen.lineage.get("run_id", ""),
            "resources": list(chosen.resources),
        }
        write_json(folder / "choice.json", {**choice._asdict(), **about})
    return choice


def _chosen(registry: Registry, name: str, version: str) -> Version:
    if version.isdecimal():
        return registry.version(name, int(version))
    if version:
        return registry.alias(name, version)
    champion = registry.champion(name)
    if champion is None:
        known = ", ".join(str(each.number) for each in registry.versions(name))
        raise RegistryError(
            f"model '{name}'",
            expected="a champion to score with",
            got=f"none, of the versions {known}" if known else "no version at all",
            remedy=f"Train one: python -m pipelines run {name}, or name a version: --version N."
            if not known
            else f"Name one: --version N, or: python -m pipelines promote {name} N.",
        )
    return champion


def _instant(text: str) -> str:
    try:
        instant = datetime.datetime.fromisoformat(text)
    except ValueError:
        got = repr(text) if text else "nothing"
        raise SettingsError("scored_at", expected="an instant like 2013-12-31T06:00:00Z", got=got) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=datetime.UTC)
    return instant.astimezone(datetime.UTC).isoformat()
