"""The signals that stop a stage: Ctrl-C, and SIGTERM, which Vertex AI sends.

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
        self._deferring = False
        self._pending = ""

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
    def deferred(self) -> Iterator[None]:
        """Defer what arrives until `raise_pending`."""
        self._deferring = True
        yield
        self._deferring = False

    def raise_pending(self) -> None:
        """Raise what was deferred."""
        if self._pending:
            raise KeyboardInterrupt(self._pending)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._pending = f"stopped by {signal.Signals(number).name}"
        if not self._deferring:
            self.raise_pending()
