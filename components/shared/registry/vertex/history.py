"""What happened to a model: one JSON object an event, below its folder on `gs://`.

An event is recorded twice, by the endpoint's labels or a version's time and by its object; an object that a
killed change did not write is written by the next one.
"""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.paths import map_places
from components.shared.files.place import Place
from components.shared.registry.version import Event
from components.shared.registry.vertex.labels import Transition


class History:
    """The events in `folder`."""

    def __init__(self, folder: Place) -> None:
        self._folder = folder

    def events(self) -> list[Event]:
        """The events, oldest first, numbered from 1."""
        found = map_places(read_json, [self._folder / name for name in self._names()])
        ordered: list[Mapping[str, Any]] = sorted(
            found, key=lambda each: datetime.datetime.fromisoformat(each["at"])
        )
        return [Event(sequence=number, **each) for number, each in enumerate(ordered, 1)]

    def complete(self, known: Iterable[Transition], traffic: Mapping[int, int]) -> None:
        """Write those that are not there yet; `traffic` is the one after them."""
        there = set(self._names())
        for moved in known:
            if f"{moved}.json" not in there:
                content = {"at": moved.at.isoformat(), "event": moved.event, "version": moved.version}
                write_json(self._folder / f"{moved}.json", {**content, "traffic": dict(traffic)})

    def _names(self) -> list[str]:
        return [name for name in gcs_reading.objects(str(self._folder)) if name.endswith(".json")]
