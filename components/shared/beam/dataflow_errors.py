"""Why Dataflow does not do what was asked, in one line, and how to mend it."""

import contextlib
import re
from collections.abc import Iterator

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from configs.errors import CloudError, PipelineError

_MOST_SHOWN = 400
"""Characters of what a service says."""


@contextlib.contextmanager
def translate_dataflow_errors(options: PipelineOptions) -> Iterator[None]:
    """Say in one line why Dataflow does not do what was asked, and how to mend it.

    Raises:
        CloudError: In place of Beam's and the client's exceptions.
    """
    from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    told = options.view_as(GoogleCloudOptions)
    try:
        yield
    except PipelineError:
        raise
    except exceptions.RetryError as error:
        raise _explanation(told, error.cause or error) from error
    except DataflowJobAlreadyExistsError as error:
        raise _already_there(told, str(error)) from error
    except (exceptions.GoogleAPICallError, GoogleAuthError, RequestException) as error:
        raise _explanation(told, error) from error
    except (OSError, ValueError) as error:  # what Beam makes of a bucket, or of options, that it cannot use
        if not str(error).startswith(("Could not upload to GCS path", "Pipeline has validations errors")):
            raise
        raise _explanation(told, error) from error


def _already_there(told: GoogleCloudOptions, message: str) -> CloudError:
    named = re.search(r"with id: (\S+?)\.? ", message)
    job = named[1] if named else "JOB"
    return CloudError(
        f"Dataflow in {told.project}, {told.region}",
        expected="no other job of this stage of this run",
        got=f"job {job}, which an earlier attempt left running",
        remedy=f"Run again after: gcloud dataflow jobs cancel {job} --region={told.region} "
        f"--project={told.project}",
    )


def _explanation(told: GoogleCloudOptions, error: BaseException) -> CloudError:
    code, message = str(getattr(error, "code", "") or ""), " ".join(str(error).split())
    workers = told.service_account_email or "the project's default service account"
    remedy = {
        "403": (
            f"The stage's account needs roles/dataflow.developer in {told.project} and "
            f"roles/iam.serviceAccountUser on {workers}: gcloud projects add-iam-policy-binding "
            f"{told.project} --member=serviceAccount:ACCOUNT --role=roles/dataflow.developer"
        ),
        "429": "Wait, or ask for more quota: https://console.cloud.google.com/iam-admin/quotas"
        f"?project={told.project}",
    }.get(code, "")
    if "SERVICE_DISABLED" in message or "has not been used in project" in message:
        remedy = f"Turn it on: gcloud services enable dataflow.googleapis.com --project={told.project}"
    elif "GCS path" in message or "bucket" in message.lower():
        remedy = f"Look at it: gcloud storage ls {told.staging_location or told.temp_location}"
    elif "credentials" in message.lower():
        remedy = "Log in: gcloud auth application-default login"
    return CloudError(f"Dataflow in {told.project}, {told.region}", got=message[:_MOST_SHOWN], remedy=remedy)
