"""Models: versions that count up, aliases that move, one default for each model."""

import re
from typing import Any

from google.cloud import aiplatform_v1
from google.protobuf import empty_pb2

from tests.contract.vertex.filters import matches
from tests.contract.vertex.rejections import Rejection, not_found
from tests.contract.vertex.resources import Store, merge, page
from tests.contract.vertex.routes import Route, raw

_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")
_OF_THE_MODEL = {"display_name", "description"}
_OF_A_VERSION = {"version_description"}
_LIST = raw(aiplatform_v1.ListModelsResponse)
_LIST_VERSIONS = raw(aiplatform_v1.ListModelVersionsResponse)
_UPLOADED = raw(aiplatform_v1.UploadModelResponse)


class Models:
    """ModelService; what an endpoint has deployed cannot be deleted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.versions: dict[str, dict[str, Any]] = {}
        self._uploads: dict[str, int] = {}

    # --- reading ------------------------------------------------------------------------------

    def find(self, name: str) -> Any:
        """A version by `NAME@ID` or `NAME@ALIAS`; by `NAME`, the default one.

        Raises:
            Rejection: No such model, or no such version.
        """
        model, _, wanted = name.partition("@")
        versions = self.versions.get(model, {})
        for version in versions.values():
            if version.version_id == wanted or (wanted or "default") in version.version_aliases:
                return version
        raise not_found(name)

    def get_model(self, request: Any, _: Route) -> Any:
        """A version of a model."""
        return self.find(request.name)

    def list_models(self, request: Any, _: Route) -> Any:
        """The default version of each model."""
        here = [name for name in self.versions if name.startswith(f"{request.parent}/models/")]
        return page([self.find(name) for name in here], request, _LIST())

    def list_model_versions(self, request: Any, _: Route) -> Any:
        """All versions of a model."""
        return page(self._of(request.name).values(), request, _LIST_VERSIONS())

    def _of(self, name: str) -> dict[str, Any]:
        model = name.partition("@")[0]
        if model not in self.versions:
            raise not_found(model)
        return self.versions[model]

    # --- changing -----------------------------------------------------------------------------

    def upload_model(self, request: Any, _: Route) -> Any:
        """A new model, or the next version of `parent_model`."""
        given = request.model
        if not given.display_name:
            raise Rejection("INVALID_ARGUMENT", "Required field model.display_name is missing.")
        if given.HasField("container_spec") and not given.container_spec.image_uri:
            raise Rejection("INVALID_ARGUMENT", "Required field model.container_spec.image_uri is missing.")
        for alias in given.version_aliases:
            _check_alias(alias)
        name = request.parent_model.partition("@")[0]
        if name:
            self._of(name)
        else:
            name = f"{request.parent}/models/{request.model_id or self.store.number()}"
            if name in self.versions:
                raise Rejection("ALREADY_EXISTS", f"The model {name} already exists.")
            self.versions[name] = {}
        version = self._keep(name, given)
        return _UPLOADED(model=name, model_version_id=version.version_id)

    def _keep(self, name: str, given: Any) -> Any:
        number = self._uploads[name] = self._uploads.get(name, 0) + 1  # an id is never used again
        version = type(given)()
        version.CopyFrom(given)
        version.name, version.version_id = name, str(number)
        version.create_time.GetCurrentTime()
        version.version_create_time.CopyFrom(version.create_time)
        version.supported_deployment_resources_types.append(1)
        aliases = [*given.version_aliases, *([] if self.versions[name] else ["default"])]
        version.ClearField("version_aliases")
        self.versions[name][version.version_id] = version
        for alias in dict.fromkeys(aliases):
            self._move(alias, version)
        return self._changed(version)

    def _changed(self, version: Any) -> Any:
        version.version_update_time.GetCurrentTime()
        return self.store.changed(version)

    def _move(self, alias: str, version: Any) -> None:
        """Give an alias to a version; the one that had it loses it."""
        for other in self.versions[version.name].values():
            if alias in other.version_aliases:
                other.version_aliases.remove(alias)
        version.version_aliases.append(alias)

    def merge_version_aliases(self, request: Any, _: Route) -> Any:
        """Give aliases to a version, and take away those that begin with a minus."""
        if "@" not in request.name:
            raise Rejection("INVALID_ARGUMENT", f"{request.name} must name a version: NAME@VERSION.")
        version = self.find(request.name)
        for alias in request.version_aliases:
            _check_alias(alias.removeprefix("-"))
            if alias == "-default":
                raise Rejection("INVALID_ARGUMENT", "The default alias cannot be removed, only moved.")
        for alias in request.version_aliases:
            if not alias.startswith("-"):
                self._move(alias, version)
            elif alias[1:] in version.version_aliases:
                version.version_aliases.remove(alias[1:])
        return self._changed(version)

    def update_model(self, request: Any, _: Route) -> Any:
        """`NAME@VERSION` changes that version, `NAME` what all versions share."""
        name, _at, wanted = request.model.name.partition("@")
        one = wanted not in {"", "-"}
        paths = {path.split(".")[0] for path in request.update_mask.paths}
        allowed = {"labels"} | (_OF_A_VERSION if one else _OF_THE_MODEL)
        if not paths or paths - allowed:
            raise Rejection(
                "FAILED_PRECONDITION",
                f"update_mask {sorted(paths)} for {request.model.name}: only {sorted(allowed)} may change.",
            )
        changed = [self.find(request.model.name)] if one else list(self._of(name).values())
        new = type(request.model)()
        new.CopyFrom(request.model)
        for version in changed:
            merge(request.update_mask, new, version)
            new.ClearField("etag")  # asked of the first: afterwards all have a new one
        for version in changed:
            self._changed(version)
        return self.find(request.model.name.removesuffix("@-"))

    def delete_model(self, request: Any, _: Route) -> Any:
        """All versions; rejected while one is deployed."""
        self._of(request.name)
        self._must_not_serve(request.name, None)
        del self.versions[request.name]
        return empty_pb2.Empty()

    def delete_model_version(self, request: Any, _: Route) -> Any:
        """One version; rejected while it is deployed, and for the default while there are others."""
        version = self.find(request.name)
        if "@" not in request.name:
            raise Rejection("INVALID_ARGUMENT", f"{request.name} must name a version: NAME@VERSION.")
        if "default" in version.version_aliases:
            raise Rejection(
                "FAILED_PRECONDITION",
                f"Version {version.version_id} is the default version: move the alias, or delete the model.",
            )
        self._must_not_serve(version.name, version.version_id)
        del self.versions[version.name][version.version_id]
        return empty_pb2.Empty()

    def _must_not_serve(self, name: str, version_id: str | None) -> None:
        for endpoint in self.store.of_kind("google.cloud.aiplatform.v1.Endpoint"):
            for deployed in endpoint.deployed_models:
                if deployed.model == name and version_id in {None, deployed.model_version_id}:
                    raise Rejection(
                        "FAILED_PRECONDITION", f"{name} is deployed to {endpoint.name}: undeploy it first."
                    )

    # --- evaluations --------------------------------------------------------------------------

    def import_model_evaluation(self, request: Any, _: Route) -> Any:
        """Attach an evaluation to a version."""
        version = self.find(request.parent)
        evaluation = type(request.model_evaluation)()
        evaluation.CopyFrom(request.model_evaluation)
        name = f"{version.name}@{version.version_id}/evaluations/{self.store.number()}"
        return self.store.add(name, evaluation)

    def list_model_evaluations(self, request: Any, route: Route) -> Any:
        """The evaluations of a version."""
        version = self.find(request.parent)
        assert route.method.response
        found = self.store.of_kind(
            "google.cloud.aiplatform.v1.ModelEvaluation", f"{version.name}@{version.version_id}"
        )
        found = [each for each in found if matches(request.filter, each)]
        request.ClearField("filter")
        return page(found, request, route.method.response())

    def batch_import_model_evaluation_slices(self, request: Any, route: Route) -> Any:
        """Attach slices to an evaluation, at most 50 at once."""
        self.store.get(request.parent)
        assert route.method.response
        if len(request.model_evaluation_slices) > 50:
            raise Rejection("INVALID_ARGUMENT", "At most 50 slices in a request.")
        response = route.method.response()
        for given in request.model_evaluation_slices:
            kept = type(given)()
            kept.CopyFrom(given)
            self.store.add(f"{request.parent}/slices/{self.store.number()}", kept)
            response.imported_model_evaluation_slices.append(kept.name)
        return response


def _check_alias(alias: str) -> None:
    if not _ALIAS.fullmatch(alias):
        raise Rejection("INVALID_ARGUMENT", f"The version alias '{alias}' does not match {_ALIAS.pattern}")
