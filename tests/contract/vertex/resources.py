"""What the server keeps, and the methods that are alike for every kind of resource.

Create, get, list, update and delete are found by the name of the RPC. What a kind has of its own
(models, endpoints, jobs) stands in a module of its own and comes first.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import empty_pb2, field_mask_pb2

from tests.contract.vertex.filters import matches
from tests.contract.vertex.rejections import Rejection, not_found
from tests.contract.vertex.routes import Route, snake

_PAGE = 50
_PARENT = re.compile(r"(?P<parent>.+)/[^/]+/[^/]+")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}")


class Store:
    """Resources by their full name, in the order of their making."""

    def __init__(self) -> None:
        self.messages: dict[str, Any] = {}
        self.contexts: dict[str, set[str]] = {}
        """Metadata contexts by the artifact or execution that belongs to them."""
        self._numbers = 0

    def number(self) -> str:
        """A new id, as the service makes them: digits, never twice."""
        self._numbers += 1
        return str(1_000_000_000_000_000_000 + self._numbers * 7_919_000_007)

    def get(self, name: str) -> Any:
        """A resource.

        Raises:
            Rejection: There is none of this name.
        """
        if name not in self.messages:
            raise not_found(name)
        return self.messages[name]

    def add(self, name: str, message: Any) -> Any:
        """Keep a new resource under its name, with its times and its etag.

        Raises:
            Rejection: The name is taken.
        """
        if name in self.messages:
            raise Rejection("ALREADY_EXISTS", f"The resource {name} already exists.")
        message.name = name
        self.messages[name] = message
        if "create_time" in message.DESCRIPTOR.fields_by_name:
            message.create_time.GetCurrentTime()
        return self.changed(message)

    def changed(self, message: Any) -> Any:
        """Give a resource that has changed its new time and etag."""
        fields = message.DESCRIPTOR.fields_by_name
        if "update_time" in fields:
            message.update_time.GetCurrentTime()
        if "etag" in fields:
            message.etag = hashlib.sha256(f"{message.name} {time.monotonic_ns()}".encode()).hexdigest()[:16]
        return message

    def of_kind(self, full_name: str, parent: str = "") -> list[Any]:
        """The resources of a message type, directly below a parent (`-` stands for any id)."""
        pattern = re.compile(re.escape(parent).replace(r"\-", "[^/]+") + r"/[^/]+/[^/]+") if parent else None
        return [
            message
            for name, message in self.messages.items()
            if message.DESCRIPTOR.full_name == full_name and (not pattern or pattern.fullmatch(name))
        ]


def check_etag(sent: str, kept: str) -> None:
    """Reject a change that was made on an older state.

    Raises:
        Rejection: Somebody else has changed the resource meanwhile.
    """
    if sent and sent != kept:
        raise Rejection("ABORTED", f"The etag {sent} does not match the current etag {kept}.")


def page(messages: Iterable[Any], request: Any, response: Any) -> Any:
    """Fill a list response: filtered, ordered, and no more than a page."""
    fields = request.DESCRIPTOR.fields_by_name
    found = list(messages)
    if "filter" in fields:
        found = [message for message in found if matches(request.filter, message)]
    if "order_by" in fields and request.order_by:
        found = _ordered(found, request.order_by)
    size = min(request.page_size or _PAGE, _PAGE) if "page_size" in fields else len(found)
    start = _start(request.page_token) if "page_token" in fields else 0
    _repeated_field(response).extend(found[start : start + size])
    if start + size < len(found):
        response.next_page_token = f"page-{start + size}"
    return response


def _start(token: str) -> int:
    if not token:
        return 0
    found = re.fullmatch(r"page-(\d+)", token)
    if found is None:
        raise Rejection("INVALID_ARGUMENT", f"Invalid page_token: {token}")
    return int(found[1])


def _ordered(messages: list[Any], order: str) -> list[Any]:
    field, _, direction = order.partition(" ")
    if messages and field not in messages[0].DESCRIPTOR.fields_by_name:
        raise Rejection("INVALID_ARGUMENT", f"Invalid order_by: unknown field {field}")

    def key(message: Any) -> Any:
        value = getattr(message, field)
        return value.ToNanoseconds() if hasattr(value, "ToNanoseconds") else value

    return sorted(messages, key=key, reverse=direction.strip() == "desc")


def _repeated_field(response: Any) -> Any:
    fields = response.DESCRIPTOR.fields
    name = next(f.name for f in fields if f.message_type and hasattr(getattr(response, f.name), "add"))
    return getattr(response, name)


def merge(mask: Any, new: Any, old: Any, fixed: Iterable[str] = ()) -> Any:
    """Write the masked fields of `new` into `old`; without a mask, those that are set.

    Raises:
        Rejection: An unknown field, one that the service alone writes, or an old etag.
    """
    fields = old.DESCRIPTOR.fields_by_name
    paths = [snake(path) for path in mask.paths] or [field.name for field, _ in new.ListFields()]
    paths = [path for path in paths if path not in {"name", "etag"}]
    rejected = [path for path in paths if path.split(".")[0] not in fields or path in fixed]
    if rejected:
        raise Rejection("INVALID_ARGUMENT", f"Invalid field(s) in update_mask: {', '.join(rejected)}")
    if "etag" in fields:
        check_etag(new.etag, old.etag)
    for path in paths:
        if "." not in path:
            old.ClearField(path)
    field_mask_pb2.FieldMask(paths=paths).MergeMessage(new, old, True, True)
    return old


class Resources:
    """The methods of any resource, by the convention of their names."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def method(self, rpc: str) -> Callable[[Any, Route], Any] | None:
        """The method that answers an RPC."""
        for start in ("create", "get", "list", "update", "delete"):
            if rpc.startswith(f"{start}_"):
                found: Callable[[Any, Route], Any] = getattr(self, f"_{start}")
                return found
        return None

    def _create(self, request: Any, route: Route) -> Any:
        kind = snake(route.method.name).removeprefix("create_")
        message = type(getattr(request, kind))()
        message.CopyFrom(getattr(request, kind))
        wanted = getattr(request, f"{kind}_id", "")
        if wanted and not _ID.fullmatch(wanted):
            raise Rejection("INVALID_ARGUMENT", f"{kind}_id {wanted} does not match {_ID.pattern}")
        parent = _PARENT.fullmatch(request.parent)
        if parent and "/" in parent["parent"].removeprefix("projects/"):
            self.store.get(request.parent)
        return self.store.add(f"{request.parent}/{route.collection}/{wanted or self.store.number()}", message)

    def _get(self, request: Any, _: Route) -> Any:
        return self.store.get(request.name)

    def _list(self, request: Any, route: Route) -> Any:
        assert route.method.response
        response = route.method.response()
        fields = response.DESCRIPTOR.fields
        kind = next(
            f.message_type.full_name
            for f in fields
            if f.message_type and hasattr(getattr(response, f.name), "add")
        )
        found = self.store.of_kind(kind, request.parent)
        if "filter" in request.DESCRIPTOR.fields_by_name:
            found = [m for m in found if matches(request.filter, m, self._contexts(m))]
            request.ClearField("filter")
        return page(found, request, response)

    def _contexts(self, message: Any) -> frozenset[str]:
        return frozenset(self.store.contexts.get(message.name, ()))

    def _update(self, request: Any, route: Route) -> Any:
        new = getattr(request, snake(route.method.name).removeprefix("update_"))
        return self.store.changed(merge(request.update_mask, new, self.store.get(new.name)))

    def _delete(self, request: Any, _: Route) -> Any:
        message = self.store.get(request.name)
        if "etag" in request.DESCRIPTOR.fields_by_name:
            check_etag(request.etag, message.etag)
        for name in [n for n in self.store.messages if n == request.name or n.startswith(f"{request.name}/")]:
            del self.store.messages[name]
        return empty_pb2.Empty()
