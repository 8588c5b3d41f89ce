"""A project and a region of Vertex AI: the clients, calls that wait for it, and its errors in one line.

Every call that changes something is written so that it may be repeated: it looks at the world first.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from components.shared.gcp import retry
from components.shared.gcp.endpoints import anonymous, emulator
from components.shared.gcp.retry import poll
from configs.errors import CloudError, PipelineError

P = ParamSpec("P")
T = TypeVar("T")

AGAIN = "Run the same command again: it goes on from there."
_CALL_SECONDS = 60.0


@dataclass(frozen=True)
class Region:
    """A project and a region of Vertex AI.

    Args:
        project: Its id.
        location: The region.
        patience: Seconds for which a call is repeated while the service is busy or out of reach.
    """

    project: str
    location: str
    patience: float = 120.0

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
                    remedy=AGAIN,
                )
            return operation.result()

    def translate_errors(
        self, subject: str, image: str = "", account: str = ""
    ) -> contextlib.AbstractContextManager[None]:
        """As `translate_vertex_errors`, for requests to this region."""
        where = f"--project={self.project} --region={self.location}"
        see = f"gcloud ai models list {where}; gcloud ai endpoints list {where}"
        return translate_vertex_errors(Request(self.project, self.location, subject, image, account, see))


@dataclass(frozen=True)
class Request:
    """A request to Vertex AI, as its errors name it.

    Args:
        project: Its id.
        location: The region.
        subject: What it was about; empty: the service as such.
        image: The container image that may be the reason.
        account: The service account it was to run as.
        see: The command that lists what is there.
    """

    project: str
    location: str
    subject: str = ""
    image: str = ""
    account: str = ""
    see: str = "python -m pipelines status"

    def __str__(self) -> str:
        """`model 'flights' on Vertex AI in my-project-dev, us-central1`."""
        of = f"{self.subject} on " if self.subject else ""
        return f"{of}Vertex AI in {self.project}, {self.location}"


@contextlib.contextmanager
def translate_vertex_errors(request: Request) -> Iterator[None]:
    """Say in one line why Google Cloud does not do what was requested, and the remedy.

    Raises:
        CloudError: In place of the clients' exceptions.
    """
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except PipelineError:
        raise
    except retry.unanswered() as error:
        raise _explanation(request, getattr(error, "cause", None) or error) from error
    except GoogleAuthError as error:
        raise CloudError(
            f"Vertex AI in {request.project}",
            expected="credentials for Google Cloud",
            got=str(error).split(". ")[0],
            remedy="Log in: gcloud auth application-default login",
        ) from error


def _explanation(request: Request, error: Exception) -> CloudError:
    text = _message(error)
    code = getattr(error, "code", None)
    number = getattr(code, "value", code)
    said = text or type(error).__name__
    got = f"{number} {said}" if isinstance(number, int) else f"no answer: {said}"
    return CloudError(str(request), got=got, remedy=_remedy(request, error, text.lower()))


def _remedy(request: Request, error: Exception, text: str) -> str:
    """The first that applies."""
    from google.api_core import exceptions

    project = request.project
    forbidden = isinstance(error, exceptions.Forbidden)
    ways = {
        f"Turn it on: gcloud services enable aiplatform.googleapis.com --project={project}": (
            "service_disabled" in text or "has not been used in project" in text
        ),
        f"See whether it is there: gcloud artifacts docker images describe {request.image}": (
            bool(request.image) and "image" in text
        ),
        f"Let it be used: gcloud iam service-accounts add-iam-policy-binding {request.account or 'ACCOUNT'} "
        "--member=user:YOU --role=roles/iam.serviceAccountUser (serviceAccount:… where one asks)": (
            forbidden and "actas" in text
        ),
        f"Grant it: gcloud projects add-iam-policy-binding {project} "
        "--member=user:YOU --role=roles/aiplatform.user (serviceAccount:… where one asks)": forbidden,
        "Wait, ask for fewer or smaller machines, or for more quota: "
        f"https://console.cloud.google.com/iam-admin/quotas?project={project}": (
            isinstance(error, exceptions.TooManyRequests)
        ),
        "Choose another machine_type in the environment's YAML; those of the region: "
        f"gcloud compute machine-types list --project={project} --filter='zone~{request.location}'": (
            "machine" in text or "accelerator" in text
        ),
        f"See what is there: {request.see}": isinstance(error, exceptions.NotFound),
    }
    hopeless = isinstance(error, exceptions.BadRequest) and not isinstance(
        error, exceptions.FailedPrecondition
    )
    return next((way for way, applies in ways.items() if applies), "" if hopeless else AGAIN)


def _message(error: Exception) -> str:
    """What the service said, without the request that the client puts before it."""
    text = str(getattr(error, "message", "") or error)
    return text.split(": ", 1)[-1] if text.startswith(("GET ", "POST ", "PATCH ", "DELETE ")) else text
