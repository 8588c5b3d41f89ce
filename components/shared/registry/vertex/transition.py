"""The steps of a change on Vertex AI, and what follows from it; each may be the one that a killed run left.

install       the version's server runs, without traffic
start_trial   it gets a first share, and answers; else the trial is aborted
commit        traffic and labels say who serves, in one step
follow        aliases, history and idle servers are brought up to date, now or by the next change

The history is one JSON object an event, below the model's folder on `gs://`. An event is recorded twice, by
the endpoint's labels or a version's time and by its object; an object that a killed change did not write is
written by the next one.
"""

import contextlib
import datetime
import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from components.shared.files.artifacts import read_json, write_json
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.paths import map_places
from components.shared.gcp.vertex_client import Region
from components.shared.registry.endpoint import Check, Endpoint
from components.shared.registry.version import Clock, Event, EventName
from components.shared.registry.vertex import models
from components.shared.registry.vertex.deployments import VertexDeployments
from components.shared.registry.vertex.endpoint import Snapshot, VertexEndpoint
from components.shared.registry.vertex.labels import State, Transition
from components.shared.registry.vertex.models import VertexModel
from configs.access import ServingCloud
from configs.errors import BusyError, PipelineError

TRIAL_PERCENT = 10
"""The traffic of a version on trial that is to get all of it."""
TRIAL_SECONDS = 900.0
"""A trial that began longer ago is a killed run's."""
_ALL = 100


