"""The HTTP server: uvicorn, with limits for unverified requests and a grace period at shutdown.

uvicorn's httptools protocol limits neither the size of request headers nor the number of
connections, and on SIGTERM it closes connections whose request is in transit. This module adds
these limits and a grace period.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bot.metrics import REJECTED_REQUESTS

logger = logging.getLogger(__name__)

CONNECTION_STATE_KEY = "entry"
"""Key in a request's ASGI state for its `HttpConnection`."""

STOPPING_CALLBACK_KEY = "stopping_callback"
"""Key in the lifespan's state for a function that is called when the server begins to stop."""

LISTEN_BACKLOG = 1024
WANTED_FILE_DESCRIPTORS = 8192
"""Desired limit. Many systems allow 1,024, and connections to Redis may use most of them."""

LAST_REQUESTS_SECONDS = 1.0  # for requests on the last accepted connections
ANSWER_TIMEOUT_SECONDS = 4  # for requests in progress; acks take milliseconds

REJECTION_LOG_INTERVAL_SECONDS = 1.0

TOO_MANY_CONNECTIONS = "too many open connections"

_errors_only = logging.getLogger("uvicorn.error.requests")
_errors_only.setLevel(
    logging.ERROR
)  # it logs a warning per bad request; `RejectionLog` counts them instead


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """The limits of a server; times are in seconds.

    Proxies keep idle connections for 60 s (nginx, AWS). Verified ones are kept for longer, so that
    the proxy closes them first: a request sent while the other side closes is lost, and Slack
    doesn't repeat commands. `grace` is how long requests are accepted after SIGTERM, while load
    balancers check /readyz.
    """

    connections: int = 1000
    head_bytes: int = 64 * 1024
    headers: int = 100
    head: float = 10.0
    body: float = 5.0
    unverified_idle: float = 5.0
    verified_idle: float = 75.0
    grace: float = 2.5


class RejectionLog:
    """Counts rejected requests; logs them at most once a second, however many there are."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._logged = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def add(self, reason: str) -> None:
        """Count a rejection; `reason` must be a constant, never text from the request."""
        self._counts[reason] += 1
        REJECTED_REQUESTS.count(reason)
        if self._timer is not None:
            return
        wait = self._logged + REJECTION_LOG_INTERVAL_SECONDS - self._clock()
        if wait <= 0:
            self.log()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self.log)

    def log(self) -> None:
        """Log the rejections that haven't been logged yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._counts:
            each = ", ".join(f"{reason} ({n})" for reason, n in self._counts.most_common())
            logger.warning("refused requests: %d: %s", self._counts.total(), each)
        self._counts.clear()
        self._logged = self._clock()


class ConnectionsState(ServerState):
    """State shared by all connections of a server.

    `unverified` are the open connections without a verified request so far, oldest first.
    """

    def __init__(self, limits: ServerLimits) -> None:
        super().__init__()
        self.limits = limits
        self.rejections = RejectionLog()
        self.unverified: dict[HttpConnection, None] = {}
        self.is_stopping = False

    def admit(self, connection: HttpConnection) -> None:
        """Admit a new connection; above the limit, close the oldest unverified one.

        An attacker's connections thus displace each other, while a request from Slack, verified
        within milliseconds, gets through. If all others are verified, uvicorn answers 503.
        """
        if len(self.connections) > self.limits.connections and self.unverified:
            self.rejections.add(TOO_MANY_CONNECTIONS)
            next(iter(self.unverified)).abort()
        self.unverified[connection] = None


class JoinedWrites:
    """A connection's transport that combines consecutive writes and sends them together.

    uvicorn writes the head of a response and then its body, each a system call of about 15 of the
    200 µs that a command takes (`help_rate_ratio` of `make bench`).
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []
        self.is_closing, self.abort = transport.is_closing, transport.abort

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` together with other writes of this iteration of the event loop."""
        if not self._written:
            self._loop.call_soon(self.send)
        self._written.append(data)

    def close(self) -> None:
        """Close after sending all written data."""
        self.send()
        self._transport.close()

    def send(self) -> None:
        """Send all written data now."""
        if self._written and not self._transport.is_closing():
            self._transport.write(b"".join(self._written))
        self._written.clear()


