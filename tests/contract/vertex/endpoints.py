"""Endpoints: deployed models, a traffic split that adds to 100, and predictions by it."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.cloud import aiplatform_v1
from google.protobuf import empty_pb2, field_mask_pb2, json_format

from tests.contract.vertex.models import Models
from tests.contract.vertex.rejections import Rejection, not_found
from tests.contract.vertex.resources import Store, check_etag, merge
from tests.contract.vertex.routes import Route, raw

Predictor = Callable[[Any, Sequence[Any], Any], Sequence[Any]]
"""(the deployed version's Model message, instances, parameters) -> predictions."""
_DEPLOYED = raw(aiplatform_v1.DeployModelResponse)
_UNDEPLOYED = raw(aiplatform_v1.UndeployModelResponse)
_MUTATED = raw(aiplatform_v1.MutateDeployedModelResponse)
_PREDICTED = raw(aiplatform_v1.PredictResponse)
_SERVICE_ALONE = {"deployed_models", "create_time", "update_time", "dedicated_endpoint_dns"}


def which_version(model: Any, instances: Sequence[Any], _: Any) -> Sequence[Mapping[str, str]]:
    """The predictor where none is given: each answer is the version that gave it."""
    return [{"version": model.version_id} for _ in instances]


class Endpoints:
    """EndpointService and PredictionService."""

    def __init__(self, store: Store, models: Models, predictor: Predictor = which_version) -> None:
        self.store, self.models, self.predictor = store, models, predictor
        self.random = random.Random(17)  # noqa: S311 - it draws a server, not a secret
        self.predictions: dict[str, int] = {}
        """Requests answered, by the id of the deployed model."""

    # --- endpoints ----------------------------------------------------------------------------

    def create_endpoint(self, request: Any, _: Route) -> Any:
        """An endpoint without any model."""
        if not request.endpoint.display_name:
            raise Rejection("INVALID_ARGUMENT", "Required field endpoint.display_name is missing.")
        if request.endpoint.deployed_models or request.endpoint.traffic_split:
            raise Rejection("INVALID_ARGUMENT", "A new endpoint has neither deployed models nor traffic.")
        wanted = request.endpoint_id
        if wanted and not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}", wanted):
            raise Rejection("INVALID_ARGUMENT", f"endpoint_id '{wanted}' must be up to 63 of [a-z0-9-].")
        endpoint = type(request.endpoint)()
        endpoint.CopyFrom(request.endpoint)
        number = wanted or self.store.number()
        if endpoint.dedicated_endpoint_enabled:
            endpoint.dedicated_endpoint_dns = f"{number}.us-central1-1.prediction.vertexai.goog"
        return self.store.add(f"{request.parent}/endpoints/{number}", endpoint)

    def update_endpoint(self, request: Any, _: Route) -> Any:
        """Names, labels, traffic and request logging; the models are deployed and undeployed instead."""
        endpoint = self.store.get(request.endpoint.name)
        if "traffic_split" in request.update_mask.paths:
            check_etag(request.endpoint.etag, endpoint.etag)
            _check_traffic(request.endpoint.traffic_split, {each.id for each in endpoint.deployed_models})
        merge(request.update_mask, request.endpoint, endpoint, _SERVICE_ALONE)
        return self.store.changed(endpoint)

    def update_endpoint_long_running(self, request: Any, _: Route) -> Any:
        """The same, as an operation, without a mask."""
        kept = self.store.get(request.endpoint.name)
        del request.endpoint.deployed_models[:]
        return self.store.changed(merge(field_mask_pb2.FieldMask(), request.endpoint, kept, _SERVICE_ALONE))

    def delete_endpoint(self, request: Any, _: Route) -> Any:
        """Rejected while a model is deployed."""
        endpoint = self.store.get(request.name)
        if endpoint.deployed_models:
            raise Rejection(
                "FAILED_PRECONDITION", f"{request.name} has deployed models: undeploy them first."
            )
        del self.store.messages[request.name]
        return empty_pb2.Empty()

    # --- deployed models ----------------------------------------------------------------------

    def deploy_model(self, request: Any, _: Route) -> Any:
        """Deploy a version; "0" in the traffic split is the id it will get."""
        endpoint = self.store.get(request.endpoint)
        model = self.models.find(request.deployed_model.model)
        _check_machines(request.deployed_model)
        deployed = type(request.deployed_model)()
        deployed.CopyFrom(request.deployed_model)
        if deployed.id and not re.fullmatch(r"[0-9]{1,10}", deployed.id):
            raise Rejection("INVALID_ARGUMENT", f"deployed_model.id '{deployed.id}' must be 1 to 10 digits.")
        deployed.id = deployed.id or self.store.number()
        known = {each.id for each in endpoint.deployed_models}
        if deployed.id in known:
            raise Rejection("ALREADY_EXISTS", f"A deployed model {deployed.id} already exists.")
        deployed.model, deployed.model_version_id = model.name, model.version_id
        deployed.create_time.GetCurrentTime()
        split = {deployed.id if key == "0" else key: share for key, share in request.traffic_split.items()}
        _check_traffic(split, known | {deployed.id})
        endpoint.deployed_models.append(deployed)
        if split:
            _replace_traffic(endpoint, split)
        self.store.changed(endpoint)
        return _DEPLOYED(deployed_model=deployed)

    def undeploy_model(self, request: Any, _: Route) -> Any:
        """Undeploy a model that has, or after the given split has, no traffic; or the last one."""
        endpoint = self.store.get(request.endpoint)
        gone = _deployed(endpoint, request.deployed_model_id)
        rest = {each.id for each in endpoint.deployed_models} - {gone.id}
        split = dict(request.traffic_split) or dict(endpoint.traffic_split)
        if rest and split.get(gone.id):
            raise Rejection(
                "FAILED_PRECONDITION",
                f"The deployed model {gone.id} has {split[gone.id]} % of the traffic: move it first.",
            )
        split = {key: share for key, share in split.items() if key != gone.id} if rest else {}
        _check_traffic(split, rest)
        endpoint.deployed_models.remove(gone)
        _replace_traffic(endpoint, split)
        self.store.changed(endpoint)
        return _UNDEPLOYED()

    def mutate_deployed_model(self, request: Any, _: Route) -> Any:
        """Change the number of replicas of a deployed model."""
        endpoint = self.store.get(request.endpoint)
        deployed = _deployed(endpoint, request.deployed_model.id)
        parts = {path.rsplit(".", 1)[-1] for path in request.update_mask.paths}
        allowed = {
            "min_replica_count", "max_replica_count", "required_replica_count",
            "autoscaling_metric_specs", "disable_container_logging",
        }  # fmt: skip
        if parts - allowed:
            raise Rejection(
                "INVALID_ARGUMENT", f"{sorted(parts - allowed)} of a deployed model cannot change."
            )
        merge(request.update_mask, request.deployed_model, deployed)
        self.store.changed(endpoint)
        return _MUTATED(deployed_model=deployed)

    # --- predictions --------------------------------------------------------------------------

    def predict(self, request: Any, _: Route) -> Any:
        """Ask one of the deployed models, drawn by the shares of the traffic."""
        endpoint = self.store.get(request.endpoint)
        shares = {key: share for key, share in endpoint.traffic_split.items() if share}
        if not shares:
            raise Rejection("FAILED_PRECONDITION", f"No model of {request.endpoint} receives traffic.")
        chosen = self.random.choices(list(shares), list(shares.values()))[0]
        deployed = _deployed(endpoint, chosen)
        model = self.models.find(f"{deployed.model}@{deployed.model_version_id}")
        self.predictions[chosen] = self.predictions.get(chosen, 0) + 1
        instances = [json_format.MessageToDict(instance) for instance in request.instances]
        parameters = json_format.MessageToDict(request.parameters)
        answer = _PREDICTED(
            deployed_model_id=chosen,
            model=model.name,
            model_version_id=model.version_id,
            model_display_name=model.display_name,
        )
        predictions = list(self.predictor(model, instances, parameters))
        return json_format.ParseDict({"predictions": predictions}, answer)


