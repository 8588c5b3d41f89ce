"""Who serves: aliases and traffic of one model, and the transitions from one such state to the next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import model_validator

from configs.errors import RegistryError
from configs.section import Section

Alias = Literal["champion", "challenger"]
Status = Literal["champion", "challenger", "on trial", "former champion", "rolled back", "registered"]

Ask = Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]
"""Instances to scores, through the endpoint, as answered by one version."""
Check = Callable[[Ask], None]
"""Calls `Ask` before the traffic of a version stays, and raises an error where an answer is wrong."""


class Endpoint(Section):
    """One model's endpoint; empty before the first deployment.

    The versions with an alias are exactly those with traffic, and the champion always has some. A transition
    leaves this state as it is and returns the next one.
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

    def deploy(self, version: int, percent: int) -> "Endpoint":
        """Give `version` `percent` of the traffic as challenger; all of it at 100 or if it is the first."""
        if version == self.champion:
            return self
        if self.champion is None or percent == 100:
            return self._with_champion(version)
        return self._with_challenger(version, percent).forget(version)

    def start_trial(self, version: int, percent: int) -> "Endpoint":
        """Put `version` on trial, in the place of a challenger; all else stays, for `abort_trial`."""
        if self.champion is None:
            return Endpoint(aliases={"champion": version}, traffic={version: 100}, trial=version)
        return self._with_challenger(version, percent, trial=version)

    def abort_trial(self, challenger: int | None = None, percent: int = 0) -> "Endpoint":
        """The state before the trial: with the challenger that there was, if any, and its share."""
        return Endpoint() if self.champion is None else self._with_challenger(challenger, percent)

    def promote(self, version: int) -> "Endpoint":
        """Make `version` the champion with all traffic; another challenger counts as rolled back."""
        passed_over = {self.challenger} - {version, None}
        after = self if version == self.champion else self._with_champion(version)
        return Endpoint(
            aliases={"champion": version},
            traffic={version: 100},
            former=_without(after.former, *passed_over),
            rolled_back=(*_without(after.rolled_back, *passed_over), *passed_over),
        )

    def roll_back(self) -> "Endpoint":
        """Take back the newest step: withdraw the challenger, else return to the former champion.

        Raises:
            RegistryError: There is nothing to go back to.
        """
        champion, challenger = self.champion, self.challenger
        if champion is None:
            raise RegistryError("rollback", expected="a champion", got="an endpoint without any version")
        if challenger is not None:
            back, former, withdrawn = champion, self.former, challenger
        elif self.former:
            back, former, withdrawn = self.former[-1], self.former[:-1], champion
        else:
            raise RegistryError(
                "rollback",
                expected="a former champion",
                got=f"version {champion}, the first and only champion",
                remedy="Choose another version: python -m pipelines promote USE_CASE VERSION.",
            )
        return Endpoint(
            aliases={"champion": back},
            traffic={back: 100},
            former=former,
            rolled_back=(*_without(self.rolled_back, withdrawn), withdrawn),
        )

    def forget(self, version: int) -> "Endpoint":
        """Drop a version from the former champions and those rolled back."""
        former, rolled_back = _without(self.former, version), _without(self.rolled_back, version)
        return self.model_copy(update={"former": former, "rolled_back": rolled_back})

    def removable(self, numbers: Sequence[int], keep: int) -> list[int]:
        """All versions but the newest `keep`; never one that serves or that a rollback needs."""
        needed = {*self.traffic, *self.former[-1:], *numbers[-1:]}
        return [number for number in numbers[: max(0, len(numbers) - keep)] if number not in needed]

    def check_verdict(self, judged_against: str | None) -> None:
        """Make sure that the champion is still the one a candidate was judged against ("": none; None: any).

        Raises:
            RegistryError: It changed between the verdict and the deployment.
        """
        champion = "" if self.champion is None else str(self.champion)
        if judged_against not in {None, champion}:
            raise RegistryError(
                "deployment",
                expected=f"a candidate judged against the champion, version {champion or 'none'}",
                got=f"one judged against version {judged_against or 'none'}",
                remedy="The champion changed meanwhile: run the pipeline again.",
            )

    def _with_champion(self, version: int) -> "Endpoint":
        past = () if self.champion is None else (self.champion,)
        return Endpoint(
            aliases={"champion": version},
            traffic={version: 100},
            former=(*_without(self.former, version), *past),
            rolled_back=_without(self.rolled_back, version),
        )

    def _with_challenger(self, version: int | None, percent: int, trial: int | None = None) -> "Endpoint":
        aliases, traffic = {"champion": self.champion}, {self.champion: 100 - percent}
        if version is not None:
            aliases["challenger"], traffic[version] = version, percent
        return Endpoint.model_validate({**dict(self), "aliases": aliases, "traffic": traffic, "trial": trial})


def _without(versions: tuple[int, ...], *gone: int | None) -> tuple[int, ...]:
    return tuple(version for version in versions if version not in gone)
