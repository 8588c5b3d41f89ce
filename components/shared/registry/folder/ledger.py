"""The two files that say who serves one model and how that came about.

`endpoint.json` holds aliases, traffic and the last event; a change is one atomic write of it.
`history.jsonl` holds every event; a line that is missing after a crash is put back from `endpoint.json`.
"""

import contextlib
import datetime
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel

from components.shared.files.artifacts import write_json
from components.shared.files.place import Place
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.version import Event, EventName
from configs.errors import BusyError, RegistryError

Clock = Callable[[], datetime.datetime]
Content = TypeVar("Content", bound=BaseModel)

_LOCK_SECONDS = 60.0


def utc_now() -> datetime.datetime:
    """The clock of this machine, UTC."""
    return datetime.datetime.now(datetime.UTC)


class State(BaseModel):
    """The content of endpoint.json."""

    endpoint: Endpoint = Endpoint()
    last_version: int = 0
    """The highest number ever given, so that none is given twice."""
    last_event: Event | None = None


class Ledger:
    """The files of one model in `folder`; `clock` stamps its events."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._state_path, self._history_path = folder / "endpoint.json", folder / "history.jsonl"

    def state(self) -> State:
        """The last committed state; empty before the first.

        Raises:
            RegistryError: The file is not what was written.
        """
        path = self._state_path
        return _parsed(State, path.read_bytes(), path) if path.is_file() else State()

    def history(self) -> list[Event]:
        """What happened, oldest first."""
        path, last = self._history_path, self.state().last_event
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        events = [_parsed(Event, line, path) for line in lines]
        missing = last is not None and (not events or events[-1].sequence < last.sequence)
        return [*events, last] if last and missing else events

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Ours alone to change; the folder must be there.

        Raises:
            BusyError: Another process has had it for a minute.
        """
        lock = FileLock(self._folder / ".lock", timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            raise BusyError(
                f"registry {self._folder}",
                got=f"a lock that another run has had for {_LOCK_SECONDS:.0f} s",
                remedy="Wait for that run to end, then run the same command again.",
            ) from None
        try:
            self._write_history(self.state())
            yield
        finally:
            lock.release()

    def commit(self, endpoint: Endpoint, event: EventName, version: int) -> None:
        """The one write that makes a change true; the history follows. Needs the lock."""
        before = self.state()
        after = State(
            endpoint=endpoint,
            last_version=max(before.last_version, version),
            last_event=Event(
                sequence=before.last_event.sequence + 1 if before.last_event else 1,
                at=self._clock(),
                event=event,
                version=version,
                traffic=endpoint.traffic,
            ),
        )
        write_json(self._state_path, after.model_dump(mode="json"))
        self._write_history(after)

    def _write_history(self, state: State) -> None:
        """Append the last event, unless it is there; a line torn by a crash is cut off first."""
        if state.last_event is None:
            return
        with self._history_path.open("a+b") as history:
            history.seek(0)
            content = history.read()
            whole, _, torn = content.rpartition(b"\n")
            last = whole.rpartition(b"\n")[2]
            if last and _parsed(Event, last, self._history_path).sequence == state.last_event.sequence:
                return
            history.truncate(len(content) - len(torn))
            history.write(state.last_event.model_dump_json().encode() + b"\n")


def _parsed(kind: type[Content], content: bytes, path: Path) -> Content:
    with translate_ledger_errors(path):
        return kind.model_validate_json(content)


@contextlib.contextmanager
def translate_ledger_errors(path: Place) -> Iterator[None]:
    """Turn a failure to read one of the registry's files into a `RegistryError` that names it."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise RegistryError(
            f"registry file {path}",
            expected="what the registry wrote",
            got=" ".join(str(error).split()),
            remedy="Put it back from a copy.",
        ) from None
