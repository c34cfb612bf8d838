"""Slack's side of Socket Mode: it refuses what Slack refuses, and loses nothing by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import httpx
import pytest

from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.directory import APP_ID
from sandbox.slack.person import Person
from sandbox.slack.socket_mode import EVENTS_API, NoConnection, SocketModeServer
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import StillClock

SECONDS = 5.0
OPEN = "/api/apps.connections.open"


@dataclass
class Client:
    """A client of Socket Mode; it keeps its connections, which would otherwise be closed."""

    session: aiohttp.ClientSession
    slack_url: str
    slack: SocketModeServer
    workspace: Workspace
    sockets: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    async def open_url(self, token: str = "", **sent: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(self.slack_url + OPEN, headers=headers, **sent) as answer:
            found: dict[str, Any] = await answer.json()
        return found

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        url = (await self.open_url(self.slack.app_token))["url"]
        self.sockets.append(await self.session.ws_connect(url, autoping=False))
        return self.sockets[-1]

    async def greeted(self) -> aiohttp.ClientWebSocketResponse:
        """Connect, and read the hello and the first ping."""
        socket = await self.connect()
        assert (await read(socket))["type"] == "hello"
        assert (await socket.receive(SECONDS)).type is aiohttp.WSMsgType.PING
        return socket


async def read(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.receive_str(timeout=SECONDS))
    return found


@pytest.fixture
async def client(clock: StillClock) -> AsyncIterator[Client]:
    workspace = Workspace(clock)
    workspace.socket_mode.is_enabled = True
    async with AsyncExitStack() as parts:
        slack_url = await parts.enter_async_context(serving(create_app(workspace)))
        session = await parts.enter_async_context(aiohttp.ClientSession())
        client = Client(session, slack_url, workspace.socket_mode, workspace)
        yield client
        for socket in client.sockets:
            await socket.close()


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "not_authed"),
        ("xapp-another", "invalid_auth"),
        ("xoxb-sandbox-bot", "not_allowed_token_type"),
    ],
)
async def test_needs_the_app_level_token(client: Client, token: str, error: str) -> None:
    """A missing, wrong or other kind of token is refused with Slack's error."""
    assert await client.open_url(token) == {"ok": False, "error": error}


async def test_the_token_must_be_in_the_header(client: Client) -> None:
    """As at Slack, a token among the arguments does not count."""
    answer = await client.open_url(data={"token": client.slack.app_token})
    assert answer == {"ok": False, "error": "not_authed"}


async def test_needs_the_scope(client: Client) -> None:
    """Without connections:write, the scope is named."""
    client.slack.scopes = frozenset()
    answer = await client.open_url(client.slack.app_token)
    assert (answer["error"], answer["needed"]) == ("missing_scope", "connections:write")


async def test_an_address_works_once(client: Client) -> None:
    """A second connection with the same ticket is refused."""
    url = (await client.open_url(client.slack.app_token))["url"]
    async with client.session.ws_connect(url):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.session.ws_connect(url)


async def test_says_hello(client: Client) -> None:
    """The first message has the number of connections and the app's id."""
    await client.connect()
    hello = await read(await client.connect())
    assert (hello["type"], hello["num_connections"]) == ("hello", 2)
    assert hello["connection_info"] == {"app_id": APP_ID}


@pytest.mark.parametrize(
    ("kind", "payload", "accepts"),
    [
        ("slash_commands", {"command": "/emporix"}, True),
        ("interactive", {"type": "view_submission"}, True),
        ("interactive", {"type": "block_suggestion"}, True),
        ("interactive", {"type": "block_actions"}, False),
        ("interactive", {"type": "shortcut"}, False),
        (EVENTS_API, {"type": "event_callback"}, False),
    ],
)
async def test_an_envelope_waits_for_its_ack(
    client: Client, kind: str, payload: dict[str, str], accepts: bool
) -> None:
    """An envelope has an id and says whether its ack may have a payload.

    Where it may not, an ack with a payload is ignored.
    """
    socket = await client.greeted()
    delivery = asyncio.create_task(client.slack.deliver(kind, payload, SECONDS))
    sent = await read(socket)
    assert (sent["type"], sent["payload"]) == (kind, payload)
    assert sent["accepts_response_payload"] is accepts
    assert ("retry_attempt" in sent) is (kind == EVENTS_API)
    await socket.send_json({"envelope_id": sent["envelope_id"], "payload": {"text": "Done."}})
    await socket.send_json({"envelope_id": sent["envelope_id"]})
    assert await delivery == ({"text": "Done."} if accepts else None)


