"""The servers behind an endpoint on Vertex AI: deployed and undeployed without traffic, and queried.

A deployed model's id is its version's number, so that a deployment whose answer was lost is not made twice.
"""

import contextlib
import functools
import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from components.shared.gcp.retry import poll
from components.shared.gcp.vertex_client import AGAIN, Region
from components.shared.registry.vertex.endpoint import Snapshot, VertexEndpoint
from configs.access import ServingCloud
from configs.errors import CloudError, EndpointError

_UNDEPLOY_SECONDS = 600.0
_LOOK_SECONDS = 5.0
_ASK_SECONDS = 1.0
_PREDICT_SECONDS = 60.0
_SURE = 1e-6
"""How improbable it must be that a version with traffic answers none of many requests."""


class VertexDeployments:
    """The servers of one endpoint: its deployed models, and predictions by them."""

    def __init__(self, region: Region, cloud: ServingCloud, endpoint: VertexEndpoint) -> None:
        self._region, self._cloud, self._endpoint = region, cloud, endpoint

    def install(self, version: int) -> None:
        """Let a version's server run, without traffic; done once its health route has answered.

        Raises:
            EndpointError: It does not get healthy.
            CloudError: There is no such machine, no quota, no image, no right to it.
        """
        from google.api_core import exceptions

        region, cloud = self._region, self._cloud
        seconds, subject = cloud.prediction.deploy_seconds, self._named(version)
        request = {
            "endpoint": self._endpoint.resource,
            "deployed_model": self._deployed(version),
            "traffic_split": {},
        }

        def attempt() -> None:
            if self._runs(version):
                return
            try:
                operation = region.endpoints.deploy_model(request, timeout=60.0)
            except exceptions.Conflict:  # under way: of a killed run, or of the attempt whose answer was lost
                self._wait_for(version, seconds)
                return
            region.finished(operation, seconds, subject, cloud.image, cloud.service_account)

        try:
            with region.translate_errors(subject, cloud.image, cloud.service_account):
                region.with_retries(attempt)()
        except CloudError as error:
            unhealthy = exceptions.FailedPrecondition, exceptions.InternalServerError, exceptions.Unknown
            if error.remedy != AGAIN or not isinstance(error.__cause__, unhealthy):
                raise
            log = 'resource.type="aiplatform.googleapis.com/Endpoint"'
            log += f' resource.labels.endpoint_id="{self._endpoint.name}"'
            raise EndpointError(
                subject,
                expected="a server whose health route answers",
                got=error.got,
                remedy="No traffic has moved. "
                f"Its log: gcloud logging read '{log}' --project={region.project}",
            ) from error

    def _deployed(self, version: int) -> dict[str, Any]:
        prediction, account = self._cloud.prediction, self._cloud.service_account
        machine: dict[str, Any] = {"machine_type": prediction.machine_type}
        if prediction.accelerator:
            machine["accelerator_type"] = prediction.accelerator
            machine["accelerator_count"] = prediction.accelerator_count
        return {
            "id": str(version),
            "model": f"{self._region.parent}/models/{self._endpoint.name}@{version}",
            "display_name": f"{self._endpoint.name}-{version}",
            "dedicated_resources": {
                "machine_spec": machine,
                "min_replica_count": prediction.min_replicas,
                "max_replica_count": prediction.max_replicas,
            },
            **({"service_account": account} if account else {}),
        }

    def _runs(self, version: int) -> bool:
        seen = self._endpoint.fetch(at_traffic=False)
        return seen is not None and version in seen.versions.values()

    def _wait_for(self, version: int, seconds: float) -> None:
        if not poll(lambda: self._runs(version), seconds=seconds, first=min(_LOOK_SECONDS, seconds / 100)):
            raise EndpointError(
                self._named(version),
                expected=f"to run after {seconds:.0f} s",
                got="a deployment that another run has begun and that does not end",
                remedy=f"See it: gcloud ai endpoints describe {self._endpoint.name} "
                f"--region={self._region.location} --project={self._region.project}",
            )

    def _named(self, version: int) -> str:
        return f"version {version} of endpoint '{self._endpoint.name}'"

    def remove(self, versions: Collection[int]) -> None:
        """Give back the machines of those of these versions that have no traffic."""
        from google.api_core.exceptions import NotFound

        region = self._region

        def attempt(version: int) -> None:
            seen = self._endpoint.fetch(at_traffic=False)
            if seen is None or version not in seen.versions.values() or seen.id_of(version) in seen.shares:
                return
            request = {"endpoint": self._endpoint.resource, "deployed_model_id": seen.id_of(version)}
            with contextlib.suppress(NotFound):  # another run was quicker
                operation = region.endpoints.undeploy_model(request, timeout=60.0)
                region.finished(operation, _UNDEPLOY_SECONDS, self._named(version))

        with region.translate_errors(f"endpoint '{self._endpoint.name}'"):
            for version in versions:
                region.with_retries(attempt)(version)

    @property
    def reachable(self) -> bool:
        """Whether it can be called from here: a private one is reached from its consumers' network only."""
        return self._cloud.prediction.kind != "private"

    def predict(self, instances: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
        """Scores by whichever version a request falls to, each with that version.

        Raises:
            CloudError: The service, or the server behind it, rejects a request.
        """
        message, rows = self._fetch().message, self._cloud.serving.max_batch_rows
        answered: list[tuple[float, str]] = []
        for start in range(0, len(instances), rows):
            answer = self._ask(message, instances[start : start + rows])
            answered += [(score, answer.model_version_id) for score in self._scores(answer)]
        return answered

    def ask_version(self, version: int, instances: Sequence[Mapping[str, Any]]) -> list[float]:
        """One version's scores: the request is repeated until it falls to it.

        Raises:
            EndpointError: A request fails, or none of many was answered by this version.
        """
        seen = self._fetch()
        deployed, share = seen.id_of(version), seen.state.endpoint.traffic.get(version, 0)
        most = math.ceil(math.log(_SURE) / math.log(1 - share / 100)) if 0 < share < 100 else 1
        deadline, sent = time.monotonic() + self._region.patience, 0
        try:
            while sent < most or time.monotonic() < deadline:
                answer, sent = self._ask(seen.message, instances), sent + 1
                if answer.deployed_model_id == deployed:
                    return self._scores(answer)
                if sent >= most:  # its traffic has not arrived yet
                    time.sleep(min(_ASK_SECONDS, self._region.patience / 10))
        except CloudError as error:
            raise EndpointError(
                f"endpoint '{self._endpoint.name}' with version {version}",
                expected="an answer to the golden requests",
                got=error.got,
                remedy="The traffic was taken back. See the server's log in Cloud Logging, then run again.",
            ) from error
        raise EndpointError(
            f"endpoint '{self._endpoint.name}'",
            expected=f"version {version} to answer one of {sent} requests with {share} % of the traffic",
            got="none",
            remedy="The traffic was taken back. Run again.",
        )

    def _scores(self, answer: Any) -> list[float]:
        predictions = list(answer.predictions)
        wrong = [each for each in predictions if not isinstance(each, float)]
        if wrong:
            raise EndpointError(
                f"endpoint '{self._endpoint.name}'",
                expected="a score for each instance",
                got=str(wrong[0])[:100],
                remedy="It is not our prediction server: see the image of the version.",
            )
        return predictions

    def _ask(self, message: Any, instances: Sequence[Mapping[str, Any]]) -> Any:
        from google.api_core.exceptions import InternalServerError
        from google.protobuf import json_format, struct_pb2

        values = [json_format.ParseDict(dict(each), struct_pb2.Value()) for each in instances]
        client = self._region.predictions(message.dedicated_endpoint_dns)
        predict = functools.partial(
            client.predict, endpoint=self._endpoint.resource, instances=values, timeout=_PREDICT_SECONDS
        )
        with self._region.translate_errors(f"endpoint '{self._endpoint.name}'"):
            return self._region.with_retries(predict, but=InternalServerError)()

    def _fetch(self) -> Snapshot:
        seen = self._endpoint.fetch()
        if seen is None:
            raise EndpointError(
                f"endpoint '{self._endpoint.name}' in {self._region.parent}",
                expected="an endpoint",
                got="none",
                remedy="Deploy a version: python -m pipelines run USE_CASE --env ENVIRONMENT",
            )
        return seen
