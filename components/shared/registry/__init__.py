"""The model registry: numbered versions, the aliases champion and challenger, and who gets the traffic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from components.shared.registry import not_found
from components.shared.registry.callbacks import Ask, Check
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.version import Event, Submission, Version
from configs.access import ServingCloud
from configs.errors import RegistryError

__all__ = ["Ask", "Check", "Endpoint", "Event", "Registry", "Submission", "Version", "open_registry"]


class Registry(Protocol):
    """Versions of models by name, and one endpoint for each name.

    Every method raises `RegistryError` for a name, version or alias that does not exist, naming
    those that do. A change is made whole or not at all; two at once wait for each other.
    """

    def names(self) -> Sequence[str]:
        """The models that have a version."""
        ...

    def versions(self, name: str) -> Sequence[Version]:
        """All versions, oldest first; none for an unknown name."""
        ...

    def version(self, name: str, number: int) -> Version:
        """One version."""
        ...

    @property
    def title(self) -> str:
        """What errors call it."""
        ...

    def champion(self, name: str) -> Version | None:
        """The version that serves, or None before the first."""
        champion = self.endpoint(name).champion
        return None if champion is None else self.version(name, champion)

    def alias(self, name: str, alias: str) -> Version:
        """The version with this alias.

        Raises:
            RegistryError: No version has it; the message names the aliases in use.
        """
        endpoint = self.endpoint(name)
        return self.version(name, not_found.number_of(endpoint, alias, self.title, self.names(), name))

    def find(self, name: str, model_digest: str) -> Version | None:
        """The version with exactly this model."""
        ...

    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment."""
        ...

    def history(self, name: str) -> Sequence[Event]:
        """What happened, oldest first."""
        ...

    def register(self, name: str, submission: Submission) -> Version:
        """Store a model as the next version, unless there is a version with it; returns that version."""
        ...

    def reconcile(self, name: str) -> None:
        """Finish what a killed change began, or take it back; nothing for an unknown name."""
        ...

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
        ...

    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic."""
        ...

    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step: withdraw the challenger, else return to the former champion."""
        ...

    def clean_up(self, name: str, keep: int) -> Sequence[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""
        ...


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
        from components.shared.registry.folder.registry import FolderRegistry

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
