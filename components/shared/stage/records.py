"""The records that the stages of a run left, and where its artifacts lie by them."""

from collections.abc import Mapping
from typing import Any

from components.shared.files.artifacts import read_json
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.files.storage import storage


def stage_records(folder: Place) -> list[dict[str, Any]]:
    """The records of the stages of a run, cached ones first, else in the order of their start.

    Args:
        folder: The place of the run: each stage's record lies in a folder below it, next to its outputs, or
            (on this machine) all in `stages/`. A stage taken from the cache has none there: its record is
            found next to the artifacts that the other stages read, where its own run left it.
    """
    named = (name.split("/") for name in storage(folder).files(folder) if name.endswith(".stage.json"))
    own = {parts[1]: read_json(folder / parts[0] / parts[1]) for parts in named if len(parts) == 2}
    records = {name: {"cached": False, **record} for name, record in own.items()}
    waiting = list(own.values())
    while waiting:
        for artifact in waiting.pop()["inputs"].values():
            made = place(artifact["path"]).parent
            for name in storage(made).files(made):
                if name.endswith(".stage.json") and "/" not in name and name not in records:
                    record = read_json(made / name)
                    records[name] = {**record, "cached": True}
                    waiting.append(record)
    return sorted(records.values(), key=lambda record: (not record["cached"], record["started_at"]))


def artifact_path(manifest: Mapping[str, Any], name: str) -> Place | None:
    """Where an artifact of a run lies; None if the run did not get so far."""
    for record in manifest["stages"]:
        if name in record["outputs"] and (path := place(record["outputs"][name]["path"])).exists():
            return path
    return None


def artifact_uri(manifest: Mapping[str, Any], name: str) -> str:
    """Where an artifact lies, for a person; empty if the run did not get so far."""
    outputs = (record["outputs"] for record in manifest["stages"] if name in record["outputs"])
    return next((str(each[name]["path"]) for each in outputs), "")
