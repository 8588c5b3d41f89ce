"""The model registry: numbered versions, the aliases champion and challenger, and who gets the traffic."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from components.shared.registry.endpoint import Ask, Check, Endpoint
from components.shared.registry.version import Event, Submission, Version
from configs.access import ServingCloud
from configs.errors import RegistryError

__all__ = ["Ask", "Check", "Endpoint", "Event", "Registry", "Submission", "Version", "open_registry"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""A model's name."""


class Registry(ABC):
    """Versions of models by name, and one endpoint for each name.

    Every method raises `RegistryError` for a name, version or alias that does not exist, naming
    those that do. A change is made whole or not at all; two at once wait for each other.
    """

    title: str
    """What errors call it."""

    @abstractmethod
    def names(self) -> list[str]:
        """The models that have a version."""

    @abstractmethod
    def versions(self, name: str) -> list[Version]:
        """All versions, oldest first; none for an unknown name."""

    @abstractmethod
    def version(self, name: str, number: int) -> Version:
        """One version."""

    def champion(self, name: str) -> Version | None:
        """The version that serves, or None before the first."""
        champion = self.endpoint(name).champion
        return None if champion is None else self.version(name, champion)

    def alias(self, name: str, alias: str) -> Version:
        """The version with this alias."""
        aliases = {str(known): number for known, number in self.endpoint(name).aliases.items()}
        if alias in aliases:
            return self.version(name, aliases[alias])
        if name not in self.names():
            raise self._no_model(name)
        in_use = ", ".join(f"{known} (version {number})" for known, number in aliases.items())
        expected = f"an alias in use: {in_use or 'none'}"
        raise RegistryError(f"model '{name}' in {self.title}", expected=expected, got=f"'{alias}'")

    def find(self, name: str, model_digest: str) -> Version | None:
        """The oldest version with exactly this model."""
        same = (version for version in self.versions(name) if version.model_digest == model_digest)
        return next(same, None)

    @abstractmethod
    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment."""

    @abstractmethod
    def history(self, name: str) -> list[Event]:
        """What happened, oldest first."""

    @abstractmethod
    def register(self, name: str, submission: Submission) -> Version:
        """Store a model as the next version, unless there is a version with it; returns that version."""

    @abstractmethod
    def reconcile(self, name: str) -> None:
        """Finish what a killed change began, or take it back; nothing for an unknown name."""

    @abstractmethod
    def deploy(
        self,
        name: str,
        number: int,
        percent: int,
        judged_against: str | None = None,
        check: Check | None = None,
    ) -> Endpoint:
        """Give a version traffic: all of it if it is the first or `percent` is 100, else as challenger.

        Args:
            name: The model.
            number: The version.
            percent: Of the traffic.
            judged_against: The champion's version at the verdict; "" for none, None: any.
            check: Where the endpoint is a server that can be called: run once the version has a first
                part of the traffic. What it raises takes the move back.

        Raises:
            RegistryError: The champion is no longer the one it was judged against.
        """

    @abstractmethod
    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic."""

    @abstractmethod
    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step: withdraw the challenger, else return to the former champion.

        Raises:
            RegistryError: There is nothing to go back to.
        """

    @abstractmethod
    def clean_up(self, name: str, keep: int) -> Sequence[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""

    def _check_name(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise self._no_model(name)

    def _check_number(self, name: str, number: int, numbers: Sequence[int]) -> None:
        if number in numbers:
            return
        if name not in self.names():
            raise self._no_model(name)
        known = f"one of the versions {', '.join(map(str, numbers))}"
        raise RegistryError(f"model '{name}' in {self.title}", expected=known, got=f"version {number}")

    def _no_model(self, name: str) -> RegistryError:
        names = self.names()
        return RegistryError(
            self.title,
            expected=f"one of its models: {', '.join(names)}" if names else "a registered model",
            got=f"'{name}'",
            remedy="" if names else "Register one: python -m pipelines run USE_CASE.",
        )


def open_registry(uri: str, cloud: ServingCloud | None = None) -> Registry:
    """The registry at a URI.

    Args:
        uri: `file://FOLDER` or `vertex://PROJECT/LOCATION`.
        cloud: For the latter, how versions are stored and served.

    Raises:
        RegistryError: No adapter for this scheme, or no cloud for Vertex AI.
    """
    scheme, separator, place = uri.partition("://")
    if separator and place and scheme == "file":
        from components.shared.registry.folder import FolderRegistry

        return FolderRegistry(Path(place))
    project, _, location = place.partition("/")
    if scheme == "vertex" and project and location and cloud:
        from components.shared.gcp.vertex_client import Region
        from components.shared.registry.vertex.registry import VertexRegistry

        return VertexRegistry(Region(project, location), cloud)
    if scheme == "vertex" and project and location:
        raise RegistryError(
            f"registry '{uri}'",
            expected="an environment with a section `cloud`",
            got="none",
            remedy="Name one: --env dev.",
        )
    raise RegistryError(
        f"no registry for '{uri}'",
        expected="file://FOLDER or vertex://PROJECT/LOCATION",
        remedy="Set places.registry in the environment's YAML.",
    )
