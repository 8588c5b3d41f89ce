"""A model of Vertex AI's Model Registry: its versions, their aliases, files and evaluations.

A version's files lie in `gs://BUCKET/registry/NAME/versions/DIGEST-…/`: they are there, whole, before the
version is. Each registration writes to a folder of its own, so that none touches another's; what a killed one
left is swept away a day later.
"""

import contextlib
import datetime
import uuid
from collections.abc import Mapping
from typing import Any

from components.shared.files.artifacts import digest, read_json
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.paths import place
from components.shared.files.place import Place
from components.shared.gcp.vertex_client import Region
from components.shared.registry.endpoint import Endpoint
from components.shared.registry.version import Submission, Version, keep, read_version
from components.shared.registry.vertex import evaluation as vertex_evaluation
from components.shared.registry.vertex.labels import value
from configs.access import ServingCloud

PORT, HEALTH, PREDICT = 8080, "/health", "/predict"
MANAGED = {"managed_by": "pipelines"}
"""The label of what this registry made."""
_DIGEST = "model_digest"
_UPLOAD_SECONDS = 1800.0
_ABANDONED = datetime.timedelta(days=1)
_LONGEST_DEPLOYMENT = 7200
"""Seconds; the service's limit."""


def names(region: Region) -> list[str]:
    """The models that were registered here."""
    (label,) = MANAGED.items()
    with region.translate_errors("models"):
        found = region.pages(
            region.models.list_models, {"parent": region.parent, "filter": f"labels.{'='.join(label)}"}
        )
    return sorted(message.name.rsplit("/", 1)[1].partition("@")[0] for message in found)