async def test_envelopes_take_turns(client: Client) -> None:
    """Connections get envelopes in turn, and only the one that got it can acknowledge it."""
    sockets = [await client.greeted(), await client.greeted()]
    deliveries = [
        asyncio.create_task(client.slack.deliver("interactive", {}, SECONDS)) for _ in range(4)
    ]
    received = [[await read(socket) for _ in range(2)] for socket in sockets]
    for socket, envelopes in zip(reversed(sockets), received, strict=True):
        await socket.send_json({"envelope_id": envelopes[0]["envelope_id"]})
    for socket, envelopes in zip(sockets, received, strict=True):
        for envelope in envelopes:
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
    assert await asyncio.gather(*deliveries) == [None] * 4
    assert len(client.slack.invalid_acks) == 2


async def test_what_was_not_acknowledged_comes_again(client: Client) -> None:
    """If a connection closes before the ack, another one gets the payload with a new id."""
    first = await client.greeted()
    delivery = asyncio.create_task(client.slack.deliver("slash_commands", {"a": 1}, SECONDS))
    sent = await read(first)
    second = await client.greeted()
    await first.close()
    again = await read(second)
    assert again["envelope_id"] != sent["envelope_id"]
    assert (again["payload"], again["retry_attempt"]) == ({"a": 1}, 1)
    await second.send_json({"envelope_id": again["envelope_id"]})
    assert await delivery is None


async def test_a_user_sees_that_nothing_was_acknowledged(client: Client) -> None:
    """Without an ack within the limit, or without a connection, the user sees Slack's error."""
    client.workspace.ack_seconds = 0.05
    async with httpx.AsyncClient() as http:
        ada = Person(http, client.slack_url)
        gone = await ada.command("/emporix jobs")
        socket = await client.greeted()
        late = await ada.command("/emporix jobs")
    await socket.close()
    assert "dispatch_failed" in gone.messages[-1]["text"]
    assert "operation_timeout" in late.messages[-1]["text"]


async def test_allows_ten_connections(client: Client) -> None:
    """The eleventh connection gets the reason, and is closed."""
    for _ in range(10):
        await client.greeted()
    eleventh = await client.connect()
    assert (await read(eleventh))["reason"] == "too_many_websockets"
    assert (await eleventh.receive(SECONDS)).type is aiohttp.WSMsgType.CLOSE


async def test_refreshes_a_connection(client: Client) -> None:
    """A connection gets a warning, later a request to refresh, and is closed."""
    socket = await client.greeted()
    refresh = asyncio.create_task(client.slack.refresh(client.slack.connections[0], seconds=0))
    assert [(await read(socket))["reason"] for _ in range(2)] == ["warning", "refresh_requested"]
    assert (await socket.receive(SECONDS)).type is aiohttp.WSMsgType.CLOSE
    await refresh


async def test_socket_mode_can_be_turned_off(client: Client) -> None:
    """Open connections are closed, and new ones get the reason, too."""
    socket = await client.greeted()
    turned_off = asyncio.create_task(client.slack.disable_link())
    assert (await read(socket))["reason"] == "link_disabled"
    assert (await socket.receive(SECONDS)).type is aiohttp.WSMsgType.CLOSE
    await turned_off
    assert (await read(await client.connect()))["reason"] == "link_disabled"
    with pytest.raises(NoConnection):
        await client.slack.deliver("interactive", {}, SECONDS)


async def test_answers_pings_unless_it_is_silent(client: Client) -> None:
    """Pings are answered with the same data; a silent connection answers nothing."""
    socket = await client.greeted()
    await socket.ping(b"here")
    pong = await socket.receive(SECONDS)
    assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"here")
    client.slack.connections[0].is_silent = True
    await socket.ping(b"there")
    with pytest.raises(TimeoutError):
        await socket.receive(0.05)
