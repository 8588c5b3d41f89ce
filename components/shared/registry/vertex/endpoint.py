"""A model's endpoint on Vertex AI: found or made, and changed in one step.

Traffic and the labels that explain it change in one call, which names the state that it was decided on.
"""

import contextlib
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.shared.gcp.vertex_client import Region
from components.shared.registry.vertex import labels
from components.shared.registry.vertex.labels import State
from components.shared.registry.vertex.models import MANAGED, utc
from configs.access import ServingCloud
from configs.cloud import OnlinePrediction
from configs.errors import RegistryError

_MAKE_SECONDS = 600.0


@dataclass(frozen=True)
class Snapshot:
    """One look at an endpoint.

    Args:
        message: The service's word.
        state: What it means.
        versions: The version of each deployed model, by its id.
    """

    message: Any
    state: State
    versions: Mapping[str, int]

    @property
    def fingerprint(self) -> tuple[dict[str, int], dict[str, str]]:
        """What tells whether two looks saw the same: traffic by deployed model, and the state's labels."""
        return self.shares, labels.state_of(self.message.labels)

    @property
    def shares(self) -> dict[str, int]:
        """The traffic: percent by the id of the deployed model."""
        return {deployed: share for deployed, share in self.message.traffic_split.items() if share}

    @property
    def deployed_at(self) -> dict[int, datetime.datetime]:
        """When each version's server was deployed."""
        return {
            self.versions[each.id]: utc(each.create_time)
            for each in self.message.deployed_models
            if each.id in self.versions
        }

    def id_of(self, version: int) -> str:
        """The id of a version's deployed model; the one it would get, if there is none."""
        ids = (each for each, deployed in self.versions.items() if deployed == version)
        return next(ids, str(version))


