"""A registry in a folder, for one machine: every change is atomic, one writer at a time.

`<name>/versions/<n>/` holds a version's files: it appears whole and never changes.
`<name>/endpoint.json` holds aliases, traffic and the last event; a change is one atomic write of it.
`<name>/history.jsonl` holds every event; a line that a crash prevented is put back from `endpoint.json`.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel

from components.shared.files.artifacts import digest, write_json
from components.shared.registry import NAME, Registry
from components.shared.registry.endpoint import Check, Endpoint
from components.shared.registry.version import (
    Clock,
    Event,
    EventName,
    Submission,
    Version,
    keep,
    read_version,
    translate_file_errors,
    utc_now,
)
from configs.errors import BusyError

Content = TypeVar("Content", bound=BaseModel)

_LOCK_SECONDS = 60.0


class FolderRegistry(Registry):
    """The registry in `root`; `clock` stamps versions and events."""

    def __init__(self, root: Path, clock: Clock = utc_now) -> None:
        self.root, self._clock, self.title = root, clock, f"registry {root}"

    def names(self) -> list[str]:
        """The models that have a version."""
        folders = [folder for folder in self.root.glob("*") if NAME.fullmatch(folder.name)]
        return sorted(folder.name for folder in folders if self._numbers(folder.name))

    def versions(self, name: str) -> list[Version]:
        """All versions, oldest first; none for an unknown name."""
        endpoint = self.endpoint(name)
        return [self._version(name, number, endpoint) for number in self._numbers(name)]

    def version(self, name: str, number: int) -> Version:
        """One version."""
        self._check_number(name, number, self._numbers(name))
        return self._version(name, number, self.endpoint(name))

    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment."""
        return self._ledger(name).state().endpoint

    def history(self, name: str) -> list[Event]:
        """What happened, oldest first."""
        return self._ledger(name).history()

    def register(self, name: str, submission: Submission) -> Version:
        """Store a model as the next version, unless there is a version with it; returns that version."""
        model_digest = digest(submission.model)
        self._folder(name).mkdir(parents=True, exist_ok=True)
        with self._changing(name) as ledger:
            known = self.find(name, model_digest)
            if known:
                return known
            number = ledger.state().last_version + 1
            version = Version(
                name=name,
                version=number,
                created_at=self._clock(),
                model_digest=model_digest,
                lineage=dict(submission.lineage),
                folder=self._folder(name, number),
                status="registered",
            )
            self._folder(name, number).parent.mkdir(exist_ok=True)
            keep(submission, version.folder, version.model_dump(mode="json", by_alias=True))
            ledger.commit(ledger.state().endpoint, "register", number)
            return version

    def reconcile(self, name: str) -> None:
        """Sweep away or take up what a killed change left; nothing for an unknown name."""
        if self._folder(name).is_dir():
            with self._changing(name):
                pass

    def deploy(
        self,
        name: str,
        number: int,
        percent: int,
        judged_against: str | None = None,
        check: Check | None = None,  # noqa: ARG002 - servers follow the folder: there is none to ask
    ) -> Endpoint:
        """See `Registry.deploy`; `check` is not called."""
        with self._changing(name) as ledger:
            self.version(name, number)
            endpoint = ledger.state().endpoint
            if endpoint.champion != number:
                endpoint.check_verdict(judged_against)
            return ledger.move(endpoint.deploy(number, percent), "deploy", number)

    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic."""
        with self._changing(name) as ledger:
            version = self.alias(name, "challenger") if number is None else self.version(name, number)
            endpoint = ledger.state().endpoint.promote(version.number)
            return ledger.move(endpoint, "promote", version.number)

    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step; see `Registry.roll_back`."""
        with self._changing(name) as ledger:
            endpoint = ledger.state().endpoint.roll_back()
            return ledger.move(endpoint, "rollback", endpoint.aliases["champion"])

    def clean_up(self, name: str, keep: int) -> list[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""
        with self._changing(name) as ledger:
            endpoint = ledger.state().endpoint
            removed = endpoint.removable(self._numbers(name), keep)
            for number in removed:
                endpoint = endpoint.forget(number)
                ledger.commit(endpoint, "remove", number)
                folder = self._folder(name, number)
                shutil.rmtree(folder.replace(folder.with_name(f".{number}.removed")))
            return removed

    def _folder(self, name: str, number: int | None = None) -> Path:
        self._check_name(name)
        return self.root / name if number is None else self.root / name / "versions" / str(number)

    def _ledger(self, name: str) -> "_Ledger":
        return _Ledger(self._folder(name), self._clock)

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator["_Ledger"]:
        """The ledger, locked; what a killed run left is swept away or taken up."""
        ledger = self._ledger(name)
        if not self._folder(name).is_dir():
            raise self._no_model(name)
        with ledger.locked():
            for leftover in (self._folder(name) / "versions").glob(".*"):
                shutil.rmtree(leftover)
            state = ledger.state()
            for number in self._numbers(name):
                if number > state.last_version:
                    ledger.commit(state.endpoint, "register", number)
            yield ledger

    def _numbers(self, name: str) -> list[int]:
        folders = (self._folder(name) / "versions").glob("*")
        return sorted(int(folder.name) for folder in folders if folder.name.isdecimal())

    def _version(self, name: str, number: int, endpoint: Endpoint) -> Version:
        return read_version(self._folder(name, number), status=endpoint.status(number))


class _State(BaseModel):
    """The content of endpoint.json."""

    endpoint: Endpoint = Endpoint()
    last_version: int = 0
    """The highest number ever given, so that none is given twice."""
    last_event: Event | None = None


class _Ledger:
    """The two files of one model in `folder`; `clock` stamps its events."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._state_path, self._history_path = folder / "endpoint.json", folder / "history.jsonl"

    def state(self) -> _State:
        """The last committed state; empty before the first.

        Raises:
            RegistryError: The file is not what was written.
        """
        path = self._state_path
        return _parsed(_State, path.read_bytes(), path) if path.is_file() else _State()

    def history(self) -> list[Event]:
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

    def move(self, endpoint: Endpoint, event: EventName, version: int) -> Endpoint:
        """Commit a transition, if it changes anything."""
        if endpoint != self.state().endpoint:
            self.commit(endpoint, event, version)
        return endpoint

    def commit(self, endpoint: Endpoint, event: EventName, version: int) -> None:
        """The one write that makes a change true; the history follows. Needs the lock."""
        before = self.state()
        after = _State(
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

    def _write_history(self, state: _State) -> None:
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
    with translate_file_errors(path):
        return kind.model_validate_json(content)