class HttpConnection(HttpToolsProtocol):
    """A connection with limits for request headers: bytes, count and time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger, self.access_log = _errors_only, False
        self._state = cast("ConnectionsState", self.server_state)
        self.limits = self._state.limits
        self.timeout_keep_alive = self.limits.unverified_idle  # type: ignore[assignment]
        self._deadline: asyncio.TimerHandle | None = None
        self._is_in_head, self._head_bytes, self._arrived = True, 0, 0

    @property
    def is_stopping(self) -> bool:
        """Whether the process will end soon."""
        return self._state.is_stopping

    @property
    def is_idle(self) -> bool:
        """Whether a request was answered and no other has begun."""
        return not self._is_in_head and self.cycle.response_complete

    def mark_verified(self) -> None:
        """Keep this connection longer than others, because it delivered a verified request."""
        self._state.unverified.pop(self, None)
        self.timeout_keep_alive = self.limits.verified_idle  # type: ignore[assignment]

    def count_rejection(self, reason: str) -> None:
        """Count a rejected request."""
        self._state.rejections.add(reason)

    def abort(self) -> None:
        """Close immediately; unsent data is dropped."""
        self._untrack()
        self.connections.discard(self)  # no longer counts, although its socket closes a bit later
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._writes = JoinedWrites(transport, self.loop)
        super().connection_made(self._writes)  # type: ignore[arg-type]
        self._state.admit(self)
        self._set_deadline(self.limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._untrack()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Send all responses, because the transport closes now."""
        self._writes.send()

    def data_received(self, data: bytes) -> None:
        self._arrived = len(data)
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._is_head_too_large():
                self._reject_head()
        if self._deadline is None and self._is_unfinished():
            self._set_deadline(self.limits.head if self._is_in_head else self.limits.body)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][CONNECTION_STATE_KEY] = self
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        if self._head_bytes + self._arrived > self.limits.head_bytes:  # may include body bytes
            self._head_bytes = len(self.url) + sum(len(n) + len(v) + 4 for n, v in self.headers)
        if self._is_head_too_large():
            raise ValueError("the headers are too large")  # handled by send_400_response
        self._is_in_head = False
        self._clear_deadline()
        if len(self.connections) > self.limits.connections:
            self.count_rejection(TOO_MANY_CONNECTIONS)  # uvicorn answers 503
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for data that isn't HTTP, or after an exception in a callback."""
        if self._is_in_head and self._is_head_too_large():
            self._reject_head()
        elif not self.transport.is_closing():
            self.count_rejection("not HTTP")
            super().send_400_response(msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Do nothing: the request is answered as if it had not asked for another protocol."""

    def _is_head_too_large(self) -> bool:
        count = len(self.headers or ())
        return self._head_bytes > self.limits.head_bytes or count > self.limits.headers

    def _reject_head(self) -> None:
        if not self.transport.is_closing():
            self.count_rejection("the headers are too large")
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"connection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def on_message_complete(self) -> None:
        self._clear_deadline()
        super().on_message_complete()

    def _is_unfinished(self) -> bool:
        """Whether more data must arrive, for a request or after one.

        uvicorn waits without a limit once any data follows a response.
        """
        return self._is_in_head or self.cycle.response_complete or self.cycle.more_body

    def _set_deadline(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._deadline_passed)

    def _deadline_passed(self) -> None:
        self._deadline = None
        if self._is_in_head and self._head_bytes:
            self.count_rejection("the headers did not arrive in time")
        self.abort()

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _untrack(self) -> None:
        self._clear_deadline()
        self._state.unverified.pop(self, None)


class Server(uvicorn.Server):
    """Serves `app`; still accepts requests for a while after SIGTERM, but not after Ctrl-C."""

    def __init__(self, app: ASGIApp, limits: ServerLimits = ServerLimits()) -> None:
        config = uvicorn.Config(
            app,
            http=HttpConnection,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=LISTEN_BACKLOG,
            limit_concurrency=limits.connections + 1,
            timeout_graceful_shutdown=ANSWER_TIMEOUT_SECONDS,
        )
        super().__init__(config)
        self.server_state = self._state = ConnectionsState(limits)
        self._is_urgent = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. Ctrl-C, then, ends the grace period, but does not drop accepted work.

        uvicorn would leave out the end of the lifespan, which finishes this work.
        """
        super().handle_exit(sig, frame)
        self._is_urgent = self._is_urgent or self.force_exit
        self.force_exit = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish all accepted requests; responses ask clients to close their connections."""
        grace = self._state.limits.grace if signal.SIGTERM in self._captured_signals else 0.0
        logger.info("stopping: accepting requests for %g s more", grace)
        self._state.is_stopping = True
        if callback := self.lifespan.state.get(STOPPING_CALLBACK_KEY):
            callback()
        self._state.default_headers = [*self._state.default_headers, (b"connection", b"close")]
        await self._wait(grace, lambda: self._is_urgent)
        await self._close_listeners(sockets or [])
        await self._wait(LAST_REQUESTS_SECONDS, lambda: self._is_urgent or self._is_quiet())
        await super().shutdown(sockets)
        self._state.rejections.log()

    async def _close_listeners(self, sockets: list[socket.socket]) -> None:
        """Close the listeners, after accepting connections that would otherwise be cut off."""
        waiting = [one for listener in sockets for one in _accept_waiting(listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for one in waiting:
            await loop.connect_accepted_socket(self._connection, one)

    def _connection(self) -> HttpConnection:
        return HttpConnection(self.config, self._state, self.lifespan.state)

    def _is_quiet(self) -> bool:
        return all(cast("HttpConnection", one).is_idle for one in self._state.connections)

    @staticmethod
    async def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not is_over():  # noqa: ASYNC110 - uvicorn sets flags
            await asyncio.sleep(0.02)


def _accept_waiting(listener: socket.socket) -> list[socket.socket]:
    """Accept waiting connections, then stop listening within microseconds."""
    found = []
    with suppress(BlockingIOError):
        while True:
            found.append(listener.accept()[0])
    listener.shutdown(socket.SHUT_RDWR)
    return found


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; `::` also accepts IPv4. Raises OSError."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    found = socket.create_server(
        address[:2], family=family, backlog=LISTEN_BACKLOG, dualstack_ipv6=both
    )
    # asyncio sets this only on sockets it creates; without it, a response can take 40 ms longer.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def allowed_connections() -> int:
    """Raise the limit of file descriptors, and return the number of connections it allows.

    Half of the descriptors are reserved for Redis, Slack and Emporix.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < WANTED_FILE_DESCRIPTORS:
        soft = (
            WANTED_FILE_DESCRIPTORS
            if hard == resource.RLIM_INFINITY
            else min(WANTED_FILE_DESCRIPTORS, hard)
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(ServerLimits().connections, soft // 2)
