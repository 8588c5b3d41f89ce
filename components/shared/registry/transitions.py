"""The transitions of an endpoint that are allowed: from one state to the next, as plain functions."""

from collections.abc import Sequence

from components.shared.registry.endpoint import Endpoint
from configs.errors import RegistryError


def deploy(endpoint: Endpoint, version: int, percent: int) -> Endpoint:
    """Give `version` `percent` of the traffic as challenger; all of it at 100 or if it is the first."""
    champion = endpoint.champion
    if champion == version:
        return endpoint
    if champion is None or percent == 100:
        return _with_champion(endpoint, version)
    return Endpoint(
        aliases={"champion": champion, "challenger": version},
        traffic={champion: 100 - percent, version: percent},
        former=_without(endpoint.former, version),
        rolled_back=_without(endpoint.rolled_back, version),
    )


def start_trial(endpoint: Endpoint, version: int, percent: int) -> Endpoint:
    """Put `version` on trial, in the place of a challenger; all else stays, so that it can be taken back."""
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


def abort_trial(endpoint: Endpoint, challenger: int | None = None, percent: int = 0) -> Endpoint:
    """The state before the trial: with the challenger that there was, if any, and its share."""
    champion = endpoint.champion
    if champion is None:
        return Endpoint()
    aliases, traffic = {"champion": champion}, {champion: 100 - percent}
    if challenger is not None:
        aliases["challenger"], traffic[challenger] = challenger, percent
    return endpoint.model_copy(update={"aliases": aliases, "traffic": traffic, "trial": None})


def promote(endpoint: Endpoint, version: int) -> Endpoint:
    """Make `version` the champion with all traffic; another challenger is passed over, as if rolled back."""
    passed_over = {endpoint.challenger} - {version, None}
    after = endpoint if version == endpoint.champion else _with_champion(endpoint, version)
    return Endpoint(
        aliases={"champion": version},
        traffic={version: 100},
        former=_without(after.former, *passed_over),
        rolled_back=(*_without(after.rolled_back, *passed_over), *passed_over),
    )


def roll_back(endpoint: Endpoint) -> Endpoint:
    """Take back the newest step: withdraw the challenger, else return to the former champion.

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


def forget(endpoint: Endpoint, version: int) -> Endpoint:
    """Drop a version that is to be removed from the former champions and those rolled back."""
    return endpoint.model_copy(
        update={
            "former": _without(endpoint.former, version),
            "rolled_back": _without(endpoint.rolled_back, version),
        }
    )


def removable(endpoint: Endpoint, numbers: Sequence[int], keep: int) -> list[int]:
    """All versions but the newest `keep`; never one that serves or that a rollback needs."""
    needed = {*endpoint.traffic, *endpoint.former[-1:], *numbers[-1:]}
    return [number for number in numbers[: max(0, len(numbers) - keep)] if number not in needed]


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


def _with_champion(endpoint: Endpoint, version: int) -> Endpoint:
    past = () if endpoint.champion is None else (endpoint.champion,)
    return Endpoint(
        aliases={"champion": version},
        traffic={version: 100},
        former=(*_without(endpoint.former, version), *past),
        rolled_back=_without(endpoint.rolled_back, version),
    )


def _without(versions: tuple[int, ...], *gone: int | None) -> tuple[int, ...]:
    return tuple(version for version in versions if version not in gone)
