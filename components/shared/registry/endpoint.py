"""Who serves: aliases and traffic of one model, and the moves that are allowed, as plain functions."""

from typing import Literal

from pydantic import model_validator

from configs.errors import RegistryError
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


def deployed(endpoint: Endpoint, version: int, percent: int) -> Endpoint:
    """`version` with `percent` of the traffic as challenger; all of it at 100 or if it is the first."""
    champion = endpoint.champion
    if champion == version:
        return endpoint
    if champion is None or percent == 100:
        return _crowned(endpoint, version)
    return Endpoint(
        aliases={"champion": champion, "challenger": version},
        traffic={champion: 100 - percent, version: percent},
        former=_without(endpoint.former, version),
        rolled_back=_without(endpoint.rolled_back, version),
    )


def tried(endpoint: Endpoint, version: int, percent: int) -> Endpoint:
    """`version` on trial, in the place of a challenger; all else stays, so that it can be taken back."""
    champion = endpoint.champion
    if champion is None:
        return Endpoint(aliases={"champion": version}, traffic={version: 100}, trial=version)
    return endpoint.model_copy(
        update={
            "aliases": {"champion": champion, "challenger": version},
            "traffic": {champion: 100 - percent, version: percent},
            "trial": version,
        }
    )


def untried(endpoint: Endpoint, challenger: int | None = None, percent: int = 0) -> Endpoint:
    """Before the trial: with the challenger that there was, if any, and its share."""
    champion = endpoint.champion
    if champion is None:
        return Endpoint()
    aliases, traffic = {"champion": champion}, {champion: 100 - percent}
    if challenger is not None:
        aliases["challenger"], traffic[challenger] = challenger, percent
    return endpoint.model_copy(update={"aliases": aliases, "traffic": traffic, "trial": None})


def promoted(endpoint: Endpoint, version: int) -> Endpoint:
    """`version` as champion with all traffic; another challenger is passed over, as if rolled back."""
    passed_over = {endpoint.challenger} - {version, None}
    crowned = endpoint if version == endpoint.champion else _crowned(endpoint, version)
    return Endpoint(
        aliases={"champion": version},
        traffic={version: 100},
        former=_without(crowned.former, *passed_over),
        rolled_back=(*_without(crowned.rolled_back, *passed_over), *passed_over),
    )


def rolled_back(endpoint: Endpoint) -> Endpoint:
    """The newest step taken back: without its challenger, or with the former champion.

    Raises:
        RegistryError: There is nothing to go back to.
    """
    champion, challenger = endpoint.champion, endpoint.challenger
    if champion is None:
        raise RegistryError("rollback", expected="a champion", got="an endpoint without any version")
    if challenger is not None:
        back, former, withdrawn = champion, endpoint.former, challenger
    elif endpoint.former:
        back, former, withdrawn = endpoint.former[-1], endpoint.former[:-1], champion
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
        rolled_back=(*_without(endpoint.rolled_back, withdrawn), withdrawn),
    )


def forgotten(endpoint: Endpoint, version: int) -> Endpoint:
    """Without the memory of a version that is to be removed."""
    return endpoint.model_copy(
        update={
            "former": _without(endpoint.former, version),
            "rolled_back": _without(endpoint.rolled_back, version),
        }
    )


def check_verdict(endpoint: Endpoint, judged_against: str | None) -> None:
    """Make sure that the champion is still the one a candidate was judged against.

    Raises:
        RegistryError: It changed between the verdict and the deployment.
    """
    champion = "" if endpoint.champion is None else str(endpoint.champion)
    if judged_against not in {None, champion}:
        raise RegistryError(
            "deployment",
            expected=f"a candidate judged against the champion, version {champion or 'none'}",
            got=f"one judged against version {judged_against or 'none'}",
            remedy="The champion changed meanwhile: run the pipeline again.",
        )


def _crowned(endpoint: Endpoint, version: int) -> Endpoint:
    past = () if endpoint.champion is None else (endpoint.champion,)
    return Endpoint(
        aliases={"champion": version},
        traffic={version: 100},
        former=(*_without(endpoint.former, version), *past),
        rolled_back=_without(endpoint.rolled_back, version),
    )


def _without(versions: tuple[int, ...], *gone: int | None) -> tuple[int, ...]:
    return tuple(version for version in versions if version not in gone)
