"""What a run stands on: the content of its source, and the champion it will be judged against."""

from typing import NamedTuple

from components.resolve.settings import ResolveStage
from components.shared.files.artifacts import Summary, write_json, writing
from components.shared.files.place import Place
from components.shared.registry import Version, open_registry
from components.shared.sources import open_source


class Standing(NamedTuple):
    """The state of the world a run starts from; empty strings where there is nothing yet."""

    source: str
    champion: str
    model: str
    """Of the champion; without one, a place at which there never is a model: an artifact needs a place."""
    statistics: str

    def summary(self) -> Summary:
        """What is there."""
        champion = {"champion": self.champion, "model": self.model, "statistics": self.statistics}
        return {"source": self.source, **(champion if self.champion else {})}


def run(stage: ResolveStage, inputs: str, out: Place) -> Standing:
    """As `look`, and write what is found to `out`, the `standing` artifact: `standing.json`."""
    standing = look(stage, inputs)
    with writing(out) as folder:
        write_json(folder / "standing.json", standing._asdict())
    return standing


def look(stage: ResolveStage, inputs: str) -> Standing:
    """Look at the source and the registry.

    Args:
        stage: Where to look.
        inputs: The digest of the run's settings and code; empty for a run without cache.

    Returns:
        The fingerprint of the tables that the query reads; the champion's version, and the places
        of its model and of the statistics of its training data.
    """
    source = open_source(stage.source.uri, access=stage.access).fingerprint(stage.source)
    champion = _judge(stage, inputs, source)
    if champion:
        return Standing(source, str(champion.number), str(champion.model), str(champion.statistics))
    registry = f"gs://{stage.vertex.bucket}/registry" if stage.vertex else stage.registry
    return Standing(source, "", f"{registry.removeprefix('file://')}/{stage.name}/none", "")


def _judge(stage: ResolveStage, inputs: str, source: str) -> Version | None:
    """The version that a candidate is compared with.

    Where the champion came from the very same source, settings and code, it is this run's own
    model: the run then stands on the champion's predecessor, so that running again changes nothing.
    """
    registry = open_registry(stage.registry, stage.vertex)
    champion = registry.champion(stage.name)
    if champion is None or not champion.has_inputs({"source": source, "inputs_digest": inputs}):
        return champion
    predecessor = champion.lineage.get("judged_against")
    return registry.version(stage.name, int(predecessor)) if predecessor else None
