"""Google's own accounts that encrypt for a project: they come into being when somebody asks for them.

A key can be given to such an account only after that, so `up` asks before it plans. Asking again is no harm.
"""

import os
from typing import Any

from components.storage.client import explained
from infra.commands.places import Place


def wake(place: Place) -> list[str]:
    """The agents of Cloud Storage and BigQuery in the environment's project; they exist from now on.

    Raises:
        PlaceError: There are no credentials, or the project is closed to us.
    """
    with explained(f"the service agents of {place.project}"):
        from google.cloud import bigquery, storage

        return [
            _client(storage.Client, place, "STORAGE_EMULATOR_HOST").get_service_account_email(),
            _client(bigquery.Client, place, "BIGQUERY_EMULATOR_HOST").get_service_account_email(),
        ]


def _client(kind: Any, place: Place, emulator: str) -> Any:
    if os.environ.get(emulator):
        from google.auth.credentials import AnonymousCredentials

        return kind(project=place.project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # google-auth
    return kind(project=place.project)
