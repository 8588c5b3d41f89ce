"""What Terraform finds in a project: the bucket of its state, and the accounts that encrypt."""

from components.shared.files.gcs.client import client, translate_gcs_errors
from configs.bigquery import BigQueryAccess
from configs.errors import CloudError
from infra.commands.targets import Target


def has_state_bucket(target: Target) -> bool:
    """Whether the bucket of an environment's state exists and belongs to its project.

    Raises:
        CloudError: The name belongs to somebody else.
        PlaceError: There are no credentials, or Cloud Storage does not answer.
    """
    from google.api_core.exceptions import Forbidden, NotFound, Unauthorized

    subject = f"the state bucket gs://{target.state_bucket}"
    with translate_gcs_errors(f"gs://{target.state_bucket}"):
        try:
            number = str(client().get_bucket(target.state_bucket).project_number)
        except NotFound:
            return False
        except (Forbidden, Unauthorized) as error:
            raise CloudError(
                subject,
                expected=f"a bucket of project {target.project} that you may read",
                got=f"one that is closed to you (HTTP {error.code})",
                remedy=f"Bucket names are taken world-wide. If project {target.project} is yours, "
                "log in as its owner: gcloud auth application-default login",
            ) from None
    if number != target.project_number:
        raise CloudError(
            subject,
            expected=f"a bucket of project {target.project} (number {target.project_number})",
            got=f"one of the project with number {number}",
            remedy=f"Compare: gcloud projects describe {target.project}. "
            f"If {target.variables.name} is right, somebody else has taken the name: use another project id.",
        )
    return True


def create_service_agents(target: Target) -> list[str]:
    """The agents of Cloud Storage and BigQuery, Google's own accounts that encrypt for a project.

    They come into being when somebody asks for them, and only then can a key be given to them. To ask again
    is no harm.

    Raises:
        PlaceError: There are no credentials, or the project is closed to us.
    """
    from components.shared.sources.bigquery.client import Connection

    with translate_gcs_errors(f"the service agents of {target.project}"):
        of_storage = client().get_service_account_email(project=target.project)
        bigquery = Connection(BigQueryAccess(project=target.project), target.project).client
        return [of_storage, bigquery.get_service_account_email()]
