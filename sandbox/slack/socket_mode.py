"""Slack's side of Socket Mode: WebSockets that deliver envelopes and receive their acks.

The server starts with the first `apps.connections.open`, on a port of its own. Tests cut, silence
and refresh connections; Slack itself refreshes each one after some hours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from uuid import uuid4

from aiohttp import ClientError, WSMsgType, web

from sandbox.slack.directory import APP_ID
from sandbox.slack.errors import ApiError

MAX_CONNECTIONS = 10
TICKET_SECONDS = 30.0
WARNING_SECONDS = 10.0
"""Slack closes a connection about this long after its warning."""

APP_SCOPES = frozenset({"connections:write"})
EVENTS_API = "events_api"
ANSWERED_IN_ACK = frozenset({"view_submission", "block_suggestion"})
"""The interactions whose ack may have a payload, like that of a command."""


class NoConnection(Exception):
    """The app has no open connection."""


class _ConnectionClosed(Exception):
    """The connection was closed before the ack arrived."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An envelope that was sent; `connection` is the number of its connection."""

    connection: int
    envelope: Mapping[str, Any]


@dataclass(eq=False)
class _Unacknowledged:
    """An envelope that waits for its ack; `answer` is the payload of the ack."""

    accepts_payload: bool
    answer: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(eq=False)
