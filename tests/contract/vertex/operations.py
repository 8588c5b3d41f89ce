"""Long-running operations: done after some looks at them, with an answer or an error.

The effect is there from the start, as a second client may see it; only the word "done" comes later.
"""

import re
from collections.abc import Callable
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from tests.contract.vertex.faults import Fault
from tests.contract.vertex.rejections import RPC, Rejection, not_found

_LOCATION = re.compile(r"projects/[^/]+/locations/[^/]+")


class Operations:
    """The operations that the server has begun; each needs `polls` looks until it is done."""

    def __init__(self, number: Callable[[], str], polls: int) -> None:
        self.number, self.polls = number, polls
        self.begun: dict[str, Any] = {}
        self._left: dict[str, int] = {}

    def begin(self, scope: str, result: Any, polls: int | None = None) -> Any:
        """An operation that ends with `result`: a message, or the fault that it fails by."""
        location = _LOCATION.match(scope)
        name = f"{location[0] if location else scope}/operations/{self.number()}"
        operation = operations_pb2.Operation(name=name)
        if isinstance(result, Fault):
            operation.error.code, operation.error.message = RPC[result.status], result.message
        else:
            operation.response.Pack(result)
        self.begun[name] = operation
        self._left[name] = self.polls if polls is None else polls
        return self._seen(name)

    def get(self, name: str) -> Any:
        """One look at an operation.

        Raises:
            Rejection: There is none of this name.
        """
        if name not in self.begun:
            raise not_found(name)
        self._left[name] -= 1
        return self._seen(name)

    def cancel(self, name: str) -> Any:
        """End an operation that is not done."""
        if name not in self.begun:
            raise not_found(name)
        if self._left[name] > 0:
            self._left[name] = 0
            self.begun[name].error.code = RPC["CANCELLED"]
            self.begun[name].error.message = "The operation was cancelled."
        return empty_pb2.Empty()

    def delete(self, name: str) -> Any:
        """Forget an operation."""
        if self.begun.pop(name, None) is None:
            raise not_found(name)
        return empty_pb2.Empty()

    def answer(self, verb: str, path: str) -> Any:
        """Answer a request about an operation: the path is its name, with or without `:cancel`."""
        name, _, action = path.partition(":")
        if (verb, action) == ("GET", ""):
            return self.get(name)
        if (verb, action) == ("POST", "cancel"):
            return self.cancel(name)
        if (verb, action) == ("DELETE", ""):
            return self.delete(name)
        raise Rejection("UNIMPLEMENTED", f"{verb} {path}")

    def _seen(self, name: str) -> Any:
        """The operation as it is returned: no result before it is done."""
        operation = operations_pb2.Operation()
        operation.CopyFrom(self.begun[name])
        operation.done = self._left[name] <= 0
        if not operation.done:
            operation.ClearField("error")
            operation.ClearField("response")
        return operation
