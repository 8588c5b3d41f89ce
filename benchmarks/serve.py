"""How quickly the server answers: `python -m benchmarks.serve [--model FOLDER] [--seconds 5]`, 80 s.

Starts the real server as a process of its own on loopback and asks it with a small client over raw
sockets, in this process: client and server share the cores. Without --model it serves the champion of
`flights` in output/registry. Prints latencies, requests a second, the server's own CPU time for each
request (which other work on the machine hardly moves), and the ratio to what is aimed at: p99 under
10 ms at one instance and one client, 800 requests a second with eight clients.
"""

import asyncio
import contextlib
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import httpx
import psutil
import typer
import uvloop

ROOT = Path(__file__).parent.parent
PORT = 18080
URL = f"http://127.0.0.1:{PORT}"
AIMED_P99_MS = 10.0
AIMED_REQUESTS = 800.0


def main(
    model: Path | None = None,
    seconds: Annotated[float, typer.Option(help="Of each measurement.")] = 5.0,
    settings: Annotated[str, typer.Option(help="JSON of configs.deployment.Serving.")] = "{}",
) -> None:
    """Measure and print."""
    registry = ["--registry", f"file://{ROOT}/output/registry", "--name", "flights"]
    served = ["--model", str(model.resolve())] if model else registry
    with running_server([*served, "--settings", settings]) as (process, about, started):
        steps = ", ".join(f"{step} {took:.2f}" for step, took in about["versions"][0]["seconds"].items())
        print(f"start-up to healthy {started:.2f} s ({steps}), {process.memory_info().rss >> 20} MiB")
        instances = made_instances(about["versions"][0]["features"], 4096)
        for clients, rows in ((1, 1), (8, 1), (32, 1), (1, 32), (8, 32), (8, 256)):
            to_send = requests(instances, rows)
            ask(clients, to_send, seconds / 5)  # warm
            before = process.cpu_times()
            latencies = ask(clients, to_send, seconds)
            after = process.cpu_times()
            cpu = after.user + after.system - before.user - before.system
            report(clients, rows, latencies, seconds, cpu)


@contextlib.contextmanager
def running_server(arguments: Sequence[str]) -> Iterator[tuple[psutil.Process, dict[str, Any], float]]:
    """The server, its description of itself, and the seconds until it was healthy."""
    command = [sys.executable, "-m", "components.serve", "--port", str(PORT), *arguments]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, cwd=ROOT, stderr=log) as server:
        try:
            while not _is_healthy():
                if server.poll() is not None:
                    log.seek(0)
                    sys.exit(log.read().decode())
                time.sleep(0.05)
            seconds = time.perf_counter() - began
            yield psutil.Process(server.pid), httpx.get(URL).json(), seconds
        finally:
            server.terminate()


def _is_healthy() -> bool:
    try:
        return httpx.get(f"{URL}/health").is_success
    except httpx.TransportError:
        return False


def made_instances(features: dict[str, list[str]], number: int) -> list[dict[str, float | str]]:
    """Rows with every feature; one value in twenty is missing, one category in ten unknown."""
    chance = random.Random(17)  # noqa: S311 - reproducible rows
    rows: list[dict[str, float | str]] = []
    for _ in range(number):
        row: dict[str, float | str] = {name: round(chance.gauss(50, 40), 2) for name in features["numeric"]}
        row |= {name: f"{name}{chance.randrange(20)}" for name in features["categorical"]}
        rows.append({name: value for name, value in row.items() if chance.random() > 0.05})
    return rows


def requests(instances: Sequence[dict[str, float | str]], rows: int) -> list[bytes]:
    """HTTP requests of `rows` instances each."""
    made = []
    for start in range(0, len(instances), rows):
        body = json.dumps({"instances": instances[start : start + rows]}).encode()
        head = f"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


class Client(asyncio.Protocol):
    """One connection that sends a request as soon as the last one is answered."""

    def __init__(self, to_send: Sequence[bytes], until: float) -> None:
        self._to_send, self._until = itertools.cycle(to_send), until
        self._received, self._expected = bytearray(), 0
        self.seconds: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Note the time of a whole answer and send the next."""
        self._received += data
        if not self._expected:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._received.startswith(b"HTTP/1.1 200"), bytes(self._received)
            length = self._received.index(b"content-length: ") + 16
            self._expected = end + 4 + int(self._received[length : self._received.index(b"\r", length)])
        if len(self._received) >= self._expected:
            now = time.perf_counter()
            self.seconds.append(now - self._sent)
            if now < self._until:
                self._send()
            else:
                self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server must not hang up."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))

    def _send(self) -> None:
        self._received.clear()
        self._expected = 0
        self._sent = time.perf_counter()
        self._transport.write(next(self._to_send))


def ask(clients: int, to_send: Sequence[bytes], seconds: float) -> list[float]:
    """The latencies of all requests of `clients` at once, in seconds, sorted."""

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        until = time.perf_counter() + seconds
        shares = [to_send[client::clients] for client in range(clients)]
        connected = [
            (await loop.create_connection(lambda share=share: Client(share, until), "127.0.0.1", PORT))[1]  # type: ignore[misc] # the default binds the loop's share
            for share in shares
        ]
        await asyncio.gather(*(client.done for client in connected))
        return sorted(latency for client in connected for latency in client.seconds)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


def report(clients: int, rows: int, latencies: Sequence[float], seconds: float, cpu: float) -> None:
    """One line: latencies, rate, the server's CPU seconds, and the ratio to what is aimed at."""
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.5, 0.99))
    rate = len(latencies) / seconds
    aim = ""
    if (clients, rows) == (1, 1):
        aim = f"  p99 is {p99 / AIMED_P99_MS:.2f} of the {AIMED_P99_MS:.0f} ms allowed"
    if (clients, rows) == (8, 1):
        aim = f"  {rate / AIMED_REQUESTS:.2f} times the {AIMED_REQUESTS:.0f} requests/s required"
    print(
        f"{clients:3} clients x {rows:3} instances: p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
        f"  {rate:6.0f} requests/s  {rate * rows:8.0f} rows/s  {cpu / len(latencies) * 1000:5.2f} ms CPU{aim}"
    )


if __name__ == "__main__":
    typer.run(main)
