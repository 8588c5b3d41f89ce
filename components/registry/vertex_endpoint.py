"""A model's endpoint on Vertex AI: found or made, asked, and changed one step at a time.

A deployed model's id is its version's number, so that a deployment whose answer was lost is not made twice.
Traffic and the labels that explain it change in one call, which names the state that it was decided on.
"""

import contextlib
import datetime
import functools
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.registry import vertex_labels as labels
from components.registry.vertex_labels import State
from components.registry.vertex_models import MANAGED
from components.vertex import AGAIN, Region
from configs.cloud import OnlinePrediction
from configs.errors import CloudError, EndpointError, RegistryError
from configs.stages import ServingCloud

_MAKE_SECONDS = 600.0
_LOOK_SECONDS = 5.0
_ASK_SECONDS = 1.0
_PREDICT_SECONDS = 60.0
_SURE = 1e-6
"""How improbable it must be that a version with traffic answers none of many requests."""


@dataclass(frozen=True)
class Seen:
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
    def mark(self) -> tuple[dict[str, int], dict[str, str]]:
        """What tells whether two looks saw the same: traffic by deployed model, and the state's labels."""
        return _mark(_shares(self.message), self.message.labels)

    def id_of(self, version: int) -> str:
        """The id of a version's deployed model; the one it would get, if there is none."""
        ids = (each for each, deployed in self.versions.items() if deployed == version)
        return next(ids, str(version))


