"""Who serves: aliases and traffic of one model."""

from typing import Literal

from pydantic import model_validator

from configs.section import Section

Alias = Literal["champion", "challenger"]
Status = Literal["champion", "challenger", "on trial", "former champion", "rolled back", "registered"]


class Endpoint(Section):
    """One model's endpoint; empty before the first deployment.

    The versions with an alias are exactly those with traffic, and the champion always has some.
    """

    aliases: dict[Alias, int] = {}
    traffic: dict[int, int] = {}
    """Percent by version; sums to 100."""
    former: tuple[int, ...] = ()
    """The champions before this one, oldest first: where a rollback goes, one step at a time."""
    rolled_back: tuple[int, ...] = ()
    """Versions a person took out of service: only a person puts them back."""
    trial: int | None = None
    """A version with a first part of the traffic that has yet to answer as it should."""

    @model_validator(mode="after")
    def _whole(self) -> "Endpoint":
        if sum(self.traffic.values()) != (100 if self.aliases else 0):
            raise ValueError(f"traffic {self.traffic} must sum to 100")
        if self.trial not in {None, *self.traffic}:
            raise ValueError(f"trial {self.trial} must have traffic, not only {self.traffic}")
        if set(self.traffic) != set(self.aliases.values()) or min(self.traffic.values(), default=1) < 1:
            raise ValueError(f"traffic {self.traffic} must go to the versions in {self.aliases}")
        if self.aliases and "champion" not in self.aliases:
            raise ValueError(f"aliases {self.aliases} must name a champion")
        return self

    @property
    def champion(self) -> int | None:
        """The version that serves; none while the first is on trial."""
        champion = self.aliases.get("champion")
        return None if champion == self.trial else champion

    @property
    def challenger(self) -> int | None:
        """The version on trial with a part of the traffic."""
        return self.aliases.get("challenger")

    def status(self, version: int) -> Status:
        """What a version is to this endpoint."""
        if version == self.trial:
            return "on trial"
        if version == self.champion:
            return "champion"
        if version == self.challenger:
            return "challenger"
        if version in self.rolled_back:
            return "rolled back"
        return "former champion" if version in self.former else "registered"