def _deployed(endpoint: Any, wanted: str) -> Any:
    for each in endpoint.deployed_models:
        if each.id == wanted:
            return each
    raise not_found(f"{endpoint.name}/deployedModels/{wanted}")


def _check_traffic(split: Mapping[str, int], known: set[str]) -> None:
    """Shares of known models, 0 to 100, that add to 100; no shares at all are allowed."""
    unknown = sorted(set(split) - known)
    if unknown:
        raise Rejection("INVALID_ARGUMENT", f"traffic_split names unknown deployed models: {unknown}")
    shares = dict(split)
    if shares and (sum(shares.values()) != 100 or min(shares.values()) < 0):
        raise Rejection("INVALID_ARGUMENT", f"traffic_split must add up to 100, got {shares}")


def _replace_traffic(endpoint: Any, split: Mapping[str, int]) -> None:
    endpoint.ClearField("traffic_split")
    for key, share in split.items():
        endpoint.traffic_split[key] = share


def _check_machines(deployed: Any) -> None:
    kind = deployed.WhichOneof("prediction_resources")
    if kind is None:
        raise Rejection("INVALID_ARGUMENT", "Required field deployed_model.prediction_resources is missing.")
    if kind == "dedicated_resources":
        resources = deployed.dedicated_resources
        most = resources.max_replica_count or resources.min_replica_count
        if not resources.machine_spec.machine_type or not 1 <= resources.min_replica_count <= most:
            raise Rejection(
                "INVALID_ARGUMENT",
                "dedicated_resources need a machine_type and 1 <= min_replica_count <= max_replica_count.",
            )
