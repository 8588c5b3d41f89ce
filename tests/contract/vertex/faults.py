"""What goes wrong, on request: the next calls of an RPC are rejected, lost, slow, or fail later."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.contract.vertex.rejections import Rejection, Status

Kind = Literal["reject", "lose_answer", "slow", "fail_operation", "fail_job"]


class LostAnswer(Exception):  # noqa: N818 - the connection ends, nothing more
    """The work is done; the answer does not arrive."""


@dataclass
class Fault:
    """One thing that goes wrong, `times` times, on an RPC (such as `DeployModel`)."""

    rpc: str
    kind: Kind
    times: int = 1
    status: Status = "UNAVAILABLE"
    message: str = "injected by the test"
    polls: int = 0
    reason: str = ""
    """A word of Google's for the status: SERVICE_DISABLED, …"""


class Faults:
    """The faults that wait for their call.

    Args:
        meant: Whether what a fault names as its RPC is the RPC of a call.
    """

    def __init__(self, meant: Callable[[str, str], bool] = operator.eq) -> None:
        self.waiting: list[Fault] = []
        self._meant = meant

    def reject(
        self, rpc: str, status: Status = "UNAVAILABLE", times: int = 1, message: str = "", reason: str = ""
    ) -> None:
        """Answer the next calls by an error, before any work: 429 is RESOURCE_EXHAUSTED, 503 UNAVAILABLE."""
        message = message or "injected by the test"
        self.waiting.append(Fault(rpc, "reject", times, status, message, reason=reason))

    def lose_answer(self, rpc: str, times: int = 1) -> None:
        """Do the work of the next calls and close the connection without an answer."""
        self.waiting.append(Fault(rpc, "lose_answer", times))

    def slow(self, rpc: str, polls: int, times: int = 1) -> None:
        """Let the next operations of an RPC be done only after so many looks at them."""
        self.waiting.append(Fault(rpc, "slow", times, polls=polls))

    def fail_operation(
        self, rpc: str, status: Status = "INTERNAL", message: str = "", times: int = 1
    ) -> None:
        """Accept the next calls, do nothing, and let their operations end in an error."""
        self.waiting.append(Fault(rpc, "fail_operation", times, status, message or "The operation failed."))

    def fail_job(self, rpc: str, message: str = "The replica workerpool0-0 exited with 1.") -> None:
        """Accept the next job and let it fail."""
        self.waiting.append(Fault(rpc, "fail_job", 1, "INTERNAL", message))

    def due(self, rpc: str, kind: Kind) -> Fault | None:
        """The fault of this kind that this call meets, if any; it has then happened once more."""
        for fault in self.waiting:
            if fault.kind == kind and fault.times > 0 and self._meant(fault.rpc, rpc):
                fault.times -= 1
                return fault
        return None

    def check(self, rpc: str) -> None:
        """Reject a call before its work.

        Raises:
            Rejection: A fault says so.
        """
        fault = self.due(rpc, "reject")
        if fault:
            raise Rejection(fault.status, fault.message, fault.reason)

    def check_answer(self, rpc: str) -> None:
        """Lose an answer after the work.

        Raises:
            LostAnswer: A fault says so.
        """
        if self.due(rpc, "lose_answer"):
            raise LostAnswer
