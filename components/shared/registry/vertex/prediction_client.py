"""Prediction requests to an endpoint on Vertex AI: to any version, or repeated until one has answered."""

import functools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.gcp.vertex_client import Region
from components.shared.registry.vertex.endpoint import Snapshot, VertexEndpoint
from configs.access import ServingCloud
from configs.errors import CloudError, EndpointError

_ASK_SECONDS = 1.0
_PREDICT_SECONDS = 60.0
_SURE = 1e-6
"""How improbable it must be that a version with traffic answers none of many requests."""


class PredictionClient:
    """The client of one endpoint."""

    def __init__(self, region: Region, cloud: ServingCloud, endpoint: VertexEndpoint) -> None:
        self._region, self._cloud, self._endpoint = region, cloud, endpoint

    @property
    def reachable(self) -> bool:
        """Whether it can be called from here: a private one is reached from its consumers' network only."""
        return self._cloud.prediction.kind != "private"

    def ask(self, instances: Sequence[Mapping[str, Any]]) -> Any:
        """The answer to one request, by whichever version it falls to.

        Raises:
            CloudError: The service, or the server behind it, refuses it.
        """
        return self._ask(self._fetch().message, instances)

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
                    return self.scores(answer)
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

    def scores(self, answer: Any) -> list[float]:
        """The predictions of an answer.

        Raises:
            EndpointError: They are not numbers.
        """
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
