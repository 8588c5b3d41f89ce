"""Why Vertex AI does not do what was requested, in one line, and the remedy."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from components.shared.gcp.retry import unanswered
from configs.errors import CloudError, PipelineError

AGAIN = "Run the same command again: it goes on from there."


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
    except unanswered() as error:
        raise _explanation(request, _cause(error)) from error
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


def _cause(error: Exception) -> Exception:
    """The last thing that went wrong in what was tried again and again."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


def _message(error: Exception) -> str:
    """What the service said, without the request that the client puts before it."""
    text = str(getattr(error, "message", "") or error)
    return text.split(": ", 1)[-1] if text.startswith(("GET ", "POST ", "PATCH ", "DELETE ")) else text
