"""Errors of Dataflow as one line: why a request failed, and what to do next."""

import contextlib
import re
from collections.abc import Iterator

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from components.shared.vendor_seams import beam_job_exists_error
from configs.errors import CloudError, PipelineError

_MOST_SHOWN = 400
"""Characters of a service's message."""


@contextlib.contextmanager
def translate_dataflow_errors(options: PipelineOptions) -> Iterator[None]:
    """Translate the errors of Beam and of the client into ours.

    Raises:
        CloudError: In place of Beam's and the client's exceptions.
    """
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    cloud = options.view_as(GoogleCloudOptions)
    try:
        yield
    except PipelineError:
        raise
    except exceptions.RetryError as error:
        raise _dataflow_error(cloud, error.cause or error) from error
    except beam_job_exists_error() as error:
        raise _job_exists_error(cloud, str(error)) from error
    except (exceptions.GoogleAPICallError, GoogleAuthError, RequestException) as error:
        raise _dataflow_error(cloud, error) from error
    except (OSError, ValueError) as error:  # what Beam makes of a bucket, or of options, that it cannot use
        if not str(error).startswith(("Could not upload to GCS path", "Pipeline has validations errors")):
            raise
        raise _dataflow_error(cloud, error) from error


def _job_exists_error(cloud: GoogleCloudOptions, message: str) -> CloudError:
    named = re.search(r"with id: (\S+?)\.? ", message)
    job = named[1] if named else "JOB"
    return CloudError(
        f"Dataflow in {cloud.project}, {cloud.region}",
        expected="no other job of this stage of this run",
        got=f"job {job}, which an earlier attempt left running",
        remedy=f"Run again after: gcloud dataflow jobs cancel {job} --region={cloud.region} "
        f"--project={cloud.project}",
    )


def _dataflow_error(cloud: GoogleCloudOptions, error: BaseException) -> CloudError:
    code, message = str(getattr(error, "code", "") or ""), " ".join(str(error).split())
    workers = cloud.service_account_email or "the project's default service account"
    remedy = {
        "403": (
            f"The stage's account needs roles/dataflow.developer in {cloud.project} and "
            f"roles/iam.serviceAccountUser on {workers}: gcloud projects add-iam-policy-binding "
            f"{cloud.project} --member=serviceAccount:ACCOUNT --role=roles/dataflow.developer"
        ),
        "429": "Wait, or ask for more quota: https://console.cloud.google.com/iam-admin/quotas"
        f"?project={cloud.project}",
    }.get(code, "")
    if "SERVICE_DISABLED" in message or "has not been used in project" in message:
        remedy = f"Turn it on: gcloud services enable dataflow.googleapis.com --project={cloud.project}"
    elif "GCS path" in message or "bucket" in message.lower():
        remedy = f"Look at it: gcloud storage ls {cloud.staging_location or cloud.temp_location}"
    elif "credentials" in message.lower():
        remedy = "Log in: gcloud auth application-default login"
    return CloudError(
        f"Dataflow in {cloud.project}, {cloud.region}", got=message[:_MOST_SHOWN], remedy=remedy
    )
