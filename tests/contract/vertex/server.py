"""A Vertex AI server on loopback: the REST protocol of the unmodified client library, with its real rules.

    with VertexServer(project="my-project") as server:
        aiplatform.init(project="my-project", location="us-central1", api_endpoint=server.url,
                        api_transport="rest", credentials=AnonymousCredentials())

Names in answers carry the project's number, as the service's do. The rules are a reading of the API's
reference; they were not recorded from the service.
"""

import json
import re
import threading
import urllib.parse
from typing import Any

from google.protobuf import empty_pb2, json_format

from tests.contract.vertex.answering import Loopback
from tests.contract.vertex.endpoints import Endpoints, Predictor, which_version
from tests.contract.vertex.faults import Faults
from tests.contract.vertex.jobs import Jobs
from tests.contract.vertex.metadata import Metadata
from tests.contract.vertex.models import Models
from tests.contract.vertex.operations import Operations
from tests.contract.vertex.pipelines import Pipelines
from tests.contract.vertex.rejections import Rejection
from tests.contract.vertex.resources import Resources, Store
from tests.contract.vertex.routes import Route, routes
from tests.contract.vertex.schedules import Schedules

PROJECT_NUMBER = "1234"
"""The one that the Cloud Storage emulator gives its buckets."""
_PLACE = re.compile(r"/(?:v1|ui)/projects/([^/]+)/locations/([^/:]+)")
_OPERATION = re.compile(r"/(?:v1|ui)/(projects/[^/]+/locations/[^/]+/(?:[^:]+/)?operations/[^/]+)$")


class VertexServer(Loopback):
    """One project in one region.

    Args:
        project: Its id; requests about another are rejected.
        location: The region.
        predictor: What a deployed model answers; `endpoints.predictor` may be replaced later.
        polls: Looks that an operation or a job needs before it is done.
    """

    def __init__(
        self,
        project: str = "local-project",
        location: str = "us-central1",
        *,
        predictor: Predictor = which_version,
        polls: int = 1,
    ) -> None:
        self.project, self.location = project, location
        self.store, self.faults = Store(), Faults()
        self.operations = Operations(self.store.number, polls)
        self.models = Models(self.store)
        self.endpoints = Endpoints(self.store, self.models, predictor)
        self.jobs = Jobs(self.store, self.faults, polls)
        self.pipelines = Pipelines(self.store, self.faults)
        self.schedules = Schedules(self.store, self.pipelines)
        self.parts: list[Any] = [
            self.models, self.endpoints, self.jobs, self.pipelines, self.schedules, Metadata(self.store),
        ]  # fmt: skip
        self.calls: list[str] = []
        """The RPCs that were asked, in order: `ModelService.UploadModel`, …"""
        self.requests: list[tuple[str, Any]] = []
        """Each RPC's name with its request message."""
        self._resources = Resources(self.store)
        self._lock = threading.RLock()

    def close(self) -> None:
        """End what its parts have started."""
        for part in self.parts:
            getattr(part, "close", lambda: None)()

    @property
    def parent(self) -> str:
        """The location's name, as it stands in every resource's name."""
        return f"projects/{PROJECT_NUMBER}/locations/{self.location}"

    def requests_of(self, rpc: str) -> list[Any]:
        """The requests of one RPC, such as `DeployModel`."""
        return [request for name, request in self.requests if name == rpc]

    # --- answering ----------------------------------------------------------------------------

    def answer(self, verb: str, target: str, body: bytes) -> bytes:
        """The JSON that answers a request.

        Raises:
            Rejection: The request is answered by an error.
            LostAnswer: It is not answered at all.
        """
        split = urllib.parse.urlsplit(target)
        path = urllib.parse.unquote(split.path)
        self._check_place(path)
        path = self._with_number(path)
        query = [(key, self._with_number(value)) for key, value in urllib.parse.parse_qsl(split.query)]
        operation = _OPERATION.fullmatch(path)
        if operation:
            self.faults.check("GetOperation")
            with self._lock:
                return _json(self.operations.answer(verb, operation[1]))
        content = json.loads(self._with_number(body.decode())) if body else None
        for route in routes():
            found = route.pattern.fullmatch(path) if route.verb == verb else None
            if found:
                try:
                    request = route.request(found, query, content)
                except json_format.ParseError as error:
                    raise Rejection("INVALID_ARGUMENT", f"{route.method.name}: {error}") from error
                return self._call(route, request)
        raise Rejection("UNIMPLEMENTED", f"no method for {verb} {path}")

    def _check_place(self, path: str) -> None:
        """Reject what is about another project or region."""
        place = _PLACE.match(path)
        if place and place[1] not in {self.project, PROJECT_NUMBER}:
            raise Rejection("PERMISSION_DENIED", f"Permission denied on resource project {place[1]}.")
        if place and place[2] not in {self.location, "-"}:
            raise Rejection("INVALID_ARGUMENT", f"{place[2]} is not served here, but {self.location}.")

    def _with_number(self, text: str) -> str:
        """Put the project's number for its id, as the service does in every name of its own."""
        own = rf"projects/{re.escape(self.project)}/locations/([^/\"]+)(?![^/\"]|/keyRings)"
        return re.sub(own, rf"projects/{PROJECT_NUMBER}/locations/\1", text)

    def _call(self, route: Route, request: Any) -> bytes:
        method = route.method
        self.calls.append(f"{method.service}.{method.name}")
        self.requests.append((method.name, request))
        self.faults.check(method.name)
        with self._lock:
            if method.long_running:
                result = self._operation(route, request)
            else:
                result = self._handler(route)(request, route)
            answer = _json(result)
        self.faults.check_answer(method.name)
        return answer

    def _operation(self, route: Route, request: Any) -> Any:
        failing = self.faults.due(route.method.name, "fail_operation")
        result = failing or self._handler(route)(request, route)
        slow = self.faults.due(route.method.name, "slow")
        return self.operations.begin(self.parent, result, slow.polls if slow else None)

    def _handler(self, route: Route) -> Any:
        name = route.method.handler
        for part in self.parts:
            if hasattr(part, name):
                return getattr(part, name)
        found = self._resources.method(name)
        if found is None:
            raise Rejection(
                "UNIMPLEMENTED", f"{route.method.service}.{route.method.name} is not served here."
            )
        return found


def _json(message: Any) -> bytes:
    text: str = json_format.MessageToJson(message if message is not None else empty_pb2.Empty())
    return text.encode()
