"""The calls that servers hear, each with who made it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.contract.iam.callers import NOBODY, Callers

Service = Literal["bigquery", "dataflow", "storage", "vertex"]


@dataclass(frozen=True)
class Heard:
    """A request as it came: the caller's port, the verb, the path with its query, and the body."""

    port: int
    verb: str
    target: str
    body: bytes = b""


Watch = Callable[[Heard], None]
"""Called with each request before it is answered."""


@dataclass(frozen=True)
class Call:
    """A request of a service account."""

    who: str
    """The account's name: the part of its e-mail before the @."""
    service: Service
    verb: str
    target: str
    body: bytes


class Calls:
    """Everything that accounts have asked; what a process without an account asks is the tests' own."""

    def __init__(self) -> None:
        self.callers = Callers()
        self.all: list[Call] = []
        self._lock = threading.Lock()

    def of(self, service: Service) -> Watch:
        """What a server of this service is to tell."""

        def record_call(heard: Heard) -> None:
            account = self.callers.account_at(heard.port)
            if account == NOBODY:
                return
            call = Call(account.partition("@")[0], service, heard.verb, heard.target, heard.body)
            with self._lock:
                self.all.append(call)

        return record_call
