"""A project and a region of Vertex AI: the clients, and calls that wait for it.

Every call that changes something is written so that it may be repeated: it looks at the world first.
"""

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from components.shared.gcp import retry, vertex_errors
from components.shared.gcp.endpoints import anonymous, emulator
from components.shared.gcp.polling import poll
from configs.errors import CloudError

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 120.0
"""How long a service may be busy or out of reach before a call fails."""
_CALL_SECONDS = 60.0


@dataclass(frozen=True)
class Region:
    """A project and a region of Vertex AI.

    Args:
        project: Its id.
        location: The region.
        patience: Seconds for which a call is repeated.
    """

    project: str
    location: str
    patience: float = PATIENCE_SECONDS

    @property
    def parent(self) -> str:
        """The location's resource name."""
        return f"projects/{self.project}/locations/{self.location}"

    @functools.cached_property
    def models(self) -> Any:
        """The client of the Model Registry."""
        from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

        return self._client(ModelServiceClient)

    @functools.cached_property
    def endpoints(self) -> Any:
        """The client of endpoints."""
        from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient

        return self._client(EndpointServiceClient)

    def predictions(self, host: str = "") -> Any:
        """The client of predictions; `host` is a dedicated endpoint's own name."""
        from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

        if host not in self._by_host:
            self._by_host[host] = self._client(PredictionServiceClient, host, "rest")
        return self._by_host[host]

    @functools.cached_property
    def _by_host(self) -> dict[str, Any]:
        """The clients of predictions of this very region: they stay with the server that was there first."""
        return {}

    def _client(self, kind: Any, host: str = "", transport: str = "") -> Any:
        with self.translate_errors("the client"):
            if server := emulator("aiplatform"):
                return kind(
                    transport="rest", credentials=anonymous(), client_options={"api_endpoint": server}
                )
            address = host or f"{self.location}-aiplatform.googleapis.com"
            return kind(transport=transport or None, client_options={"api_endpoint": address})

    def call(self, method: Callable[..., T], request: Any) -> T:
        """One call that may be repeated as it stands: a read, or a change that is the same done twice."""
        return self.with_retries(functools.partial(method, request, timeout=_CALL_SECONDS))()

    def find(self, method: Callable[..., T], request: Any) -> T | None:
        """What a read finds; None if there is no such thing."""
        from google.api_core.exceptions import NotFound

        try:
            return self.call(method, request)
        except NotFound:
            return None

    def pages(self, method: Callable[..., Any], request: Any) -> list[Any]:
        """All that a list method has, of every page; none below a parent that there is not."""

        def whole(request: Any, timeout: float) -> list[Any]:
            return list(method(request, timeout=timeout))

        return self.find(whole, request) or []

    def with_retries(
        self, attempt: Callable[P, T], *also: type[Exception], but: type[Exception] | None = None
    ) -> Callable[P, T]:
        """As `retry.with_retries`, for as long as this region is patient."""
        return retry.with_retries(attempt, *also, but=but, seconds=self.patience)

    def finished(
        self, operation: Any, seconds: float, subject: str, image: str = "", account: str = ""
    ) -> Any:
        """The result of a long-running operation.

        Raises:
            CloudError: It failed, or is not done after `seconds`.
        """
        with self.translate_errors(subject, image, account):
            if not poll(self.with_retries(operation.done), seconds=seconds, first=0.05):
                raise CloudError(
                    subject,
                    expected=f"to be done within {seconds:.0f} s",
                    got=f"the operation {operation.operation.name}, which goes on",
                    remedy=vertex_errors.AGAIN,
                )
            return operation.result()

    def translate_errors(
        self, subject: str, image: str = "", account: str = ""
    ) -> contextlib.AbstractContextManager[None]:
        """As `vertex_errors.translate_vertex_errors`, for requests to this region."""
        where = f"--project={self.project} --region={self.location}"
        see = f"gcloud ai models list {where}; gcloud ai endpoints list {where}"
        return vertex_errors.translate_vertex_errors(
            vertex_errors.Request(self.project, self.location, subject, image, account, see)
        )
