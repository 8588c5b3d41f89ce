"""Servers of other programs on loopback: a free port, and the wait until one answers."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import tenacity

_REGISTRY = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
"""


def free_port() -> int:
    """One that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_until_it_answers(url: str, seconds: float, dead: Callable[[], str | None] = lambda: None) -> None:
    """Ask until the answer is 200.

    Args:
        url: Of a page that a ready server has.
        seconds: No longer than this.
        dead: Why there will be no answer any more; None: there may be one.

    Raises:
        AssertionError: The server is dead.
        tenacity.RetryError: No such answer in time.
    """

    def ready(_: tenacity.RetryCallState) -> None:
        assert dead() is None, dead()

    tenacity.Retrying(
        stop=tenacity.stop_after_delay(seconds),
        wait=tenacity.wait_fixed(0.1),
        retry=tenacity.retry_if_exception_type(httpx.TransportError)
        | tenacity.retry_if_result(lambda answer: answer.status_code != httpx.codes.OK),
        before=ready,
    )(httpx.get, url, trust_env=False)


@contextmanager
def docker_registry(folder: Path) -> Iterator[int]:
    """An empty registry of images, Debian's package docker-registry, while the block runs; its port.

    Args:
        folder: For its settings and what is pushed.
    """
    port, config_file = free_port(), folder / "registry.yaml"
    config_file.write_text(_REGISTRY.format(folder=folder / "registry", port=port))
    serve = ["docker-registry", "serve", str(config_file)]
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/v2/", 30)
        yield port
    finally:
        process.terminate()
        process.wait(30)