class VertexEndpoint:
    """The endpoint of the model `name`."""

    def __init__(self, region: Region, cloud: ServingCloud, name: str) -> None:
        self._region, self._cloud, self.name = region, cloud, name
        self.resource = f"{region.parent}/endpoints/{name}"

    # --- looking ------------------------------------------------------------------------------

    def look(self, *, at_traffic: bool = True) -> Seen | None:
        """The endpoint as it is, or None if there is none.

        Args:
            at_traffic: False: believe the labels, whatever the traffic is.

        Raises:
            RegistryError: Its traffic is not what its labels say: a foreign hand has changed it.
        """
        with self._explained():
            message = self._region.find(self._region.endpoints.get_endpoint, {"name": self.resource})
        return None if message is None else self._seen(message, at_traffic=at_traffic)

    def _seen(self, message: Any, *, at_traffic: bool = True) -> Seen:
        ours = [each for each in message.deployed_models if self._is_ours(each.model)]
        versions = {each.id: int(each.model_version_id) for each in ours}
        shares = _shares(message)
        if not at_traffic:
            return Seen(message, labels.believed(message.labels), versions)
        try:
            traffic = {versions[deployed]: share for deployed, share in shares.items()}
            state = labels.read(message.labels, traffic)
        except (KeyError, ValueError) as error:
            raise RegistryError(
                f"endpoint '{self.name}'",
                expected="traffic as its labels say",
                got=f"traffic {shares} of the deployed models {versions}: {error}",
                way_out="Something else changed it. Say who is to serve: "
                f"python -m pipelines promote {self.name} VERSION",
            ) from error
        return Seen(message, state, versions)

    def _is_ours(self, model: str) -> bool:
        return model.partition("@")[0].endswith(f"/models/{self.name}")

    def found_or_made(self, *, at_traffic: bool = True) -> Seen:
        """The endpoint, made if there is none, its request logging as configured.

        Raises:
            RegistryError: It is of another kind than configured.
        """
        seen = self.look(at_traffic=at_traffic)
        if seen is None:
            self._make()
            seen = self.look()
            assert seen  # noqa: S101 - for the type checker: it was made, or the call has failed
        self._check_kind(seen.message)
        return self._logging(seen)

    def _make(self) -> None:
        from google.api_core.exceptions import AlreadyExists, Conflict

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

        def attempt() -> None:
            with contextlib.suppress(AlreadyExists, Conflict):  # another run, or a lost answer
                operation = region.endpoints.create_endpoint(request, timeout=60.0)
                region.finished(operation, _MAKE_SECONDS, f"endpoint '{self.name}'")

        with self._explained():
            region.patiently(attempt)()

    def _check_kind(self, message: Any) -> None:
        wanted = self._cloud.prediction.kind
        private = message.private_service_connect_config.enable_private_service_connect
        there = "private" if private else "dedicated" if message.dedicated_endpoint_enabled else "shared"
        if there != wanted:
            raise RegistryError(
                f"endpoint '{self.name}'",
                expected=f"a {wanted} one, as cloud.prediction.kind says",
                got=f"a {there} one, which cannot become another",
                way_out=f"Set cloud.prediction.kind={there}, or delete it when nobody needs it: "
                f"gcloud ai endpoints delete {self.name} --region={self._region.location}",
            )

    def _logging(self, seen: Seen) -> Seen:
        """Bring the request logging to what is configured."""
        field = "predict_request_response_logging_config"
        wanted = type(seen.message)(_request_log(self._cloud.prediction))
        if getattr(wanted, field) == getattr(seen.message, field):
            return seen
        update = {"name": self.resource, **_request_log(self._cloud.prediction)}
        with self._explained():
            message = self._region.call(
                self._region.endpoints.update_endpoint,
                {"endpoint": update, "update_mask": {"paths": [field]}},
            )
        return Seen(message, seen.state, seen.versions)

    # --- changing -----------------------------------------------------------------------------

    def install(self, version: int) -> None:
        """Let a version's server run, without traffic; done once its health route has answered.

        Raises:
            EndpointError: It does not get healthy.
            CloudError: There is no such machine, no quota, no image, no right to it.
        """
        from google.api_core.exceptions import Conflict

        region, cloud = self._region, self._cloud
        request = {"endpoint": self.resource, "deployed_model": self._deployed(version), "traffic_split": {}}
        seconds, subject = cloud.prediction.deploy_seconds, f"version {version} of endpoint '{self.name}'"

        def attempt() -> None:
            if self._runs(version):
                return
            try:
                operation = region.endpoints.deploy_model(request, timeout=60.0)
            except Conflict:  # one is under way: of a killed run, or of the attempt whose answer was lost
                self._wait_for(version, seconds)
                return
            region.finished(operation, seconds, subject, cloud.image, cloud.service_account)

        try:
            with region.explained(subject, cloud.image, cloud.service_account):
                region.patiently(attempt)()
        except CloudError as error:
            if error.way_out == AGAIN and isinstance(error.__cause__, _server_errors()):
                raise self._unhealthy(subject, error) from error
            raise

    def _deployed(self, version: int) -> dict[str, Any]:
        prediction, account = self._cloud.prediction, self._cloud.service_account
        machine: dict[str, Any] = {"machine_type": prediction.machine_type}
        if prediction.accelerator:
            machine["accelerator_type"] = prediction.accelerator
            machine["accelerator_count"] = prediction.accelerator_count
        return {
            "id": str(version),
            "model": f"{self._region.parent}/models/{self.name}@{version}",
            "display_name": f"{self.name}-{version}",
            "dedicated_resources": {
                "machine_spec": machine,
                "min_replica_count": prediction.min_replicas,
                "max_replica_count": prediction.max_replicas,
            },
            **({"service_account": account} if account else {}),
        }

    def _runs(self, version: int) -> bool:
        seen = self.look(at_traffic=False)
        return seen is not None and version in seen.versions.values()

    def _wait_for(self, version: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._runs(version):
            if time.monotonic() > deadline:
                raise EndpointError(
                    f"version {version} of endpoint '{self.name}'",
                    expected=f"to run after {seconds:.0f} s",
                    got="a deployment that another run has begun and that does not end",
                    way_out=f"See it: gcloud ai operations list --region={self._region.location}",
                )
            time.sleep(min(_LOOK_SECONDS, seconds / 100))

    def _unhealthy(self, subject: str, error: CloudError) -> EndpointError:
        resource = 'resource.type="aiplatform.googleapis.com/Endpoint"'
        return EndpointError(
            subject,
            expected="a server whose health route answers",
            got=error.got,
            way_out="No traffic has moved. Its log: gcloud logging read "
            f"'{resource} resource.labels.endpoint_id=\"{self.name}\"' --project={self._region.project}",
        )

    def unchanged(self, seen: Seen) -> Seen:
        """A newer look that saw the same.

        Raises:
            RegistryError: Somebody else has changed the endpoint meanwhile.
        """
        now = self.look(at_traffic=False)
        if now is None or now.mark != seen.mark:
            raise self._changed(seen, now)
        return Seen(now.message, seen.state, now.versions)

    def commit(self, seen: Seen, state: State) -> Seen:
        """Change traffic and labels in one step, if the endpoint still is what was seen and not yet so.

        Raises:
            RegistryError: Somebody else has changed it meanwhile; nothing is changed.
        """
        from google.api_core.exceptions import Conflict

        region = self._region
        traffic = {seen.id_of(version): share for version, share in state.endpoint.traffic.items()}
        aim = _mark(traffic, labels.written(state))
        if aim == seen.mark:
            return seen

        def attempt() -> Seen:
            now = self.look(at_traffic=False)
            if now is not None and now.mark == aim:
                return self._seen(now.message)  # an earlier attempt, whose answer was lost
            if now is None or now.mark != seen.mark or not traffic.keys() <= now.versions.keys():
                raise self._changed(seen, now)
            endpoint = {
                "name": self.resource,
                "etag": now.message.etag,
                "traffic_split": traffic,
                "labels": labels.replaced(now.message.labels, state),
            }
            request = {"endpoint": endpoint, "update_mask": {"paths": ["traffic_split", "labels"]}}
            return self._seen(region.endpoints.update_endpoint(request, timeout=60.0))

        with self._explained():
            return region.patiently(attempt, Conflict)()

    def _changed(self, seen: Seen, now: Seen | None) -> RegistryError:
        return RegistryError(
            f"endpoint '{self.name}'",
            expected=f"still {_told(seen)}",
            got=_told(now) if now else "none: it was deleted",
            way_out="Somebody else changed it meanwhile; nothing was changed here. Look, then run again: "
            "python -m pipelines status",
        )

    def remove(self, versions: Collection[int]) -> None:
        """Give back the machines of those of these versions that have no traffic."""
        from google.api_core.exceptions import NotFound

        region = self._region

        def attempt(version: int) -> None:
            seen = self.look(at_traffic=False)
            idle = (
                {}
                if seen is None
                else {v: d for d, v in seen.versions.items() if d not in _shares(seen.message)}
            )
            if version not in idle:
                return
            request = {"endpoint": self.resource, "deployed_model_id": idle[version]}
            with contextlib.suppress(NotFound):  # another run was quicker
                operation = region.endpoints.undeploy_model(request, timeout=60.0)
                region.finished(operation, _MAKE_SECONDS, f"version {version} of endpoint '{self.name}'")

        with self._explained():
            for version in versions:
                region.patiently(attempt)(version)

    # --- asking -------------------------------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """Whether it can be asked from here: a private one is reached from its consumers' network only."""
        return self._cloud.prediction.kind != "private"

    def ask(self, instances: Sequence[Mapping[str, Any]]) -> Any:
        """The answer to one request, by whichever version it falls to.

        Raises:
            CloudError: The service, or the server behind it, refuses it.
        """
        return self._ask(self._look_up().message, instances)

    def ask_version(self, version: int, instances: Sequence[Mapping[str, Any]]) -> list[float]:
        """One version's scores: the request is repeated until it falls to it.

        Raises:
            EndpointError: A request fails, or none of many was answered by this version.
        """
        seen = self._look_up()
        deployed, share = seen.id_of(version), seen.state.endpoint.traffic.get(version, 0)
        most = math.ceil(math.log(_SURE) / math.log(1 - share / 100)) if 0 < share < 100 else 1
        deadline, asked = time.monotonic() + self._region.patience, 0
        try:
            while asked < most or time.monotonic() < deadline:
                answer, asked = self._ask(seen.message, instances), asked + 1
                if answer.deployed_model_id == deployed:
                    return self.scores(answer)
                if asked >= most:  # its traffic has not arrived yet
                    time.sleep(min(_ASK_SECONDS, self._region.patience / 10))
        except CloudError as error:
            raise EndpointError(
                f"endpoint '{self.name}' with version {version}",
                expected="an answer to the golden requests",
                got=error.got,
                way_out="The traffic was taken back. See the server's log in Cloud Logging, then run again.",
            ) from error
        raise EndpointError(
            f"endpoint '{self.name}'",
            expected=f"version {version} to answer one of {asked} requests with {share} % of the traffic",
            got="none",
            way_out="The traffic was taken back. Run again.",
        )

    def scores(self, answer: Any) -> list[float]:
        """The predictions of an answer.

        Raises:
            EndpointError: They are not numbers.
        """
        predictions = list(answer.predictions)
        wrong = [each for each in predictions if not isinstance(each, float)]
        if wrong:
            raise EndpointError(
                f"endpoint '{self.name}'",
                expected="a score for each instance",
                got=str(wrong[0])[:100],
                way_out="It is not our prediction server: see the image of the version.",
            )
        return predictions

    def _ask(self, message: Any, instances: Sequence[Mapping[str, Any]]) -> Any:
        from google.api_core.exceptions import InternalServerError
        from google.protobuf import json_format, struct_pb2

        values = [json_format.ParseDict(dict(each), struct_pb2.Value()) for each in instances]
        client = self._region.predictions(message.dedicated_endpoint_dns)
        asked = functools.partial(
            client.predict, endpoint=self.resource, instances=values, timeout=_PREDICT_SECONDS
        )
        with self._explained():
            return self._region.patiently(asked, but=InternalServerError)()

    def _look_up(self) -> Seen:
        seen = self.look()
        if seen is None:
            raise EndpointError(
                f"endpoint '{self.name}' in {self._region.parent}",
                expected="an endpoint",
                got="none",
                way_out="Deploy a version: python -m pipelines run USE_CASE --env ENVIRONMENT",
            )
        return seen

    def _explained(self) -> contextlib.AbstractContextManager[None]:
        return self._region.explained(f"endpoint '{self.name}'")


def deployed_at(seen: Seen) -> dict[int, datetime.datetime]:
    """When each version's server was deployed."""
    return {
        seen.versions[each.id]: datetime.datetime.fromtimestamp(each.create_time.timestamp(), datetime.UTC)
        for each in seen.message.deployed_models
        if each.id in seen.versions
    }


def _shares(message: Any) -> dict[str, int]:
    return {deployed: share for deployed, share in message.traffic_split.items() if share}


def _mark(traffic: Mapping[str, int], all_labels: Mapping[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    return dict(traffic), labels.state_of(all_labels)


def _told(seen: Seen) -> str:
    traffic, state = seen.mark
    shares = ", ".join(
        f"{seen.versions.get(each, each)}: {share} %" for each, share in sorted(traffic.items())
    )
    named = ", ".join(f"{key} {value}" for key, value in sorted(state.items()))
    return f"traffic {shares or 'to none'} ({named or 'without a champion'})"


def _server_errors() -> tuple[type[Exception], ...]:
    from google.api_core import exceptions

    return exceptions.FailedPrecondition, exceptions.InternalServerError, exceptions.Unknown


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
