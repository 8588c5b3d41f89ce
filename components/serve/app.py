"""The HTTP face of a fleet: Vertex AI's custom-container contract as an ASGI application."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from components.serve.batching import ScoringError
from components.serve.fleet import Deployed, Fleet
from components.serve.instances import InstanceError, columns, read_instances
from configs.deployment import Serving
from configs.errors import RequestError

log = logging.getLogger(__name__)

_STATUS = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_COME_BACK, _CLOSE = {"retry-after": "1"}, {"connection": "close"}

Headers = Mapping[str, str] | None


@dataclass(frozen=True)
class Routes:
    """The paths of health and predictions."""

    health: str = "/health"
    predict: str = "/predict"


class Service:
    """Answers requests with a fleet; knows whether it is draining and what is in flight."""

    def __init__(self, fleet: Fleet, serving: Serving, routes: Routes) -> None:
        self.fleet, self.serving, self.routes = fleet, serving, routes
        self.draining = False
        self.in_flight = 0

    async def about(self, _: Request) -> Response:
        """What is served here, and how to ask."""
        versions = [self._about(deployed) for deployed in self.fleet.deployed]
        limits = {"instances": self.serving.max_batch_rows, "bytes": self.serving.max_body_bytes}
        return _json({"routes": self.routes, "limits": limits, "versions": versions})

    async def health(self, _: Request) -> Response:
        """200 when the server can predict."""
        if self.draining or not self.fleet.deployed:
            return self._unavailable()
        return _json({"status": "ready"})

    async def predict(self, request: Request) -> Response:
        """`{"instances": [...]}` to `{"predictions": [...]}`, one score each, in order.

        The body is read as JSON, whatever its content type says.
        """
        if self.draining or not self.fleet.deployed:
            return self._unavailable()
        if self.fleet.waiting >= self.serving.max_waiting_requests:
            return _error(503, f"{self.fleet.waiting} requests wait already", headers=_COME_BACK)
        self.in_flight += 1
        try:
            body = await _body(request, self.serving.max_body_bytes)
            instances = read_instances(body, self.serving.max_batch_rows)
            deployed = self.fleet.choose()
            rows = columns(instances, deployed.model.features, self.fleet.known)
            scores = await deployed.batcher.scores(rows)
        except RequestError as error:
            details: dict[str, Any] = {"expected": error.expected, "got": error.got}
            if isinstance(error, InstanceError):
                details |= {"instance": error.index, "field": error.field}
            return _error(400, str(error), details)
        except ScoringError:
            log.exception("%s could not score a request of %d rows", deployed.target, rows.rows)
            return _error(500, "the model could not score this request")
        finally:
            self.in_flight -= 1
        return _json({"predictions": scores, **_names(deployed)})

    def _unavailable(self) -> Response:
        if self.draining:
            return _error(503, "shutting down", headers=_CLOSE)
        return _error(503, "the model is loading", headers=_COME_BACK)

    def _about(self, deployed: Deployed) -> dict[str, Any]:
        features = deployed.model.features
        return {
            **_names(deployed),
            "traffic": self.fleet.traffic[deployed.target],
            "features": {"numeric": [*features.numeric], "categorical": [*features.categorical]},
            "seconds": deployed.model.seconds,
        }


def application(service: Service) -> Starlette:
    """The ASGI application of a service."""
    return Starlette(
        routes=[
            Route("/", service.about, methods=["GET"]),
            Route(service.routes.health, service.health, methods=["GET"]),
            Route(service.routes.predict, service.predict, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _on_http_exception, ClientDisconnect: _on_disconnect},
    )


async def _body(request: Request, limit: int) -> bytes | bytearray:
    """The request's body, read no further than `limit` bytes."""
    body = bytearray()
    declared = int(request.headers.get("content-length", 0))
    if declared <= limit:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                break
        else:
            return body
    raise HTTPException(413, f"body: expected at most {limit} bytes, got {declared or 'more'}")


def _names(deployed: Deployed) -> dict[str, str]:
    """The fields by which Vertex AI says who answered."""
    target = deployed.target
    if not target.version:
        return {}
    return {
        "deployedModelId": f"{target.name}-{target.version}",
        "model": target.name,
        "modelVersionId": target.version,
    }


def _json(content: Mapping[str, Any], status: int = 200, headers: Headers = None) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json")


def _error(
    status: int, message: str, details: Mapping[str, Any] | None = None, headers: Headers = None
) -> Response:
    name = _STATUS.get(status, HTTPStatus(status).phrase)
    error: dict[str, Any] = {"code": status, "status": name, "message": message}
    if details:
        error["details"] = [details]
    return _json({"error": error}, status, headers)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    place = f"{request.method} {request.url.path}: " if error.status_code in {404, 405} else ""
    headers = _CLOSE if error.status_code == 413 else {}
    return _error(error.status_code, f"{place}{error.detail}", headers={**(error.headers or {}), **headers})


async def _on_disconnect(_: Request, __: Exception) -> Response:
    return _error(400, "the client went away")
