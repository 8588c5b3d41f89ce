"""The registry on Vertex AI: models and versions of its Model Registry, one endpoint for each name.

What is true stands on the endpoint: its traffic, and the labels that say what it means. Aliases of versions,
history and idle servers follow from it. Every change first looks at the world, so that one that was killed
is finished, or taken back, by the next.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.files.paths import parallel_map
from components.shared.gcp.vertex_client import Region
from components.shared.registry import Registry
from components.shared.registry.endpoint import Check, Endpoint
from components.shared.registry.version import Clock, Event, Submission, Version, utc_now
from components.shared.registry.vertex import models
from components.shared.registry.vertex.transition import VertexChange
from configs.access import ServingCloud
from configs.errors import RegistryError


class VertexRegistry(Registry):
    """The registry of a project and region; `clock` stamps events and trials."""

    def __init__(self, region: Region, cloud: ServingCloud, clock: Clock = utc_now) -> None:
        self._region, self._cloud, self._clock = region, cloud, clock
        self.title = f"registry vertex://{region.project}/{region.location}"

    def names(self) -> list[str]:
        """The models that have a version."""
        return models.names(self._region)

    def versions(self, name: str) -> list[Version]:
        """All versions, oldest first; none for an unknown name."""
        model, endpoint = self._change(name).model, self.endpoint(name)
        return parallel_map(
            functools.partial(model.version, endpoint=endpoint), list(model.messages().values())
        )

    def version(self, name: str, number: int) -> Version:
        """One version."""
        model = self._change(name).model
        messages = model.messages()
        self._check_number(name, number, list(messages))
        return model.version(messages[number], self.endpoint(name))

    def endpoint(self, name: str) -> Endpoint:
        """Aliases and traffic; empty before the first deployment.

        Raises:
            RegistryError: Its traffic is not what its labels say: it was modified outside this tool.
        """
        seen = self._change(name).endpoint.fetch()
        return Endpoint() if seen is None else seen.state.endpoint

    def history(self, name: str) -> list[Event]:
        """What happened, oldest first."""
        return self._change(name).events()

    def predict(self, name: str, instances: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
        """Scores by the endpoint, each with the version that gave it.

        Raises:
            EndpointError: There is no endpoint.
            CloudError: It rejects the request.
        """
        return self._change(name).deployments.predict(instances)

    def register(self, name: str, submission: Submission) -> Version:
        """Store a model as the next version, unless there is a version with it; returns that version."""
        model = self._change(name).model
        message = model.register(submission)
        self.reconcile(name)
        return model.version(message, self.endpoint(name))

    def reconcile(self, name: str) -> None:
        """Finish what a killed change began, or take it back; nothing for an unknown name."""
        self._change(name).reconcile()

    def deploy(
        self,
        name: str,
        number: int,
        percent: int,
        judged_against: str | None = None,
        check: Check | None = None,
    ) -> Endpoint:
        """See `Registry.deploy`.

        The steps: its server runs without traffic; it gets a share, on trial; `check` asks it; it keeps the
        share, or gets all, and the labels say so. Each is seen by a run that comes later.

        Raises:
            RegistryError: The champion is no longer the one it was judged against, or somebody else
                changed the endpoint meanwhile.
            BusyError: Another version is on trial.
            EndpointError: The server does not get healthy.
        """
        change = self._change_of(name, number)
        change.reconcile()
        seen = change.endpoint.found_or_made()
        before = seen.state.before
        if before.champion != number:
            before.check_verdict(judged_against)
        change.check_no_other_trial(seen, number)
        final = before.deploy(number, percent)
        if final == seen.state.endpoint:
            return final
        seen = change.install(seen, number)
        if check and number not in before.traffic and change.deployments.reachable:
            seen = change.start_trial(seen, number, percent, check)
        return change.commit(seen, final, "deploy", number)

    def promote(self, name: str, number: int | None = None) -> Endpoint:
        """Make a version (None: the challenger) the champion with all traffic."""
        version = self.alias(name, "challenger").number if number is None else number
        change = self._change_of(name, version)
        try:
            seen = change.endpoint.found_or_made()
        except RegistryError:  # it was modified outside this tool, and this decision puts that right
            seen = change.endpoint.found_or_made(at_traffic=False)
        final = seen.state.endpoint.promote(version)
        return change.commit(change.install(seen, version), final, "promote", version)

    def roll_back(self, name: str) -> Endpoint:
        """Take back the newest step; see `Registry.roll_back`."""
        change = self._change_of(name)
        seen = change.endpoint.fetch()
        final = (seen.state.endpoint if seen else Endpoint()).roll_back()
        assert seen  # noqa: S101 - for the type checker: an endpoint with a champion is there
        back = final.aliases["champion"]
        return change.commit(change.install(seen, back), final, "rollback", back)

    def clean_up(self, name: str, keep: int) -> list[int]:
        """Remove all but the newest `keep`; never one that serves or that a rollback needs."""
        change = self._change_of(name)
        change.reconcile()
        removed = self.endpoint(name).removable(list(change.model.messages()), keep)
        for number in removed:
            change.forget(number)
        change.model.sweep()
        return removed

    def _change(self, name: str) -> VertexChange:
        self._check_name(name)
        return VertexChange(self._region, self._cloud, name, self._clock)

    def _change_of(self, name: str, number: int | None = None) -> VertexChange:
        """The same of a model that has this version, or any."""
        change = self._change(name)
        numbers = list(change.model.messages())
        if number is not None:
            self._check_number(name, number, numbers)
        elif not numbers:
            raise self._no_model(name)
        return change
