"""A registry in a folder, for one machine: every change is atomic, one writer at a time.

`<name>/versions/<n>/` holds model/, statistics/, evaluation/ and version.json: it appears whole and
never changes. `<name>/endpoint.json` and `<name>/history.jsonl` are the ledger's.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import digest, read_json
from components.shared.registry import Registry, not_found, transitions
from components.shared.registry.callbacks import Check
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.folder.ledger import Clock, Ledger, translate_ledger_errors, utc_now
from components.shared.registry.version import Event, EventName, Submission, Version
from components.shared.registry.version_files import VERSION_FILE, keep


class FolderRegistry(Registry):
    """The registry in `root`; `clock` stamps versions and events."""

    def __init__(self, root: Path, clock: Clock = utc_now) -> None:
        self.root, self._clock = root, clock

    # --- reading ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The models that have a version."""
        folders = [folder for folder in self.root.glob("*") if not_found.NAME.fullmatch(folder.name)]
        return sorted(folder.name for folder in folders if self._numbers(folder.name))

    def versions(self, name: str) -> list[Version]:
        """All versions, oldest first; none for an unknown name."""
        endpoint = self.endpoint(name)
        return [self._version(name, number, endpoint) for number in self._numbers(name)]

    def version(self, name: str, number: int) -> Version:
        """One version.

        Raises:
            RegistryError: It does not exist; the message names those that do.
        """
        numbers = self._numbers(name)
        if number not in numbers:
            raise not_found.version(self.title, self.names(), name, numbers, number)
        return self._version(name, number, self.endpoint(name))

    def find(self, name: str, model_digest: str) -> Version | None:
        """The version with exactly this model."""
        same = (version for version in self.versions(name) if version.model_digest == model_digest)
        return next(same, None)

    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment."""
        return self._ledger(name).state().endpoint

    def history(self, name: str) -> list[Event]:
        """What happened, oldest first."""
        return self._ledger(name).history()

    # --- changing ---------------------------------------------------------------------------

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
                folder=self._folder(name) / "versions" / str(number),
                status="registered",
            )
            (self._folder(name) / "versions").mkdir(exist_ok=True)
            keep(submission, version.folder, version.model_dump(mode="json"))
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
        """Give a version traffic: all of it if it is the first or `percent` is 100, else as challenger.

        Raises:
            RegistryError: The champion is no longer the one it was judged against (None: any).
        """
        with self._changing(name) as ledger:
            self.version(name, number)
            endpoint = ledger.state().endpoint
            if endpoint.champion != number:
                transitions.check_verdict(endpoint, judged_against)
            return _move(ledger, transitions.deploy(endpoint, number, percent), "deploy", number)

    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic.

        Raises:
            RegistryError: Unknown version, or no challenger.
        """
        with self._changing(name) as ledger:
            version = self.alias(name, "challenger") if number is None else self.version(name, number)
            endpoint = transitions.promote(ledger.state().endpoint, version.number)
            return _move(ledger, endpoint, "promote", version.number)

    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step: withdraw the challenger, else return to the former champion.

        Raises:
            RegistryError: There is nothing to go back to.
        """
        with self._changing(name) as ledger:
            endpoint = transitions.roll_back(ledger.state().endpoint)
            return _move(ledger, endpoint, "rollback", endpoint.aliases["champion"])

    def clean_up(self, name: str, keep: int) -> list[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""
        with self._changing(name) as ledger:
            endpoint = ledger.state().endpoint
            removed = transitions.removable(endpoint, self._numbers(name), keep)
            for number in removed:
                endpoint = transitions.forget(endpoint, number)
                ledger.commit(endpoint, "remove", number)
                folder = self._folder(name) / "versions" / str(number)
                shutil.rmtree(folder.replace(folder.with_name(f".{number}.removed")))
            return removed

    # --- the files --------------------------------------------------------------------------

    def _folder(self, name: str) -> Path:
        if not not_found.NAME.fullmatch(name):
            raise not_found.model(self.title, self.names(), name)
        return self.root / name

    def _ledger(self, name: str) -> Ledger:
        return Ledger(self._folder(name), self._clock)

    @contextlib.contextmanager
    def _changing(self, name: str) -> Iterator[Ledger]:
        """The ledger, locked; what a killed run left is swept away or taken up."""
        ledger = self._ledger(name)
        if not self._folder(name).is_dir():
            raise not_found.model(self.title, self.names(), name)
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
        folder = self._folder(name) / "versions" / str(number)
        with translate_ledger_errors(folder / VERSION_FILE):
            content: dict[str, Any] = read_json(folder / VERSION_FILE)
            return Version.model_validate({**content, "folder": folder, "status": endpoint.status(number)})

    @property
    def title(self) -> str:
        """See `Registry.title`."""
        return f"registry {self.root}"


def _move(ledger: Ledger, endpoint: Endpoint, event: EventName, number: int) -> Endpoint:
    """Commit a move that changes anything."""
    if endpoint != ledger.state().endpoint:
        ledger.commit(endpoint, event, number)
    return endpoint
