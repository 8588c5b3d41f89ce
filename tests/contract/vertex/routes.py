"""The REST routes of Vertex AI's services, from the client library's own metadata.

Every GAPIC service ships the verb, the URI template and the body of each of its methods; the message
types stand in the annotations of its client. Nothing is written down here a second time.
"""

import functools
import importlib
import inspect
import re
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format

SERVICES = (
    "endpoint_service",
    "job_service",
    "metadata_service",
    "model_service",
    "pipeline_service",
    "prediction_service",
    "schedule_service",
    "tensorboard_service",
)
_ELSEWHERE = ("Operation", "Operations", "Location", "Locations", "IamPolicy", "IamPermissions")
"""Methods that every service repeats; operations have a place of their own here."""


@dataclass(frozen=True)
class Method:
    """One RPC: `request` and `response` are protobuf classes (None: an empty answer)."""

    service: str
    name: str
    request: type[Any]
    response: type[Any] | None
    long_running: bool

    @property
    def handler(self) -> str:
        """The name of the Python function that answers it."""
        return snake(self.name)


@dataclass(frozen=True)
class Route:
    """Where an RPC is reached: `body` is a field of the request, `*` for all of it, or empty."""

    verb: str
    pattern: re.Pattern[str]
    body: str
    method: Method
    collection: str

    def request(self, found: re.Match[str], query: Sequence[tuple[str, str]], body: Any) -> Any:
        """The request message; a field that it does not have is an error.

        Raises:
            json_format.ParseError: The body or the query is not the request's.
        """
        content: dict[str, Any] = {}
        if body is not None:
            content = dict(body) if self.body == "*" else {self.body: body}
        message = self.method.request()
        for path, value in query:
            if not path.startswith("$"):
                _put(content, path.split("."), value, message.DESCRIPTOR)
        json_format.ParseDict(content, message)
        for path, value in found.groupdict().items():
            target = message
            *parents, last = path.split("__")
            for parent in parents:
                target = getattr(target, parent)
            setattr(target, last, value)
        return message


def snake(name: str) -> str:
    """UploadModel: upload_model."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def raw(kind: type[Any]) -> type[Any]:
    """The protobuf class within a proto-plus one."""
    return type(kind.pb(kind())) if hasattr(kind, "pb") else kind


@functools.cache
def routes() -> tuple[Route, ...]:
    """Every route of the services in `SERVICES`."""
    return tuple(route for service in SERVICES for route in _of_service(service))


def _of_service(service: str) -> Iterator[Route]:
    package = f"google.cloud.aiplatform_v1.services.{service}"
    client = _only(importlib.import_module(package), "", "Client", "Async")
    base = _only(importlib.import_module(f"{package}.transports.rest_base"), "_Base", "RestTransport")
    for name, options in vars(base).items():
        rpc = name.removeprefix("_Base")
        if not hasattr(options, "_get_http_options") or rpc.endswith(_ELSEWHERE):
            continue
        method = _method(client, rpc)
        if method is None:
            continue
        for option in options._get_http_options():
            uri = option["uri"]
            collection = uri.rsplit("/", 1)[1].partition(":")[0]
            yield Route(option["method"].upper(), _pattern(uri), option.get("body", ""), method, collection)


def _only(module: Any, start: str, end: str, without: str = "\0") -> Any:
    (found,) = (
        kind
        for name, kind in vars(module).items()
        if name.startswith(start) and name.endswith(end) and without not in name
    )
    return found


def _method(client: Any, rpc: str) -> Method | None:
    function = getattr(client, snake(rpc), None)
    if function is None:
        return None
    signature = inspect.signature(function)
    request = signature.parameters.get("request")
    if request is None:  # a stream of requests, which REST does not have
        return None
    kinds = typing.get_args(request.annotation)
    message = next(kind for kind in _leaves(kinds) if kind not in (dict, type(None)))
    returned = signature.return_annotation
    long_running = getattr(returned, "__name__", "") == "Operation"
    response = None if returned is None or long_running else raw(_unpaged(returned))
    return Method(client.__name__.removesuffix("Client"), rpc, raw(message), response, long_running)


def _leaves(kinds: Sequence[Any]) -> Iterator[Any]:
    for kind in kinds:
        yield from _leaves(typing.get_args(kind)) if typing.get_args(kind) else (kind,)


def _unpaged(kind: Any) -> Any:
    if not kind.__name__.endswith("Pager"):
        return kind
    return inspect.signature(kind.__init__).parameters["response"].annotation


def _pattern(template: str) -> re.Pattern[str]:
    """`/v1/{name=projects/*/models/*}:export` as a regular expression with the group `name`."""
    expression, done = "", 0
    for field in re.finditer(r"\{([^=}]+)(?:=([^}]+))?\}", template):
        value = re.escape(field[2] or "*").replace(r"\*\*", ".+").replace(r"\*", "[^/:]+")
        expression += re.escape(template[done : field.start()])
        expression += f"(?P<{field[1].replace('.', '__')}>{value})"
        done = field.end()
    return re.compile(expression + re.escape(template[done:]))


def _put(content: dict[str, Any], path: Sequence[str], text: str, descriptor: Any) -> None:
    """Write one query parameter where it belongs, in its own type."""
    field = descriptor.fields_by_camelcase_name.get(path[0]) or descriptor.fields_by_name.get(path[0])
    if field is None:
        raise json_format.ParseError(f"no field '{path[0]}' in {descriptor.full_name}")
    if len(path) > 1 and field.message_type:
        _put(content.setdefault(path[0], {}), path[1:], text, field.message_type)
        return
    value: Any = text == "true" if field.type == field.TYPE_BOOL else text
    if _repeated(field):
        content.setdefault(path[0], []).append(value)
    else:
        content[path[0]] = value


def _repeated(field: Any) -> bool:
    is_repeated = getattr(field, "is_repeated", None)
    return bool(field.label == field.LABEL_REPEATED if is_repeated is None else is_repeated)
