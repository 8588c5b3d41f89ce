"""What tells a stage to stop: Ctrl-C, and SIGTERM, which Vertex AI sends.

A process that is the first of its container does not even end by SIGTERM unless it listens to it.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self


class Signals:
    """Both as KeyboardInterrupt, in the main thread; elsewhere they are what they were."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._keeping = False
        self._told = ""

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what comes until `heed`."""
        self._keeping = True
        yield
        self._keeping = False

    def heed(self) -> None:
        """Raise what was kept."""
        if self._told:
            raise KeyboardInterrupt(self._told)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._told = f"told to stop by {signal.Signals(number).name}"
        if not self._keeping:
            self.heed()