class VertexChange:
    """The parts of one model on Vertex AI, and the steps that change them."""

    def __init__(self, region: Region, cloud: ServingCloud, name: str, clock: Clock) -> None:
        self._cloud, self._name, self._clock = cloud, name, clock
        self.model = VertexModel(region, cloud, name)
        self.endpoint = VertexEndpoint(region, cloud, name)
        self.deployments = VertexDeployments(region, cloud, self.endpoint)
        self._history = self.model.folder / "history"

    def events(self) -> list[Event]:
        """The history, oldest first, numbered from 1."""
        found = map_places(read_json, [self._history / name for name in self._recorded()])
        ordered = sorted(found, key=lambda each: datetime.datetime.fromisoformat(each["at"]))
        return [Event(sequence=number, **each) for number, each in enumerate(ordered, 1)]

    def reconcile(self) -> None:
        """Finish what a killed change began; abort a trial whose run must have ended."""
        seen = self.endpoint.fetch()
        since = seen.state.since if seen else None
        if seen and since and self._clock() - since > datetime.timedelta(seconds=TRIAL_SECONDS):
            seen = self._abort_trial(seen)
        self._follow(seen)

    def check_no_other_trial(self, seen: Snapshot, number: int) -> None:
        """Make sure that no other version is on trial.

        Raises:
            BusyError: One is.
        """
        trial, since = seen.state.endpoint.trial, seen.state.since
        if trial not in {None, number}:
            raise BusyError(
                f"endpoint '{self._name}'",
                expected="no version on trial",
                got=f"version {trial}, on trial since {since:%H:%M:%S} UTC",
                remedy="Wait for that run to end, then run again. If it was killed, its trial is taken back "
                f"after {TRIAL_SECONDS / 60:.0f} minutes, or by: python -m pipelines rollback {self._name}",
            )

    def install(self, seen: Snapshot, number: int) -> Snapshot:
        """Deploy the version's server, unless the endpoint has changed meanwhile.

        Raises:
            RegistryError: Somebody else has changed it meanwhile.
            EndpointError: The server does not get healthy.
        """
        was_there = number in seen.versions.values()
        self.deployments.install(number)
        try:
            return self.endpoint.unchanged(seen)
        except PipelineError:
            if not was_there:
                self._remove_idle(number)
            raise

    def start_trial(self, seen: Snapshot, number: int, percent: int, check: Check) -> Snapshot:
        """Give a version a first share of the traffic and check its answers; aborted if they are not right.

        Raises:
            PipelineError: What `check` raises.
        """
        before, challenger = seen.state.before, seen.state.before.challenger
        state = State(
            before.start_trial(number, TRIAL_PERCENT if percent == _ALL else percent),
            seen.state.moved,
            since=self._clock(),
            restores=None if challenger is None else (challenger, before.traffic[challenger]),
        )
        seen = self.endpoint.commit(seen, state)
        try:
            check(functools.partial(self.deployments.ask_version, number))
        except BaseException:
            with contextlib.suppress(
                PipelineError
            ):  # the first error is the one to raise; the next run aborts the trial
                self._abort_trial(seen)
            raise
        return seen

    def commit(self, seen: Snapshot, final: Endpoint, event: EventName, number: int) -> Endpoint:
        """Commit a transition that changes anything, and what follows from it.

        Raises:
            RegistryError: Somebody else has changed the endpoint meanwhile.
        """
        was = {*seen.state.endpoint.traffic}
        seen = self.endpoint.commit(seen, State(final, Transition(event, number, self._clock())))
        self._follow(seen, was - {*final.traffic})
        return final

    def forget(self, number: int) -> None:
        """Remove a version that nobody needs: from the endpoint's memory, its server, then itself."""
        seen, traffic = self.endpoint.fetch(), {}
        if seen:
            traffic = seen.state.endpoint.traffic
            forgotten = seen.state.endpoint.forget(number)
            self.endpoint.commit(seen, replace(seen.state, endpoint=forgotten))
            self.deployments.remove([number])
        self._record([Transition("remove", number, self._clock())], traffic)
        self.model.remove(number)

    def _record(self, known: Iterable[Transition], traffic: Mapping[int, int]) -> None:
        """Write the events that are not in the history yet; `traffic` is the one after them."""
        there = self._recorded()
        for moved in known:
            if f"{moved}.json" not in there:
                content = {"at": moved.at.isoformat(), "event": moved.event, "version": moved.version}
                write_json(self._history / f"{moved}.json", {**content, "traffic": dict(traffic)})

    def _recorded(self) -> list[str]:
        return [name for name in gcs_reading.objects(str(self._history)) if name.endswith(".json")]

    def _abort_trial(self, seen: Snapshot) -> Snapshot:
        trial = seen.state.endpoint.trial
        seen = self.endpoint.commit(seen, State(seen.state.before, seen.state.moved))
        if trial is not None:
            self._remove_idle(trial)
        return seen

    def _remove_idle(self, number: int) -> None:
        seen = self.endpoint.fetch(at_traffic=False)
        state = seen.state.endpoint if seen else Endpoint()
        if number not in {*state.aliases.values(), *state.former[-1:]}:
            self.deployments.remove([number])

    def _follow(self, seen: Snapshot | None, withdrawn: Collection[int] = ()) -> None:
        """What follows from the endpoint: aliases, history, and servers that are not needed any more."""
        messages = self.model.messages()
        if seen is None and not messages:
            return
        state = seen.state if seen else State(Endpoint())
        registered = [
            Transition("register", n, models.utc(each.version_create_time)) for n, each in messages.items()
        ]
        moved = [state.moved] if state.moved else []
        self._record([*registered, *moved], state.before.traffic)
        if seen is None or state.endpoint.trial is not None:
            return
        self.model.mirror(state.endpoint, messages)
        if self._cloud.prediction.undeploy_after_promotion:
            self.deployments.remove(self._idle(seen, withdrawn))

    def _idle(self, seen: Snapshot, withdrawn: Collection[int]) -> list[int]:
        """Versions whose servers are not needed; not those that another run may have installed just now."""
        endpoint, there = seen.state.endpoint, seen.deployed_at
        oldest = self._clock() - datetime.timedelta(seconds=2 * self._cloud.prediction.deploy_seconds)
        abandoned = {version for version, at in there.items() if at < oldest}
        done = {*endpoint.former, *endpoint.rolled_back, *withdrawn, *abandoned}
        return sorted((done & {*there}) - {*endpoint.traffic, *endpoint.former[-1:]})