class VertexEndpoint:
    """The endpoint of the model `name`."""

    def __init__(self, region: Region, cloud: ServingCloud, name: str) -> None:
        self._region, self._cloud, self.name = region, cloud, name
        self.resource = f"{region.parent}/endpoints/{name}"

    def fetch(self, *, at_traffic: bool = True) -> Snapshot | None:
        """The endpoint as it is, or None if there is none.

        Args:
            at_traffic: False: believe the labels, whatever the traffic is.

        Raises:
            RegistryError: Its traffic is not what its labels say: it was modified outside this tool.
        """
        with self._translate_errors():
            message = self._region.find(self._region.endpoints.get_endpoint, {"name": self.resource})
        return None if message is None else self._seen(message, at_traffic=at_traffic)

    def _seen(self, message: Any, *, at_traffic: bool = True) -> Snapshot:
        ours = f"/models/{self.name}"
        deployed = [each for each in message.deployed_models if each.model.partition("@")[0].endswith(ours)]
        versions = {each.id: int(each.model_version_id) for each in deployed}
        seen = Snapshot(message, labels.believed(message.labels), versions)
        if not at_traffic:
            return seen
        try:
            traffic = {versions[each]: share for each, share in seen.shares.items()}
            return replace(seen, state=labels.read(message.labels, traffic))
        except (KeyError, ValueError) as error:
            raise RegistryError(
                f"endpoint '{self.name}'",
                expected="traffic as its labels say",
                got=f"traffic {seen.shares} of the deployed models {versions}: {error}",
                remedy="Something else changed it. Say who is to serve: "
                f"python -m pipelines promote {self.name} VERSION",
            ) from error

    def found_or_made(self, *, at_traffic: bool = True) -> Snapshot:
        """The endpoint, made if there is none, its request logging as configured.

        Raises:
            RegistryError: It is of another kind than configured.
        """
        seen = self.fetch(at_traffic=at_traffic) or self._made()
        self._check_kind(seen.message)
        return self._logging(seen)

    def _made(self) -> Snapshot:
        from google.api_core.exceptions import Conflict

        region, cloud = self._region, self._cloud
        request = {
            "parent": region.parent,
            "endpoint_id": self.name,
            "endpoint": {
                "display_name": self.name,
                "labels": {**cloud.labels, **MANAGED},
                **_access(cloud.prediction),
                **({"encryption_spec": {"kms_key_name": cloud.kms_key}} if cloud.kms_key else {}),
                **_request_log(cloud.prediction),
            },
        }

        def attempt() -> Snapshot:
            with contextlib.suppress(Conflict):  # another run makes it, or one whose answer was lost
                operation = region.endpoints.create_endpoint(request, timeout=60.0)
                region.finished(operation, _MAKE_SECONDS, f"endpoint '{self.name}'")
            seen = self.fetch()
            if seen is None:
                raise LookupError("it is not there yet")
            return seen

        with self._translate_errors():
            return region.with_retries(attempt, LookupError)()

    def _check_kind(self, message: Any) -> None:
        wanted = self._cloud.prediction.kind
        private = message.private_service_connect_config.enable_private_service_connect
        there = "private" if private else "dedicated" if message.dedicated_endpoint_enabled else "shared"
        if there != wanted:
            raise RegistryError(
                f"endpoint '{self.name}'",
                expected=f"a {wanted} one, as cloud.prediction.kind says",
                got=f"a {there} one, which cannot become another",
                remedy=f"Set cloud.prediction.kind={there}, or delete it when nobody needs it: "
                f"gcloud ai endpoints delete {self.name} --region={self._region.location}",
            )

    def _logging(self, seen: Snapshot) -> Snapshot:
        """Bring the request logging to what is configured."""
        field = "predict_request_response_logging_config"
        wanted = type(seen.message)(_request_log(self._cloud.prediction))
        if getattr(wanted, field) == getattr(seen.message, field):
            return seen
        update = {"name": self.resource, **_request_log(self._cloud.prediction)}
        request = {"endpoint": update, "update_mask": {"paths": [field]}}
        with self._translate_errors():
            message = self._region.call(self._region.endpoints.update_endpoint, request)
        return replace(seen, message=message)

    def unchanged(self, seen: Snapshot) -> Snapshot:
        """A newer look that saw the same.

        Raises:
            RegistryError: Somebody else has changed the endpoint meanwhile.
        """
        now = self.fetch(at_traffic=False)
        if now is None or now.fingerprint != seen.fingerprint:
            raise self._changed(seen, now)
        return replace(now, state=seen.state)

    def commit(self, seen: Snapshot, state: State) -> Snapshot:
        """Change traffic and labels in one step, if the endpoint still is what was seen and not yet so.

        Raises:
            RegistryError: Somebody else has changed it meanwhile; nothing is changed.
        """
        from google.api_core.exceptions import Conflict

        region = self._region
        traffic = {seen.id_of(version): share for version, share in state.endpoint.traffic.items()}
        aim = (traffic, labels.state_of(labels.written(state)))
        if aim == seen.fingerprint:
            return seen

        def attempt() -> Snapshot:
            now = self.fetch(at_traffic=False)
            if now is not None and now.fingerprint == aim:
                return self._seen(now.message)  # an earlier attempt, whose answer was lost
            same = now is not None and now.fingerprint == seen.fingerprint
            if now is None or not same or not traffic.keys() <= now.versions.keys():
                raise self._changed(seen, now)
            endpoint = {
                "name": self.resource,
                "etag": now.message.etag,
                "traffic_split": traffic,
                "labels": labels.replaced(now.message.labels, state),
            }
            request = {"endpoint": endpoint, "update_mask": {"paths": ["traffic_split", "labels"]}}
            return self._seen(region.endpoints.update_endpoint(request, timeout=60.0))

        with self._translate_errors():
            return region.with_retries(attempt, Conflict)()

    def _changed(self, seen: Snapshot, now: Snapshot | None) -> RegistryError:
        return RegistryError(
            f"endpoint '{self.name}'",
            expected=f"still {_describe(seen)}",
            got=_describe(now) if now else "none: it was deleted",
            remedy="Somebody else changed it meanwhile; nothing was changed here. Look, then run again: "
            "python -m pipelines status",
        )

    def _translate_errors(self) -> contextlib.AbstractContextManager[None]:
        return self._region.translate_errors(f"endpoint '{self.name}'")


def _describe(seen: Snapshot) -> str:
    traffic, state = seen.fingerprint
    parts = [f"{seen.versions.get(each, each)}: {share} %" for each, share in sorted(traffic.items())]
    named = ", ".join(f"{key} {value}" for key, value in sorted(state.items()))
    return f"traffic {', '.join(parts) or 'to none'} ({named or 'without a champion'})"


def _access(prediction: OnlinePrediction) -> dict[str, Any]:
    if prediction.kind == "private":
        allowed = {"enable_private_service_connect": True, "project_allowlist": prediction.psc_projects}
        return {"private_service_connect_config": allowed}
    return {"dedicated_endpoint_enabled": True} if prediction.kind == "dedicated" else {}


def _request_log(prediction: OnlinePrediction) -> dict[str, Any]:
    log = prediction.request_log
    if log is None:
        return {}
    destination = {"output_uri": log.table}
    config = {"enabled": True, "sampling_rate": log.sampling, "bigquery_destination": destination}
    return {"predict_request_response_logging_config": config}
