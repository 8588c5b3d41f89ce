"""Who serves, written into an endpoint's labels: they change in the same step as its traffic.

    champion: 7   challenger: 8   former: 3_5_6   rolled_back: 4   moved: deploy_8_1767225600000000
    trial: 8      trial_since: 1767225600          trial_restores: 6_10

Traffic itself is the endpoint's own traffic split; labels without it, or it without labels, mean that it was
modified outside this tool.
"""

import datetime
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import ValidationError

from components.shared.registry.endpoint import Alias, Endpoint
from components.shared.registry.version import EventName

_LIMIT = 63
"""Characters in a label's value."""
_STATE = re.compile(r"champion|challenger|trial|trial_since|trial_restores|moved|(former|rolled_back)(_\d+)?")


@dataclass(frozen=True)
class Transition:
    """The last transition: what, of which version, when."""

    event: EventName
    version: int
    at: datetime.datetime

    def __str__(self) -> str:
        """Also the name of its entry in the history."""
        return f"{self.event}_{self.version}_{round(self.at.timestamp() * 1e6)}"


@dataclass(frozen=True)
class State:
    """What an endpoint says of itself.

    Args:
        endpoint: Aliases, traffic and memory.
        moved: The last transition.
        since: When the trial began, if there is one.
        restores: The challenger before the trial and its share, if there was one.
    """

    endpoint: Endpoint
    moved: Transition | None = None
    since: datetime.datetime | None = None
    restores: tuple[int, int] | None = None

    @property
    def before(self) -> Endpoint:
        """Without the trial."""
        endpoint = self.endpoint
        return endpoint if endpoint.trial is None else endpoint.abort_trial(*self.restores or ())


def written(state: State) -> dict[str, str]:
    """A state as labels; without its traffic."""
    endpoint = state.endpoint
    labels = {
        **{str(alias): str(number) for alias, number in endpoint.aliases.items()},
        **_chunks("former", endpoint.former),
        **_chunks("rolled_back", endpoint.rolled_back),
    }
    if state.moved:
        labels["moved"] = str(state.moved)
    if endpoint.trial is not None and state.since:
        labels["trial"] = str(endpoint.trial)
        labels["trial_since"] = str(round(state.since.timestamp()))
    if state.restores:
        labels["trial_restores"] = "_".join(map(str, state.restores))
    return labels


def replaced(labels: Mapping[str, str], state: State) -> dict[str, str]:
    """An endpoint's labels with another state; those that say something else stay."""
    return {key: value for key, value in labels.items() if not _STATE.fullmatch(key)} | written(state)


def state_of(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that say who serves; not those that say when."""
    when = {"moved", "trial_since"}
    return {key: text for key, text in labels.items() if _STATE.fullmatch(key) and key not in when}


def read(labels: Mapping[str, str], traffic: Mapping[int, int]) -> State:
    """The state in an endpoint's labels.

    Args:
        labels: All of them.
        traffic: Percent by version.

    Raises:
        ValueError: Labels and traffic contradict each other.
    """
    try:
        endpoint = Endpoint(
            aliases={alias: int(labels[alias]) for alias in get_args(Alias) if alias in labels},
            traffic=dict(traffic),
            former=_joined("former", labels),
            rolled_back=_joined("rolled_back", labels),
            trial=int(labels["trial"]) if "trial" in labels else None,
        )
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from error
    if endpoint.trial is None:
        return State(endpoint, _moved(labels))
    since = datetime.datetime.fromtimestamp(int(labels["trial_since"]), datetime.UTC)
    restores = [int(part) for part in labels.get("trial_restores", "").split("_") if part]
    return State(endpoint, _moved(labels), since, (restores[0], restores[1]) if restores else None)


def believed(labels: Mapping[str, str]) -> State:
    """The state in labels that the traffic contradicts: the champion alone, or nothing."""
    lasting = {key: text for key, text in labels.items() if not key.startswith(("trial", "challenger"))}
    try:
        return read(lasting, {int(lasting["champion"]): 100})
    except (KeyError, ValueError):
        return State(Endpoint())


def value(text: str) -> str:
    """A text as a label's value: what is not allowed becomes a dash, what is too long is cut off."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:_LIMIT]


def _moved(labels: Mapping[str, str]) -> Transition | None:
    event, _, rest = labels.get("moved", "").partition("_")
    version, _, at = rest.partition("_")
    if event not in get_args(EventName):
        return None
    micros = datetime.timedelta(microseconds=int(at))
    epoch = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return Transition(event, int(version), epoch + micros)  # type: ignore[arg-type]  # one of the names


def _chunks(key: str, versions: Iterable[int]) -> dict[str, str]:
    """Versions joined by `_`, in as many labels (former, former_1, …) as their length asks for."""
    chunks = textwrap.wrap(" ".join(map(str, versions)), _LIMIT)
    return {f"{key}_{index}" if index else key: chunk.replace(" ", "_") for index, chunk in enumerate(chunks)}


def _joined(key: str, labels: Mapping[str, str]) -> tuple[int, ...]:
    names = [key, *(f"{key}_{index}" for index in range(1, len(labels)))]
    joined = "_".join(labels[name] for name in names if name in labels)
    return tuple(int(part) for part in joined.split("_") if part)
