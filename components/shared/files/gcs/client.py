"""Google's client of Cloud Storage, and its errors in ours."""

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any

from configs.errors import PipelineError, PlaceError

AT_ONCE = 8
"""Transfers side by side."""


def client() -> Any:
    """This process's client: application default credentials, or none against an emulator.

    Raises:
        PlaceError: There are no credentials.
    """
    with translate_gcs_errors("Cloud Storage"):
        return _client(os.environ.get("STORAGE_EMULATOR_HOST", ""))


@functools.cache
def _client(emulator: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if emulator:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
        return storage.Client(project="emulator", credentials=anonymous)
    return storage.Client(project=None)  # no bucket is made here


def bucket_and_name(uri: str) -> tuple[str, str]:
    """`gs://BUCKET/NAME` in two; the name is empty for a whole bucket.

    Raises:
        PlaceError: It is no such URI.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise PlaceError(f"the place '{uri}'", expected="gs://BUCKET/NAME")
    return bucket, name.strip("/")


def blob(uri: str) -> Any:
    """The client's object for a URI; no request is made yet."""
    bucket, name = bucket_and_name(uri)
    return client().bucket(bucket).blob(name)


@contextlib.contextmanager
def translate_gcs_errors(uri: str) -> Iterator[None]:
    """Turn what the client raises for a place into an error with its remedy.

    Raises:
        PlaceError: Missing, closed, unreachable or damaged.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import RequestException

    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, DataCorruption, RequestException) as error:
        raise _explanation(uri, error) from error


def raise_first(results: Sequence[Any], uris: Sequence[str]) -> None:
    """Raise the first error among the outcomes of transfers side by side, translated for its URI."""
    for result, uri in zip(results, uris, strict=True):
        if isinstance(result, Exception):
            with translate_gcs_errors(uri):
                raise result


def _explanation(uri: str, error: Exception) -> PipelineError:
    from google.api_core.exceptions import Forbidden, NotFound
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption

    got = str(error).splitlines()[0]
    bucket = uri.removeprefix("gs://").partition("/")[0]
    if isinstance(error, NotFound) and not _exists(bucket):
        return PlaceError(
            uri,
            expected=f"a bucket '{bucket}'",
            got="none",
            remedy=f"Make it: gcloud storage buckets create gs://{bucket} --location=REGION "
            "--uniform-bucket-level-access",
        )
    if isinstance(error, NotFound):
        remedy = "It was there, or should be: run again from the stage that writes it."
        return PlaceError(uri, expected="an object", got="none", remedy=remedy)
    if isinstance(error, Forbidden):
        return PlaceError(
            uri,
            expected="the right to read and write",
            got=got,
            remedy=f"Grant it: gcloud storage buckets add-iam-policy-binding gs://{bucket} "
            "--member=serviceAccount:ACCOUNT --role=roles/storage.objectAdmin",
        )
    if isinstance(error, GoogleAuthError):
        remedy = "Log in: gcloud auth application-default login"
        return PlaceError(uri, expected="credentials for Google Cloud", got=got, remedy=remedy)
    expected = "content that fits its checksum" if isinstance(error, DataCorruption) else "an answer"
    return PlaceError(uri, expected=expected, got=got, remedy="Run the same command again.")


def _exists(bucket: str) -> bool:
    """Whether a bucket is there, or we may not know."""
    from google.api_core.exceptions import GoogleAPICallError

    try:
        return bool(client().bucket(bucket).exists())
    except GoogleAPICallError:
        return True
