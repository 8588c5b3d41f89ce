"""The registry on Vertex AI: models and versions of its Model Registry, one endpoint for each name.

What is true stands on the endpoint: its traffic, and the labels that say what it means. Aliases of versions,
history and idle servers follow from it. Every change first looks at the world, so that one that was killed
is finished, or taken back, by the next.
"""

import contextlib
import datetime
import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.places import side_by_side
from components.registry import endpoint as moves
from components.registry import unknown, vertex_models
from components.registry.checking import Check
from components.registry.endpoint import Endpoint
from components.registry.ledger import Clock
from components.registry.version import Event, EventName, Submission, Version
from components.registry.vertex_endpoint import Seen, VertexEndpoint, deployed_at
from components.registry.vertex_history import History
from components.registry.vertex_labels import Moved, State
from components.registry.vertex_models import VertexModel
from components.vertex import Region
from configs.errors import BusyError, PipelineError, RegistryError
from configs.stages import ServingCloud

TRIAL_PERCENT = 10
"""The traffic of a version on trial that is to get all of it."""
_ALL = 100
TRIAL_SECONDS = 900.0
"""A trial that began longer ago is a killed run's."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class VertexRegistry:
    """The registry of a project and region; `clock` stamps events and trials."""

    def __init__(self, region: Region, cloud: ServingCloud, clock: Clock = _now) -> None:
        self._region, self._cloud, self._clock = region, cloud, clock

    # --- reading ----------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The models that have a version."""
        return vertex_models.names(self._region)

    def versions(self, name: str) -> list[Version]:
        """All versions, oldest first; none for an unknown name."""
        model, endpoint = self._model(name), self.endpoint(name)
        return side_by_side(
            functools.partial(model.version, endpoint=endpoint), list(model.messages().values())
        )

    def version(self, name: str, number: int) -> Version:
        """One version.

        Raises:
            RegistryError: It does not exist; the message names those that do.
        """
        return self._model(name).version(self._message(name, number), self.endpoint(name))

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
        return self.version(name, unknown.number_of(endpoint, alias, self._named, self.names(), name))

    def find(self, name: str, model_digest: str) -> Version | None:
        """The version that holds exactly this model."""
        model = self._model(name)
        message = model.holding(model_digest)
        return None if message is None else model.version(message, self.endpoint(name))

    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment.

        Raises:
            RegistryError: Its traffic is not what its labels say: a foreign hand has changed it.
        """
        seen = self._endpoint(name).look()
        return Endpoint() if seen is None else seen.state.endpoint

    def history(self, name: str) -> list[Event]:
        """What happened, oldest first."""
        return History(self._model(name).folder / "history").events()

    def predict(self, name: str, instances: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
        """Scores by the endpoint, each with the version that gave it.

        Raises:
            EndpointError: There is no endpoint.
            CloudError: It refuses the request.
        """
        endpoint, rows = self._endpoint(name), self._cloud.serving.max_batch_rows
        answered: list[tuple[float, str]] = []
        for start in range(0, len(instances), rows):
            answer = endpoint.ask(instances[start : start + rows])
            answered += [(score, answer.model_version_id) for score in endpoint.scores(answer)]
        return answered

    # --- changing ---------------------------------------------------------------------------

    def register(self, name: str, submission: Submission) -> Version:
        """Keep a model as the next version; the version that already holds it, if there is one."""
        model = self._model(name)
        message = model.register(submission)
        self.settle(name)
        return model.version(message, self.endpoint(name))

    def settle(self, name: str) -> None:
        """Finish what a killed change began, or take it back; nothing for an unknown name."""
        endpoint = self._endpoint(name)
        seen = endpoint.look()
        if seen and seen.state.since and not self._is_young(seen.state.since):
            seen = self._take_back(endpoint, seen)
        self._follow(name, seen)

    def deploy(
        self,
        name: str,
        number: int,
        percent: int,
        judged_against: str | None = None,
        check: Check | None = None,
    ) -> Endpoint:
        """Give a version traffic: all of it if it is the first or `percent` is 100, else as challenger.

        The steps: its server runs without traffic; it gets a share, on trial; `check` asks it; it keeps the
        share, or gets all, and the labels say so. Each is seen by a run that comes later.

        Raises:
            RegistryError: The champion is no longer the one it was judged against, or somebody else
                changed the endpoint meanwhile.
            BusyError: Another version is on trial.
            EndpointError: The server does not get healthy.
        """
        self.settle(name)
        self._message(name, number)
        endpoint = self._endpoint(name)
        seen = endpoint.found_or_made()
        before = seen.state.before
        if before.champion != number:
            moves.check_verdict(before, judged_against)
        self._must_be_free(name, seen.state, number)
        final = moves.deployed(before, number, percent)
        if final == seen.state.endpoint:
            return final
        seen = self._installed(endpoint, seen, number)
        if check and number not in before.traffic and endpoint.reachable:
            seen = self._try(endpoint, seen, number, percent, check)
        return self._move(name, seen, final, "deploy", number)

    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic.

        Raises:
            RegistryError: Unknown version, or no challenger.
        """
        version = self.alias(name, "challenger").number if number is None else number
        self._message(name, version)
        endpoint = self._endpoint(name)
        try:
            seen = endpoint.found_or_made()
        except RegistryError:  # a foreign hand was there, and this decision mends it
            seen = endpoint.found_or_made(at_traffic=False)
        final = moves.promoted(seen.state.endpoint, version)
        return self._move(name, self._installed(endpoint, seen, version), final, "promote", version)

    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step: withdraw the challenger, else return to the former champion.

        Raises:
            RegistryError: There is nothing to go back to.
        """
        self._must_have(name)
        endpoint = self._endpoint(name)
        seen = endpoint.look()
        final = moves.rolled_back(seen.state.endpoint if seen else Endpoint())
        assert seen  # noqa: S101 - for the type checker: an endpoint with a champion is there
        back = final.aliases["champion"]
        return self._move(name, self._installed(endpoint, seen, back), final, "rollback", back)

    def clean_up(self, name: str, keep: int) -> list[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""
        self._must_have(name)
        self.settle(name)
        model, endpoint = self._model(name), self._endpoint(name)
        numbers, seen = list(model.messages()), endpoint.look()
        serving = seen.state.endpoint if seen else Endpoint()
        needed = {*serving.traffic, *serving.former[-1:], *numbers[-1:]}
        removed = [number for number in numbers[: max(0, len(numbers) - keep)] if number not in needed]
        for number in removed:
            if seen:
                forgotten = moves.forgotten(seen.state.endpoint, number)
                seen = endpoint.commit(seen, replace(seen.state, endpoint=forgotten))
                endpoint.remove([number])
            self._history(name).complete([Moved("remove", number, self._clock())], serving.traffic)
            model.remove(number)
        model.sweep()
        return removed

    # --- the steps of a change ----------------------------------------------------------------

    def _installed(self, endpoint: VertexEndpoint, seen: Seen, number: int) -> Seen:
        """The endpoint with the version's server, if it is otherwise still as seen."""
        was_there = number in seen.versions.values()
        endpoint.install(number)
        try:
            return endpoint.unchanged(seen)
        except PipelineError:
            if not was_there:
                self._remove_idle(endpoint, number)
            raise

    def _try(self, endpoint: VertexEndpoint, seen: Seen, number: int, percent: int, check: Check) -> Seen:
        """A first share of the traffic, and questions; taken back if the answers are not right."""
        before = seen.state.before
        challenger = before.challenger
        state = State(
            moves.tried(before, number, TRIAL_PERCENT if percent == _ALL else percent),
            seen.state.moved,
            since=self._clock(),
            restores=None if challenger is None else (challenger, before.traffic[challenger]),
        )
        seen = endpoint.commit(seen, state)
        try:
            check(functools.partial(endpoint.ask_version, number))
        except BaseException:
            with contextlib.suppress(PipelineError):  # the first error is the one to tell; the next run mends
                self._take_back(endpoint, seen)
            raise
        return seen

    def _take_back(self, endpoint: VertexEndpoint, seen: Seen) -> Seen:
        """The state before the trial."""
        tried = seen.state.endpoint.trial
        seen = endpoint.commit(seen, State(seen.state.before, seen.state.moved))
        if tried is not None:
            self._remove_idle(endpoint, tried)
        return seen

    def _remove_idle(self, endpoint: VertexEndpoint, number: int) -> None:
        seen = endpoint.look(at_traffic=False)
        state = seen.state.endpoint if seen else Endpoint()
        if number not in {*state.aliases.values(), *state.former[-1:]}:
            endpoint.remove([number])

    def _move(self, name: str, seen: Seen, final: Endpoint, event: EventName, number: int) -> Endpoint:
        """Commit a move that changes anything, and what follows from it."""
        endpoint, was = self._endpoint(name), {*seen.state.endpoint.traffic}
        seen = endpoint.commit(seen, State(final, Moved(event, number, self._clock())))
        self._follow(name, seen, was - {*final.traffic})
        return final

    def _follow(self, name: str, seen: Seen | None, withdrawn: Collection[int] = ()) -> None:
        """What follows from the endpoint: aliases, history, and servers that are not needed any more."""
        model = self._model(name)
        messages = model.messages()
        if seen is None and not messages:
            return
        state = seen.state if seen else State(Endpoint())
        registered = [Moved("register", n, vertex_models.created(each)) for n, each in messages.items()]
        moved = [state.moved] if state.moved else []
        self._history(name).complete([*registered, *moved], state.before.traffic)
        if seen is None or state.endpoint.trial is not None:
            return
        model.mirror(state.endpoint, messages)
        if self._cloud.prediction.undeploy_after_promotion:
            self._endpoint(name).remove(self._idle(seen, withdrawn))

    def _idle(self, seen: Seen, withdrawn: Collection[int]) -> list[int]:
        """Versions whose servers are not needed; not those that another run may have installed just now."""
        endpoint, there = seen.state.endpoint, deployed_at(seen)
        oldest = self._clock() - datetime.timedelta(seconds=2 * self._cloud.prediction.deploy_seconds)
        abandoned = {version for version, at in there.items() if at < oldest}
        done = {*endpoint.former, *endpoint.rolled_back, *withdrawn, *abandoned}
        return sorted(done & {*there} - {*endpoint.traffic, *endpoint.former[-1:]})

    # --- parts --------------------------------------------------------------------------------

    def _must_be_free(self, name: str, state: State, number: int) -> None:
        trial = state.endpoint.trial
        if trial not in {None, number}:
            raise BusyError(
                f"endpoint '{name}'",
                expected="no version on trial",
                got=f"version {trial}, on trial since {state.since:%H:%M:%S} UTC",
                way_out="Wait for that run to end, then run again. If it was killed, its trial is taken back "
                f"after {TRIAL_SECONDS / 60:.0f} minutes, or by: python -m pipelines rollback {name}",
            )

    def _is_young(self, since: datetime.datetime) -> bool:
        return self._clock() - since < datetime.timedelta(seconds=TRIAL_SECONDS)

    def _message(self, name: str, number: int) -> Any:
        messages = self._model(name).messages()
        if number not in messages:
            raise unknown.version(self._named, self.names(), name, list(messages), number)
        return messages[number]

    def _must_have(self, name: str) -> None:
        if not self._model(name).messages():
            raise unknown.model(self._named, self.names(), name)

    def _model(self, name: str) -> VertexModel:
        if not unknown.NAME.fullmatch(name):
            raise unknown.model(self._named, self.names(), name)
        return VertexModel(self._region, self._cloud, name)

    def _endpoint(self, name: str) -> VertexEndpoint:
        if not unknown.NAME.fullmatch(name):
            raise unknown.model(self._named, self.names(), name)
        return VertexEndpoint(self._region, self._cloud, name)

    def _history(self, name: str) -> History:
        return History(self._model(name).folder / "history")

    @property
    def _named(self) -> str:
        return f"registry vertex://{self._region.project}/{self._region.location}"