class SocketConnection:
    """A connection of the app. `is_silent`: the network drops everything, without an error."""

    number: int
    socket: web.WebSocketResponse
    request: web.Request
    is_silent: bool = False
    pongs: int = 0
    unacknowledged: dict[str, _Unacknowledged] = field(default_factory=dict)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: Mapping[str, Any]) -> None:
        if not self.is_silent:
            with suppress(ClientError, ConnectionError):  # `closed` is set soon
                await self.socket.send_json(message)

    async def disconnect(self, reason: str) -> None:
        """Announce the end of the connection, or ask the app to open another one."""
        message = {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
        await self.send(message)

    def cut(self) -> None:
        """Cut the network connection, without a closing handshake."""
        transport = self.request.transport
        if transport is not None:
            transport.abort()


class SocketModeServer:
    """The connections of the app, and whether its requests arrive there rather than over HTTP.

    `sent` has all envelopes; `invalid_acks` has all messages of the app that Slack would ignore.
    `cut_when_sent` is how many of the next envelopes cut their connection as soon as they are sent,
    `cut_when_acknowledged` how many acks are lost because the connection is cut. `addresses` are
    returned by the next calls of `apps.connections.open`, in place of its own.
    """

    def __init__(self) -> None:
        self.is_enabled = False
        self.app_token = f"xapp-1-{APP_ID}-sandbox"
        self.app_id = APP_ID
        self.scopes = APP_SCOPES
        self.connections: list[SocketConnection] = []
        self.sent: list[Sent] = []
        self.invalid_acks: list[str] = []
        self.cut_when_sent = self.cut_when_acknowledged = 0
        self.addresses: list[str] = []
        self._tickets: dict[str, float] = {}
        self._turn = self._number = 0
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._address = ""

    async def open_url(self, token: str) -> str:
        """Return an address for one connection, as `apps.connections.open`.

        Raises `ApiError`: not_authed, not_allowed_token_type, invalid_auth, missing_scope.
        """
        if not token:
            raise ApiError("not_authed")
        if not token.startswith("xapp-"):
            raise ApiError("not_allowed_token_type")
        if token != self.app_token:
            raise ApiError("invalid_auth")
        if "connections:write" not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise ApiError("missing_scope", needed="connections:write", provided=provided)
        if self.addresses:
            return self.addresses.pop(0)
        await self._start()
        ticket = token_hex(16)
        self._tickets[ticket] = asyncio.get_running_loop().time() + TICKET_SECONDS
        return f"{self._address}/link/?ticket={ticket}&app_id={self.app_id}"

    async def close(self) -> None:
        """Stop the server."""
        for connection in list(self.connections):
            connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def until_connected(self, count: int) -> None:
        """Wait until the app has this number of connections."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.connections) == count)

    async def deliver(
        self, kind: str, payload: Mapping[str, Any], seconds: float, *, retry_reason: str = ""
    ) -> Any:
        """Deliver an envelope and return the payload of its ack, or None.

        If its connection closes before the ack, it is sent again by another one, with a new id.
        Raises TimeoutError, or `NoConnection` if there is none at first, and it is not a retry.
        """
        attempt = 1 if retry_reason else 0
        async with asyncio.timeout(seconds):
            while True:
                if not self.connections and not attempt:
                    raise NoConnection
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self.connections))
                try:
                    return await self._send(kind, payload, attempt, retry_reason)
                except _ConnectionClosed:
                    attempt, retry_reason = attempt + 1, "connection_closed"

    async def refresh(self, connection: SocketConnection, seconds: float = WARNING_SECONDS) -> None:
        """Replace a connection, like Slack: warn, keep using it for a while, then close it."""
        await connection.disconnect("warning")
        await asyncio.sleep(seconds)
        await connection.disconnect("refresh_requested")
        await connection.socket.close()

    async def disable_link(self) -> None:
        """Turn Socket Mode off in the settings of the app."""
        self.is_enabled = False
        for connection in list(self.connections):
            await connection.disconnect("link_disabled")
            await connection.socket.close()

    async def _start(self) -> None:
        if self._runner is None:
            app = web.Application()
            app.router.add_get("/link/", self._link)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
            self._address = "ws://127.0.0.1:{1}".format(*self._runner.addresses[0][:2])

    async def _link(self, request: web.Request) -> web.StreamResponse:
        expires = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        if asyncio.get_running_loop().time() > expires:
            return web.Response(status=401, text="the ticket is used, expired or unknown")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self._number += 1
        connection = SocketConnection(self._number, socket, request)
        if refusal := self._refusal():
            await connection.disconnect(refusal)
            await socket.close()
            return socket
        await self._serve(connection)
        return socket

    def _refusal(self) -> str:
        if not self.is_enabled:
            return "link_disabled"
        return "too_many_websockets" if len(self.connections) >= MAX_CONNECTIONS else ""

    async def _serve(self, connection: SocketConnection) -> None:
        async with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        await connection.send(self._hello())
        await connection.socket.ping(b"Ping from applink-1")
        try:
            async for message in connection.socket:
                if connection.is_silent:
                    continue
                if message.type is WSMsgType.PING:
                    await connection.socket.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    connection.pongs += 1
                else:
                    self._acknowledge(connection, message.data)
        finally:
            await asyncio.shield(self._remove(connection))

    async def _remove(self, connection: SocketConnection) -> None:
        async with self._changed:
            self.connections.remove(connection)
            self._changed.notify_all()
        connection.closed.set()
        for waiting in connection.unacknowledged.values():
            if not waiting.answer.done():
                waiting.answer.set_exception(_ConnectionClosed)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {
                "host": "applink-1",
                "build_number": 10,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": APP_ID},
        }

    async def _send(
        self, kind: str, payload: Mapping[str, Any], attempt: int, retry_reason: str
    ) -> Any:
        """Send an envelope by the connection whose turn it is, and wait for its ack."""
        self._turn += 1
        connection = self.connections[self._turn % len(self.connections)]
        envelope = {
            "envelope_id": str(uuid4()),
            "type": kind,
            "accepts_response_payload": _accepts_payload(kind, payload),
            "payload": payload,
        }
        if attempt or kind == EVENTS_API:
            envelope |= {"retry_attempt": attempt, "retry_reason": retry_reason}
        waiting = _Unacknowledged(bool(envelope["accepts_response_payload"]))
        connection.unacknowledged[str(envelope["envelope_id"])] = waiting
        self.sent.append(Sent(connection.number, envelope))
        try:
            await connection.send(envelope)
            if self.cut_when_sent:
                self.cut_when_sent -= 1
                connection.cut()
            return await waiting.answer
        finally:
            connection.unacknowledged.pop(str(envelope["envelope_id"]), None)

    def _acknowledge(self, connection: SocketConnection, message: str) -> None:
        """Take an ack. Slack: only of an envelope of the same connection, which waits for one."""
        if self.cut_when_acknowledged:
            self.cut_when_acknowledged -= 1
            connection.cut()
            return
        try:
            given = json.loads(message)
            waiting = connection.unacknowledged.get(given["envelope_id"])
            payload = given.get("payload")
        except (ValueError, KeyError, TypeError, AttributeError):
            waiting = payload = None
        if waiting is None or waiting.answer.done() or (payload and not waiting.accepts_payload):
            self.invalid_acks.append(message)
        else:
            waiting.answer.set_result(payload)


def _accepts_payload(kind: str, payload: Mapping[str, Any]) -> bool:
    return kind == "slash_commands" or payload.get("type") in ANSWERED_IN_ACK
