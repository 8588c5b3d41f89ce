"""The servers behind an endpoint on Vertex AI: deployed without traffic, undeployed without traffic.

A deployed model's id is its version's number, so that a deployment whose answer was lost is not made twice.
"""

import contextlib
from collections.abc import Collection
from typing import Any

from components.shared.gcp.retry import poll
from components.shared.gcp.vertex_client import AGAIN, Region
from components.shared.registry.vertex.endpoint import VertexEndpoint
from configs.access import ServingCloud
from configs.errors import CloudError, EndpointError

_UNDEPLOY_SECONDS = 600.0
_LOOK_SECONDS = 5.0


class VertexDeployments:
    """The deployed models of one endpoint."""

    def __init__(self, region: Region, cloud: ServingCloud, endpoint: VertexEndpoint) -> None:
        self._region, self._cloud, self._endpoint = region, cloud, endpoint

    def install(self, version: int) -> None:
        """Let a version's server run, without traffic; done once its health route has answered.

        Raises:
            EndpointError: It does not get healthy.
            CloudError: There is no such machine, no quota, no image, no right to it.
        """
        from google.api_core.exceptions import Conflict

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
            except Conflict:  # one is under way: of a killed run, or of the attempt whose answer was lost
                self._wait_for(version, seconds)
                return
            region.finished(operation, seconds, subject, cloud.image, cloud.service_account)

        try:
            with region.translate_errors(subject, cloud.image, cloud.service_account):
                region.with_retries(attempt)()
        except CloudError as error:
            if error.remedy == AGAIN and isinstance(error.__cause__, _server_errors()):
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

    def _unhealthy(self, subject: str, error: CloudError) -> EndpointError:
        log = 'resource.type="aiplatform.googleapis.com/Endpoint"'
        log += f' resource.labels.endpoint_id="{self._endpoint.name}"'
        return EndpointError(
            subject,
            expected="a server whose health route answers",
            got=error.got,
            remedy="No traffic has moved. "
            f"Its log: gcloud logging read '{log}' --project={self._region.project}",
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


def _server_errors() -> tuple[type[Exception], ...]:
    from google.api_core import exceptions

    return exceptions.FailedPrecondition, exceptions.InternalServerError, exceptions.Unknown
