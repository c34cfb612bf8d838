"""Socket Mode: receives Slack's requests over a WebSocket, so that the app needs no public address.

`SocketMode` keeps one connection open. The requests take the same path as over HTTP (`bot.web`).
Why slack_sdk's client is used without its own reconnection: docs/decisions/0029.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.backoff import exponential
from bot.metrics import REJECTED_REQUESTS, WEBSOCKET_FAILURES, WEBSOCKETS
from bot.slack.errors import (
    LINK_DISABLED,
    SLACK_ERRORS,
    SOCKET_MODE_ADVICE,
    SOCKET_MODE_UNKNOWN,
    TOO_MANY_WEBSOCKETS,
    WORD,
    classify,
    describe_connection_error,
    retry_after,
)
from bot.slack.request import ACK_TIMEOUT_SECONDS
from bot.slack.verification import MAX_REQUEST_BYTES, TOO_LONG, Rejection

logger = logging.getLogger(__name__)
_library_logger = logging.getLogger("slack_sdk.socket_mode")  # its level is set in `bot.logs`

HEARTBEAT_SECONDS = 10.0
"""A ping is sent after this time without data; without a pong, the connection is lost 5 s later."""

HELLO_TIMEOUT_SECONDS = 10.0
CLOSE_TIMEOUT_SECONDS = 2.0  # for Slack's answer to the closing handshake

RETIRE_SECONDS = 15.0
"""How long a replaced connection still accepts requests: Slack closes it about 10 s after the
warning."""

STABLE_SECONDS = 30.0
MIN_REFRESH_SECONDS = 1.0
"""A connection that is lost, or to be replaced, earlier than this counts as a failed attempt."""

FIRST_RECONNECT_SECONDS = 0.5
MAX_RECONNECT_SECONDS = 60.0

LOST, CONNECTING = "connection lost", "connecting"


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """The times of a connection, in seconds; tests have shorter ones."""

    heartbeat: float = HEARTBEAT_SECONDS
    retire: float = RETIRE_SECONDS
    stable: float = STABLE_SECONDS
    min_refresh: float = MIN_REFRESH_SECONDS


Answer = Callable[[str, asyncio.Event], Awaitable[BoltResponse | Rejection]]
"""Answers a request by its body, as JSON; the event is set when the answer has been sent."""


class SocketModeEnded(Exception):
    """Slack ended a connection, with this reason, before it was usable."""


class SocketModeConnection(SocketModeClient):
    """One connection to Slack; it is never reconnected, but replaced by another one."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        url: str,
        answer: Answer,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__("", _library_logger, client, auto_reconnect_enabled=False)
        self.wss_uri = url
        self.reason = ""
        self.ended = asyncio.Event()
        """Set when another connection is needed; this one may still deliver requests."""
        self.lost = asyncio.Event()
        """Set when nothing more arrives."""
        self._pool, self._answer, self._heartbeat = session, answer, heartbeat
        self._is_ready, self._is_accepting = False, True
        self._hello: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._handling: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._is_ready and not self.lost.is_set()

    @property
    def is_replaceable(self) -> bool:
        """Whether Slack keeps the connection open until another one has been opened."""
        return self.is_open and self.reason not in (LINK_DISABLED, TOO_MANY_WEBSOCKETS)

    async def connect(self) -> str:
        """Connect; returns the app's number of connections, with this one, as reported by Slack.

        Raises one of SLACK_ERRORS, or SocketModeEnded.
        """
        self.current_session = socket = await self._pool.ws_connect(
            str(self.wss_uri),
            heartbeat=self._heartbeat,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_SECONDS),
        )
        self.message_receiver = asyncio.create_task(self._receive(socket))
        async with asyncio.timeout(HELLO_TIMEOUT_SECONDS):
            return await self._hello

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Receive until the connection is lost; aiohttp answers pings and sends its own."""
        try:
            async for message in socket:
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    self._take(message.data)
        finally:
            self.lost.set()
            self._end(LOST)

    def _take(self, message: str | bytes) -> None:
        """Handle a message at once; slack_sdk's queue would be dropped when the client closes."""
        try:
            fields = json.loads(message)
            kind = fields["type"]
            if kind not in ("hello", "disconnect"):
                request = SocketModeRequest(kind, fields["envelope_id"], fields["payload"])
                self._start(request)
                return
        except (ValueError, KeyError, TypeError, RecursionError):
            logger.warning("a message from Slack is unreadable: it is ignored")
            return
        if kind == "disconnect":
            reason = str(fields.get("reason") or "")
            self._end(reason if WORD.fullmatch(reason) else "unreadable reason")
        elif not self._hello.done():
            total = fields.get("num_connections")
            self._is_ready = True
            self._hello.set_result(str(total) if isinstance(total, int) else "unknown")

    def _start(self, request: SocketModeRequest) -> None:
        if self._is_accepting:
            task = asyncio.create_task(self._handle(request))
            self._handling.add(task)
            task.add_done_callback(self._handling.discard)

    async def send_message(self, message: str) -> None:
        """Send an ack; slack_sdk would send it again over the connection that failed."""
        if self.current_session is not None:
            await self.current_session.send_str(message)

    def refuse(self) -> None:
        """Accept no more requests: Slack sends them to another connection when this one closes."""
        self._is_accepting = False

    async def close(self) -> None:
        """Accept no more requests, acknowledge those that were accepted, and close."""
        self.refuse()
        if self._handling and not self.lost.is_set():
            await asyncio.wait(self._handling, timeout=ACK_TIMEOUT_SECONDS)
        await super().close()  # type: ignore[no-untyped-call]

    def _end(self, reason: str) -> None:
        if not self._hello.done():
            self._hello.set_exception(SocketModeEnded(reason))
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()

    async def _handle(self, request: SocketModeRequest) -> None:
        """Answer a request, and acknowledge it over this connection unless the answer failed."""
        answered = asyncio.Event()
        try:
            body = json.dumps(request.payload)
            is_too_long = len(body) > MAX_REQUEST_BYTES
            response = TOO_LONG if is_too_long else await self._answer(body, answered)
            if isinstance(response, Rejection):
                logger.warning("a request is not acknowledged: %s", response.reason)
                REJECTED_REQUESTS.count(response.reason)
            else:
                await send_async_response(self, request, response, 0.0)
        except ConnectionError:
            logger.warning("an ack could not be sent: the connection to Slack was lost")
        except Exception as error:
            logger.error("unexpected", exc_info=error)
        finally:
            answered.set()


