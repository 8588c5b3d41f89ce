"""Vertex AI through Google's own clients: patient while the service is busy, plain when it refuses.

Every call that changes something is written so that it may be repeated: it looks at the world first.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from configs.errors import CloudError, PipelineError

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE_SECONDS = 120.0
"""How long a service may be busy or out of reach before a call fails."""
AGAIN = "Run the same command again: it goes on from there."
_CALL_SECONDS = 60.0
_FIRST_WAIT, _MOST_WAIT = 0.05, 10.0
"""Seconds between two looks at an operation: they grow."""


@dataclass(frozen=True)
class Region:
    """A project and a region of Vertex AI.

    Args:
        project: Its id.
        location: The region.
        loopback: A server that stands in for Google's, for tests; empty: Google's own.
        patience: Seconds for which a call is repeated.
    """

    project: str
    location: str
    loopback: str = ""
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

    @functools.lru_cache(maxsize=8)  # noqa: B019 - a region lives as long as the process
    def predictions(self, host: str = "") -> Any:
        """The client of predictions; `host` is a dedicated endpoint's own name."""
        from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient

        return self._client(PredictionServiceClient, host, "rest")

    def _client(self, kind: Any, host: str = "", transport: str = "") -> Any:
        from google.auth.credentials import AnonymousCredentials

        with self.explained("the client"):
            if self.loopback:
                anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
                return kind(
                    transport="rest", credentials=anonymous, client_options={"api_endpoint": self.loopback}
                )
            address = host or f"{self.location}-aiplatform.googleapis.com"
            return kind(transport=transport or None, client_options={"api_endpoint": address})

    # --- calls --------------------------------------------------------------------------------

    def call(self, method: Callable[..., T], request: Any) -> T:
        """One call that may be repeated as it stands: a read, or a change that is the same done twice."""
        return self.patiently(functools.partial(method, request, timeout=_CALL_SECONDS))()

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

    def patiently(
        self, attempt: Callable[P, T], *also: type[Exception], but: type[Exception] | None = None
    ) -> Callable[P, T]:
        """An attempt that is repeated while the service is busy (429), away (503), or its answer is lost.

        Args:
            attempt: Looks whether the work is done before it does it.
            also: Further errors after which to try again.
            but: One after which not to.
        """
        from google.api_core import exceptions, retry

        transient = retry.if_transient_error
        again = retry.if_exception_type(exceptions.DeadlineExceeded, exceptions.GatewayTimeout, *also)

        def is_worth_it(error: Exception) -> bool:
            return (transient(error) or again(error)) and not (but and isinstance(error, but))

        repeated: Callable[P, T] = retry.Retry(
            predicate=is_worth_it, initial=0.2, maximum=10.0, timeout=self.patience
        )(attempt)
        return repeated

    def finished(
        self, operation: Any, seconds: float, subject: str, image: str = "", account: str = ""
    ) -> Any:
        """The result of a long-running operation.

        Raises:
            CloudError: It failed, or is not done after `seconds`.
        """
        deadline, wait = time.monotonic() + seconds, _FIRST_WAIT
        with self.explained(subject, image, account):
            while not self.patiently(operation.done)():
                if time.monotonic() > deadline:
                    raise CloudError(
                        subject,
                        expected=f"to be done within {seconds:.0f} s",
                        got=f"the operation {operation.operation.name}, which goes on",
                        way_out=AGAIN,
                    )
                time.sleep(wait)
                wait = min(wait * 1.5, _MOST_WAIT)
            return operation.result()

    # --- errors -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def explained(self, subject: str, image: str = "", account: str = "") -> Iterator[None]:
        """Say in one line why Google Cloud does not do what was asked, and how to mend it.

        Args:
            subject: What it was about.
            image: The container image that may be the reason.
            account: The service account it was to run as.

        Raises:
            CloudError: In place of the client's exceptions.
        """
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        try:
            yield
        except PipelineError:
            raise
        except (exceptions.GoogleAPICallError, exceptions.RetryError, RequestException) as error:
            raise self._explanation(subject, _cause(error), image, account) from error
        except GoogleAuthError as error:
            raise CloudError(
                f"Vertex AI in {self.project}",
                expected="credentials for Google Cloud",
                got=str(error).split(". ")[0],
                way_out="Log in: gcloud auth application-default login",
            ) from error

    def _explanation(self, subject: str, error: Exception, image: str, account: str) -> CloudError:
        text = _message(error)
        code = getattr(error, "code", None)
        number = getattr(code, "value", code)
        got = f"{number} {text}" if isinstance(number, int) else text or type(error).__name__
        way_out = self._way_out(error, text.lower(), image, account)
        return CloudError(
            f"{subject} on Vertex AI in {self.project}, {self.location}", got=got, way_out=way_out
        )

    def _way_out(self, error: Exception, text: str, image: str, account: str) -> str:
        """The first that applies."""
        from google.api_core import exceptions

        project, where = self.project, f"--project={self.project} --region={self.location}"
        forbidden = isinstance(error, exceptions.Forbidden)
        ways = {
            f"Turn it on: gcloud services enable aiplatform.googleapis.com --project={project}": (
                "service_disabled" in text or "has not been used in project" in text
            ),
            f"See whether it is there: gcloud artifacts docker images describe {image}": (
                bool(image) and "image" in text
            ),
            f"Let it be used: gcloud iam service-accounts add-iam-policy-binding {account or 'ACCOUNT'} "
            "--member=serviceAccount:CALLER --role=roles/iam.serviceAccountUser": (
                forbidden and "actas" in text
            ),
            f"Grant it: gcloud projects add-iam-policy-binding {project} "
            "--member=serviceAccount:ACCOUNT --role=roles/aiplatform.user": forbidden,
            "Ask for fewer or smaller machines (cloud.prediction), or for more quota: "
            f"https://console.cloud.google.com/iam-admin/quotas?project={project}": (
                isinstance(error, exceptions.TooManyRequests)
            ),
            "Choose another cloud.prediction.machine_type; those of the region: "
            f"gcloud compute machine-types list --project={project} --filter='zone~{self.location}'": (
                "machine" in text or "accelerator" in text
            ),
            f"See what is there: gcloud ai models list {where}; gcloud ai endpoints list {where}": (
                isinstance(error, exceptions.NotFound)
            ),
        }
        return next(
            (way for way, applies in ways.items() if applies),
            AGAIN,
        )


def _cause(error: Exception) -> Exception:
    """The last thing that went wrong in what was tried again and again."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


def _message(error: Exception) -> str:
    """What the service said, without the request that the client puts before it."""
    text = str(getattr(error, "message", "") or error)
    return text.split(": ", 1)[-1] if text.startswith(("GET ", "POST ", "PATCH ", "DELETE ")) else text
