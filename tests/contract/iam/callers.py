"""Who calls a loopback server: the kernel knows the process of a connection, its environment the account.

On Google Cloud a container gets its service account from a server that nothing can deceive. Here a process
that stands for a container has it in the variable SERVICE_ACCOUNT, put there by the server that starts it,
from what the job asked for. Clients need not be changed, and cannot say that they are somebody else.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SERVICE_ACCOUNT = "SERVICE_ACCOUNT"
NOBODY = ""


def running_as(account: str) -> dict[str, str]:
    """The variables of a process that runs as a service account (its e-mail); empty: as nobody."""
    return {SERVICE_ACCOUNT: account}


class Callers:
    """This process and its children, by the local ports of their connections."""

    def __init__(self) -> None:
        self._own = NOBODY
        self._accounts: dict[int, str] = {}
        self._lock = threading.Lock()

    @contextmanager
    def this_process_as(self, account: str) -> Iterator[None]:
        """What this process asks within the block, `account` asks; beyond it, nobody."""
        self._own, before = account, self._own
        try:
            yield
        finally:
            self._own = before

    def account_at(self, port: int) -> str:
        """Whose connection has this local port; NOBODY: a process without an account."""
        with self._lock:
            for process in self._processes():
                if _has_port(process, port):
                    return self._own if process.pid == os.getpid() else self._account_of(process)
        return NOBODY

    def _processes(self) -> Iterator[psutil.Process]:
        """Children first, the youngest before all: they ask most; this process has the most connections."""
        own = psutil.Process()
        yield from reversed(own.children(recursive=True))
        yield own

    def _account_of(self, process: psutil.Process) -> str:
        if process.pid not in self._accounts:
            self._accounts[process.pid] = process.environ().get(SERVICE_ACCOUNT, NOBODY)
        return self._accounts[process.pid]


def _has_port(process: psutil.Process, port: int) -> bool:
    try:
        return any(each.laddr and each.laddr.port == port for each in process.net_connections("tcp"))
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, and with it its connections
        return False