class SocketMode:
    """Keeps a connection to Slack open from `start` to `close`.

    When Slack announces that it will close a connection, the next one is opened first. After a
    failure, attempts are repeated indefinitely, with exponential delays and jitter.
    """

    def __init__(
        self,
        app_token: str,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        answer: Answer,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        times: ConnectionTimes = ConnectionTimes(),
    ) -> None:
        self._app_token, self._client, self._session = app_token, client, session
        self._answer, self._sleep, self._times = answer, sleep, times
        self._connections: set[SocketModeConnection] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._trouble = CONNECTING

    @property
    def open_connections(self) -> int:
        return sum(connection.is_open for connection in self._connections)

    @property
    def trouble(self) -> str:
        """Why this process receives no requests; empty while it is connected."""
        return "" if self.open_connections else self._trouble

    def start(self) -> None:
        """Connect in the background."""
        self._task = asyncio.create_task(self._stay_connected())

    def stop(self) -> None:
        """Accept no more requests, and begin to close the connections."""
        if self._task is not None:
            self._task.cancel()
        for connection in self._connections:
            connection.refuse()
            self._begin(connection.close())

    async def close(self) -> None:
        """Stop, and wait until the acks of accepted requests are sent and all is closed."""
        self.stop()
        if self._task is not None:
            await asyncio.wait({self._task})
        while self._closing:
            await asyncio.wait(self._closing)

    async def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                connection = await self._connect()
            except (*SLACK_ERRORS, SocketModeEnded) as error:
                failures += 1
                await self._pause(failures, self._explain_failure(error))
                continue
            except Exception as error:  # no error may end this loop
                logger.error("unexpected", exc_info=error)
                self._trouble = "an unexpected error: its traceback is in the log"
                WEBSOCKET_FAILURES.count("unexpected")
                failures += 1
                await self._pause(failures)
                continue
            lasted = await self._use(connection)
            if connection.is_replaceable and lasted >= self._times.min_refresh:
                failures = 0
                continue
            failures = 1 if lasted >= self._times.stable else failures + 1
            await self._pause(failures)

    async def _connect(self) -> SocketModeConnection:
        answer = await self._client.apps_connections_open(app_token=self._app_token)
        connection = SocketModeConnection(
            self._client, self._session, str(answer["url"]), self._answer, self._times.heartbeat
        )
        self._connections.add(connection)
        try:
            total = await connection.connect()
        except BaseException:
            self._begin(self._discard(connection))
            raise
        self._trouble = LOST
        WEBSOCKETS.set(float(total) if total.isdecimal() else math.nan, "app")
        logger.info("connected to Slack over WebSocket; connections of this app: %.9s", total)
        return connection

    async def _use(self, connection: SocketModeConnection) -> float:
        """Use a new connection until another one is needed; returns how many seconds it lasted."""
        for replaced in self._connections - {connection}:
            self._begin(self._retire(replaced))
        opened = asyncio.get_running_loop().time()
        await connection.ended.wait()
        if connection.is_replaceable:
            logger.info("Slack replaces the connection: %s", connection.reason)
        else:
            self._trouble = ""
            self._report(connection.reason)
            self._begin(self._discard(connection))
        return asyncio.get_running_loop().time() - opened

    async def _retire(self, connection: SocketModeConnection) -> None:
        """Accept requests until Slack closes the replaced connection, but not for long."""
        try:
            async with asyncio.timeout(self._times.retire):
                await connection.lost.wait()
        except TimeoutError:
            pass
        await self._discard(connection)

    async def _discard(self, connection: SocketModeConnection) -> None:
        try:
            await connection.close()
        finally:
            self._connections.discard(connection)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _explain_failure(self, error: Exception) -> float:
        """Log why no connection could be opened; returns the seconds that Slack asks to wait."""
        if isinstance(error, SocketModeEnded):
            self._report(str(error))
        elif (refusal := classify(error)).kind == "permanent":
            self._report(refusal.reason, SOCKET_MODE_UNKNOWN)
        else:
            self._report(describe_connection_error(error))
        return retry_after(error) or 0.0

    def _report(self, reason: str, advice: str = "") -> None:
        """Log a reason once, until it changes or a connection has been opened.

        If there is advice, in `advice` or for this reason, the operator must change something.
        """
        WEBSOCKET_FAILURES.count(reason)
        advice = SOCKET_MODE_ADVICE.get(reason, advice)
        trouble = f"{reason}: {advice}" if advice else reason
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if advice:
            logger.error("Slack refuses the connection: %s", trouble)
        else:
            logger.warning("no connection to Slack: %s; trying again", trouble)

    async def _pause(self, failures: int, least: float = 0.0) -> None:
        """Wait before the next attempt; the jitter keeps processes from connecting at once."""
        delay = exponential(failures, FIRST_RECONNECT_SECONDS, most=MAX_RECONNECT_SECONDS)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        await self._sleep(max(least, delay * jitter))
