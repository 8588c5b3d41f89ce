"""Google's own accounts that encrypt for a project: they come into being when somebody asks for them.

A key can be given to such an account only after that, so `up` asks before it plans. Asking again is no harm.
"""

from components.shared.files.gcs.client import client, translate_gcs_errors
from configs.bigquery import BigQueryAccess
from infra.commands.places import Place


def wake(place: Place) -> list[str]:
    """The agents of Cloud Storage and BigQuery in the environment's project; they exist from now on.

    Raises:
        PlaceError: There are no credentials, or the project is closed to us.
    """
    from components.shared.sources.bigquery.client import Connection

    with translate_gcs_errors(f"the service agents of {place.project}"):
        of_storage = client().get_service_account_email(project=place.project)
        bigquery = Connection(BigQueryAccess(project=place.project), place.project).client
        return [of_storage, bigquery.get_service_account_email()]
