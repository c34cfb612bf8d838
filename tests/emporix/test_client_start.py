"""POST /agentic/chat-async over a real socket: one attempt, and a truthful result."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from bot.emporix.client import EmporixClient
from bot.emporix.http import TEMPORARY_STATUSES
from bot.errors import (
    EmporixError,
    EmporixUnreachable,
    Unauthorized,
)
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens, connection
from tests.emporix.scripted import (
    EXPIRED,
    HTML,
    NOT_HTTP,
    TRUNCATED,
    Answer,
    cut,
    failing,
    reply,
    scripted,
    silence,
    token,
)

SESSION = "123e4567-e89b-12d3-a456-426614174000"
STARTED = reply({"jobId": "j2"}, status=201)


@pytest.mark.parametrize("answer", [STARTED, reply([{"jobId": "j2"}], status=201)])
async def test_start(answer: Answer, client_of: Clients, tokens: FakeTokens) -> None:
    """The agent gets the message in the app's session, with a token that is never stored."""
    async with scripted(token("run"), answer) as server, client_of(server.url) as client:
        assert await client.start_agent(connection(), "a", "Again", SESSION) == "j2"
    asked, call = server.requests
    assert b"ai.agent_read+ai.agentexecution_manage" in asked.body
    assert (call.method, call.target) == ("POST", "/ai-service/acme/agentic/chat-async")
    assert json.loads(call.body) == {"agentId": "a", "message": "Again"}
    assert call.headers["session-id"] == SESSION
    assert call.headers["authorization"] == "Bearer run"
    assert tokens.reads == tokens.saves == 0


@pytest.mark.parametrize(
    "answer",
    [
        *(cut, silence, NOT_HTTP, TRUNCATED, HTML, failing(500), failing(503), failing(408)),
        *(reply({}, status=201), reply([], status=201), reply(b"", status=201)),
        reply(b"<html>", status=403, headers={"Content-Type": "text/html"}),
    ],
)
async def test_says_that_the_outcome_is_unknown(answer: Answer, client_of: Clients) -> None:
    """After a response that proves nothing, the result is unknown, and nothing is sent again."""
    async with scripted(token("run"), answer, STARTED) as server, client_of(server.url) as client:
        assert await client.start_agent(connection(), "a", "Again", SESSION) == ""
    assert len(server.requests) == 2


CERTAIN = {*range(400, 500)} - {408, 499}


class Refusing(httpx.AsyncBaseTransport):
    """Emporix: each call but those for tokens has this status, with Emporix's own body."""

    status = 400

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            given = {"access_token": "new", "expires_in": 3600, "scope": "tenant=acme"}
            return httpx.Response(200, json=given)
        return httpx.Response(self.status, json={"code": self.status, "message": "no"})


async def test_a_refusal_is_known_at_once(tokens: FakeTokens) -> None:
    """With any 4xx but 408 and 499, Emporix refuses to start, switch or delete; others are unknown.

    Statuses that are retried are left out for deletes.
    """
    transport = Refusing()
    async with httpx.AsyncClient(base_url="http://emporix", transport=transport) as http:
        client = EmporixClient(http, tokens, lambda: NOW)
        actions: dict[str, Callable[[], Awaitable[object]]] = {
            "start": lambda: client.start_agent(connection(), "a", "Again", SESSION),
            "switch": lambda: client.switch_agent(connection(), "a", enabled=False),
            "delete": lambda: client.delete_job(connection(), "j1"),
        }
        for name, act in actions.items():
            waits = {429, *TEMPORARY_STATUSES, 404} if name == "delete" else set()
            for status in {*range(400, 600)} - waits:
                transport.status = status
                found = await outcome_of(act)
                is_known = isinstance(found, EmporixError) and not found.may_have_worked
                assert is_known == (status in CERTAIN), (name, status)


async def outcome_of(act: Callable[[], Awaitable[object]]) -> object:
    try:
        return await act()
    except EmporixError as error:
        return error


async def test_an_expired_token_is_replaced(client_of: Clients) -> None:
    """A 401 starts nothing, so the call is repeated once with a new token."""
    async with (
        scripted(token("old"), STARTED, EXPIRED, token("new"), STARTED) as server,
        client_of(server.url) as client,
    ):
        for _ in range(2):
            assert await client.start_agent(connection(), "a", "Again", SESSION) == "j2"
    assert server.requests[-1].headers["authorization"] == "Bearer new"
    async with scripted(token("a"), EXPIRED) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized):
            await client.start_agent(connection(), "a", "Again", SESSION)


async def test_an_unreachable_emporix_starts_nothing(client_of: Clients) -> None:
    """If no connection can be opened, the agent was certainly not started."""
    async with scripted() as server:
        url = server.url
    async with client_of(url) as client:
        with pytest.raises(EmporixUnreachable):
            await client.start_agent(connection(), "a", "Again", SESSION)