class VertexModel:
    """The parent model `name` and its versions."""

    def __init__(self, region: Region, cloud: ServingCloud, name: str) -> None:
        self._region, self._cloud, self.name = region, cloud, name
        self.resource = f"{region.parent}/models/{name}"
        self.folder = place(f"gs://{cloud.bucket}/registry/{name}")
        """Of this model's files."""

    def messages(self) -> dict[int, Any]:
        """The versions that were registered here, by number; none for an unknown model."""
        with self._translate_errors():
            found = self._region.pages(self._region.models.list_model_versions, {"name": self.resource})
        ours = {int(message.version_id): message for message in found if _DIGEST in message.labels}
        return dict(sorted(ours.items()))

    def version(self, message: Any, endpoint: Endpoint) -> Version:
        """A version, with what its version.json says.

        Raises:
            RegistryError: The file is not what was written.
            PlaceError: It is not there.
        """
        number = int(message.version_id)
        return read_version(
            _folder(message),
            name=self.name,
            version=number,
            created_at=utc(message.version_create_time),
            model_digest=message.labels[_DIGEST],
            status=endpoint.status(number),
            resources=(self._named(number), f"{self._region.parent}/endpoints/{self.name}"),
        )

    def find(self, model_digest: str) -> Any:
        """The oldest version with exactly this model, or None."""
        same = (message for message in self.messages().values() if message.labels[_DIGEST] == model_digest)
        return next(same, None)

    def register(self, submission: Submission) -> Any:
        """Store a model as the next version, unless there is a version with it; returns that version.

        Of two with the same model, registered at once, the older one stays.
        """
        model_digest = digest(submission.model)
        message = self.find(model_digest)
        if message is None:
            folder = self.folder / "versions" / f"{model_digest}-{uuid.uuid4().hex[:8]}"
            content = {"name": self.name, "model_digest": model_digest, "lineage": dict(submission.lineage)}
            keep(submission, folder, content)
            with self._translate_errors():
                number = self._upload(submission, folder, model_digest)
            message = self.find(model_digest)
            if _folder(message) != folder:
                if number != message.version_id:
                    self._delete(number)
                gcs_writing.clear(str(folder))
        with self._translate_errors():
            self._evaluate(message)
        return message

    def _upload(self, submission: Submission, folder: Place, model_digest: str) -> str:
        """Make the version, unless there is one; its number."""
        from google.api_core.exceptions import Conflict

        region = self._region
        request = {"parent": region.parent, "model": self._version(submission, folder, model_digest)}

        def attempt() -> str:
            known = self.find(model_digest)
            if known is not None:
                return str(known.version_id)
            parent = region.find(region.models.get_model, {"name": self.resource})
            which = {"parent_model": self.resource} if parent else {"model_id": self.name}
            operation = region.models.upload_model({**request, **which}, timeout=60.0)
            subject = f"model '{self.name}'"
            result = region.finished(operation, _UPLOAD_SECONDS, subject, self._cloud.image)
            return str(result.model_version_id)

        return region.with_retries(attempt, Conflict)()

    def _version(self, submission: Submission, folder: Place, model_digest: str) -> dict[str, Any]:
        cloud, lineage = self._cloud, submission.lineage
        origin = {key: value(lineage[key]) for key in ("run_id", "source", "inputs_digest") if key in lineage}
        return {
            "display_name": self.name,
            "version_description": f"Run {lineage['run_id']}." if "run_id" in lineage else "",
            "labels": {**cloud.labels, **MANAGED, **origin, _DIGEST: model_digest},
            "artifact_uri": str(folder / "model"),
            "container_spec": self._container(),
            **({"encryption_spec": {"kms_key_name": cloud.kms_key}} if cloud.kms_key else {}),
        }

    def _container(self) -> dict[str, Any]:
        """The prediction server: the service names port, routes and model by AIP_ variables."""
        seconds = min(self._cloud.prediction.deploy_seconds, _LONGEST_DEPLOYMENT)
        return {
            "image_uri": self._cloud.image,
            "command": ["python", "-m", "components.serve"],
            "args": ["--host", "0.0.0.0", "--settings", self._cloud.serving.model_dump_json()],  # noqa: S104 - in its container
            "ports": [{"container_port": PORT}],
            "health_route": HEALTH,
            "predict_route": PREDICT,
            "deployment_timeout": datetime.timedelta(seconds=seconds),
        }

    def _evaluate(self, message: Any) -> None:
        """Import the evaluation and its slices, unless they are there."""
        region, metrics = self._region, read_json(_folder(message) / "evaluation" / "metrics.json")
        version = self._named(message.version_id)
        evaluation = vertex_evaluation.evaluation(metrics, f"{self.name}-{message.version_id}")
        if evaluation is None:
            return

        def imported() -> Any:
            there = region.pages(region.models.list_model_evaluations, {"parent": version})
            if there:
                return there[0]
            request = {"parent": version, "model_evaluation": evaluation}
            return region.models.import_model_evaluation(request, timeout=60.0)

        parent = region.with_retries(imported)().name
        slices = vertex_evaluation.slices(metrics)

        def import_slices() -> None:
            there = region.pages(region.models.list_model_evaluation_slices, {"parent": parent})
            for start in range(len(there), len(slices), vertex_evaluation.AT_ONCE):
                part = slices[start : start + vertex_evaluation.AT_ONCE]
                request = {"parent": parent, "model_evaluation_slices": part}
                region.models.batch_import_model_evaluation_slices(request, timeout=60.0)

        region.with_retries(import_slices)()

    def mirror(self, endpoint: Endpoint, messages: Mapping[int, Any]) -> None:
        """Let the aliases be those of the endpoint; Vertex AI's own `default` follows the champion."""
        wanted = {str(alias): number for alias, number in endpoint.aliases.items()}
        if endpoint.champion is not None:
            wanted["default"] = endpoint.champion
        for number, message in messages.items():
            has = set(message.version_aliases)
            new = [alias for alias, owner in wanted.items() if owner == number and alias not in has]
            gone = [alias for alias in ("champion", "challenger") if alias in has and alias not in wanted]
            if new or gone:
                self._alias(number, [*new, *(f"-{alias}" for alias in gone)])

    def _alias(self, number: int, aliases: list[str]) -> None:
        request = {"name": self._named(number), "version_aliases": aliases}
        with self._translate_errors():
            self._region.call(self._region.models.merge_version_aliases, request)

    def remove(self, number: int) -> None:
        """Delete a version, then its files; if it is Vertex AI's default, the newest becomes it."""
        messages = self.messages()
        message = messages.pop(number)
        if "default" in message.version_aliases:
            self._alias(max(messages), ["default"])
        with self._translate_errors():
            self._delete(str(number))
        if all(other.artifact_uri != message.artifact_uri for other in messages.values()):
            gcs_writing.clear(str(_folder(message)))

    def sweep(self) -> None:
        """Remove the files of registrations that were killed before their version was there."""
        used = {_folder(message).name for message in self.messages().values()}
        newest: dict[str, datetime.datetime] = {}
        for name, each in gcs_reading.objects(str(self.folder / "versions")).items():
            folder = name.partition("/")[0]
            newest[folder] = max(each.time_created, newest.get(folder, each.time_created))
        for folder, at in newest.items():
            if folder not in used and datetime.datetime.now(datetime.UTC) - at > _ABANDONED:
                gcs_writing.clear(str(self.folder / "versions" / folder))

    def _delete(self, number: str) -> None:
        from google.api_core.exceptions import NotFound

        def attempt() -> None:
            with contextlib.suppress(NotFound):  # an earlier attempt, whose answer was lost
                request = {"name": self._named(number)}
                operation = self._region.models.delete_model_version(request, timeout=60.0)
                self._region.finished(operation, _UPLOAD_SECONDS, f"model '{self.name}'")

        self._region.with_retries(attempt)()

    def _named(self, number: int | str) -> str:
        return f"{self.resource}@{number}"

    def _translate_errors(self) -> contextlib.AbstractContextManager[None]:
        return self._region.translate_errors(f"model '{self.name}'", image=self._cloud.image)


def _folder(message: Any) -> Place:
    return place(message.artifact_uri).parent


def utc(at: datetime.datetime) -> datetime.datetime:
    """An instant of the service, in UTC, as a plain `datetime`."""
    return datetime.datetime.fromtimestamp(at.timestamp(), datetime.UTC)
