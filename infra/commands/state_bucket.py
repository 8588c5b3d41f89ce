"""The bucket of an environment's Terraform state: there, ours, or still to be made."""

from typing import Any

from configs.errors import CloudError
from infra.commands.places import Place


def is_there(place: Place) -> bool:
    """Whether the bucket exists and belongs to the environment's project.

    Raises:
        CloudError: The name belongs to somebody else.
        PlaceError: There are no credentials, or Cloud Storage does not answer.
    """
    from google.api_core.exceptions import Forbidden, NotFound, Unauthorized

    from components.shared.files.gcs.client import client, translate_gcs_errors

    with translate_gcs_errors(f"gs://{place.state_bucket}"):
        try:
            found: Any = client().get_bucket(place.state_bucket)
        except NotFound:
            return False
        except (Forbidden, Unauthorized) as error:
            raise _closed(place, error.code) from None
    _check_owner(place, str(found.project_number))
    return True


def _closed(place: Place, code: int) -> CloudError:
    return CloudError(
        f"the state bucket gs://{place.state_bucket}",
        expected=f"a bucket of project {place.project} that you may read",
        got=f"one that is closed to you (HTTP {code})",
        remedy=f"Bucket names are taken world-wide. If project {place.project} is yours, "
        "log in as its owner: gcloud auth application-default login",
    )


def _check_owner(place: Place, number: str) -> None:
    if number != place.project_number:
        raise CloudError(
            f"the state bucket gs://{place.state_bucket}",
            expected=f"a bucket of project {place.project} (number {place.project_number})",
            got=f"one of the project with number {number}",
            remedy=f"Compare: gcloud projects describe {place.project}. If {place.variables.name} is right, "
            "somebody else has taken the name: use another project id.",
        )
