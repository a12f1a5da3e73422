"""What a worker tells over HTTP: Prometheus metrics at /metrics, /health/live and /health/ready as 200 or 503."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, cast

import click

from projections.status import BATCH_SECONDS_BOUNDS, Standing
from projections.worker import tell

if TYPE_CHECKING:
    from prometheus_client.core import Metric

INSTALL = "--metrics needs the package prometheus-client: install refledger[serve]"
PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
PORT_MAX = 65_535
REQUEST_SECONDS_MAX = 10

Answer = tuple[int, str, bytes]


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[HOST]:PORT`; port 0: any that is free.

    Raises:
        ValueError: it is not that.
    """
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not (port.isascii() and port.isdigit()) or int(port) > PORT_MAX:
        message = "is no HOST:PORT, as 127.0.0.1:9464, or 0.0.0.0:9464 for every address of this machine"
        raise ValueError(message)
    return host, int(port)


def checked_address(text: str) -> str:
    """The text itself if it is an address; ValueError otherwise."""
    parse_address(text)
    return text


class Pages:
    """The pages of one worker process, made when they are asked for."""

    def __init__(self, standings: Sequence[Standing], max_lag: int | None) -> None:
        self._standings = standings
        self._max_lag = max_lag
        self._pages: dict[str, Callable[[], Answer]] = {
            "/metrics": self._metrics,
            "/health/live": lambda: _health(200, "live", standings),
            "/health/ready": self._ready,
        }

    def answer(self, path: str) -> Answer:
        """Status, content type and body."""
        page = self._pages.get(path.partition("?")[0])
        return page() if page else (404, "text/plain", b"there are /metrics, /health/live and /health/ready\n")

    def collect(self) -> Iterator[Metric]:
        """Every metric, as prometheus-client asks for them."""
        return _metrics(self._standings)

    def _metrics(self) -> Answer:
        from prometheus_client import CollectorRegistry  # noqa: PLC0415  # an optional package
        from prometheus_client.exposition import generate_latest  # noqa: PLC0415

        registry = CollectorRegistry()
        registry.register(self)
        return 200, PROMETHEUS_TEXT, generate_latest(registry)

    def _ready(self) -> Answer:
        is_ready = all(_is_ready(standing, self._max_lag) for standing in self._standings)
        return _health(200 if is_ready else 503, "ready" if is_ready else "not ready", self._standings)


def _is_ready(standing: Standing, max_lag: int | None) -> bool:
    """A stand-by is ready as well: it is its leader's lag that counts."""
    if standing.state not in {"running", "standby"}:
        return False
    return max_lag is None or (standing.lag is not None and standing.lag.events <= max_lag)


def _health(status: int, word: str, standings: Sequence[Standing]) -> Answer:
    projections = [
        {
            "projection": standing.projection,
            "state": standing.state,
            "lag_events": standing.lag.events if standing.lag else None,
            "reason": standing.reason,
        }
        for standing in standings
    ]
    return status, "application/json", json.dumps({"status": word, "projections": projections}).encode() + b"\n"


def _metrics(standings: Sequence[Standing]) -> Iterator[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415  # an optional package
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
    )

    counters: dict[str, tuple[str, Callable[[Standing], float]]] = {
        "events_projected": ("Events projected, or lapses recorded, since the start.", lambda one: one.events),
        "batches": ("Batches committed.", lambda one: one.batches),
        "failures": ("Batches that ended in an error.", lambda one: one.failures),
        "restarts": ("Times it led again after an error.", lambda one: one.restarts),
    }
    gauges: dict[str, tuple[str, Callable[[Standing], float | None]]] = {
        "position": ("The last position the projection stands for.", lambda one: one.lag and one.lag.position),
        "head": ("The last position of the log.", lambda one: one.lag and one.lag.head),
        "lag_events": ("Events not projected, or lapses not recorded, yet.", lambda one: one.lag and one.lag.events),
        "lag_seconds": ("Age of the first of them.", lambda one: one.lag and one.lag.seconds),
        "leader": ("1 where this process leads the projection.", lambda one: one.state == "running"),
        "failed": ("1 where the projection stopped for good.", lambda one: one.state == "failed"),
    }
    for name, (text, count) in counters.items():
        counter = CounterMetricFamily(f"refledger_{name}", text, labels=["projection"])
        for standing in standings:
            counter.add_metric([standing.projection], count(standing))
        yield counter
    for name, (text, value_of) in gauges.items():
        gauge = GaugeMetricFamily(f"refledger_{name}", text, labels=["projection"])
        for standing in standings:
            value = value_of(standing)
            if value is not None:
                gauge.add_metric([standing.projection], value)
        yield gauge
    histogram = HistogramMetricFamily("refledger_batch_seconds", "Time of a batch.", labels=["projection"])
    for standing in standings:
        histogram.add_metric([standing.projection], _buckets(standing), standing.batch_seconds)
    yield histogram


def _buckets(standing: Standing) -> list[tuple[str, float]]:
    """How many batches took at most so long, bound by bound."""
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, BATCH_SECONDS_BOUNDS), "+Inf"), list(standing.buckets), strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


class _Server(ThreadingTCPServer):
    """One thread a request, which keeps no process alive. The library's HTTP server would ask the DNS for its name."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], pages: Pages) -> None:
        self.pages = pages
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self.address_family = family
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET; says nothing of its own on standard error."""

    timeout = REQUEST_SECONDS_MAX
    server_version = "refledger"
    sys_version = ""

    def do_GET(self) -> None:
        """One page."""
        status, kind, body = cast("_Server", self.server).pages.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Nothing: who asks every few seconds is no news."""
        del format, args


@contextmanager
def serving(address: tuple[str, int] | None, standings: Sequence[Standing], max_lag: int | None) -> Generator[None]:
    """Serves the pages of these projections meanwhile; without an address, nothing.

    Raises:
        click.UsageError: the package is not installed, or the address cannot be listened on.
    """
    if address is None:
        yield
        return
    try:
        import prometheus_client  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]  # whether it is there
    except ImportError:
        raise click.UsageError(INSTALL) from None
    try:
        server = _Server(address, Pages(standings, max_lag))
    except OSError as error:
        raise click.UsageError(f"--metrics: cannot listen on {address[0]}:{address[1]}: {error}") from None
    with server:
        host, port = server.server_address[:2]
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        tell(logging.INFO, "serving", None, host=str(host), port=int(port))
        try:
            yield
        finally:
            server.shutdown()
