"""DELETE over a real socket: what is reported as deleted, and what is not."""

from __future__ import annotations

import httpx
import pytest

from bot.emporix.client import EmporixClient
from bot.emporix.http import Transport
from bot.errors import (
    EmporixUnreadable,
)
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens, connection, valid_token
from tests.emporix.scripted import (
    EXPIRED,
    GONE,
    HTML,
    JOB,
    NO_CONTENT,
    NOT_HTTP,
    TRUNCATED,
    Answer,
    cut,
    failing,
    scripted,
    silence,
    token,
)


async def test_delete(client_of: Clients) -> None:
    """A delete returns whether the job existed."""
    async with scripted(NO_CONTENT, GONE) as server, client_of(server.url) as client:
        assert await client.delete_job(connection(), "j1") is True
        assert await client.delete_job(connection(), "j1") is False
    assert server.targets == ["DELETE /ai-service/acme/jobs/j1"] * 2


@pytest.mark.parametrize("first", [cut, silence, NOT_HTTP, TRUNCATED, failing(503), HTML])
async def test_delete_cut(first: Answer, client_of: Clients) -> None:
    """A 404 after a DELETE with an unknown result means that it worked."""
    async with scripted(first, GONE) as server, client_of(server.url) as client:
        assert await client.delete_job(connection(), "j1") is True
    assert len(server.requests) == 2


async def test_delete_cut_on_a_kept_connection(client_of: Clients) -> None:
    """The same applies on a kept-alive connection, where aiohttp would retry silently."""
    async with scripted(JOB, cut, GONE) as server, client_of(server.url) as client:
        await client.get_job(connection(), "j1")
        assert await client.delete_job(connection(), "j1") is True


@pytest.mark.parametrize("first", [cut, HTML])
async def test_delete_refused_afterwards(first: Answer, client_of: Clients) -> None:
    """A refusal after an attempt that may have worked does not mean that nothing was deleted."""
    async with (
        scripted(first, failing(429), failing(429), failing(429)) as server,
        client_of(server.url) as client,
    ):
        with pytest.raises(EmporixUnreadable):
            await client.delete_job(connection(), "j1")


@pytest.mark.parametrize("first", [failing(429), EXPIRED])
async def test_delete_refused_first(first: Answer, client_of: Clients, tokens: FakeTokens) -> None:
    """A 404 after an attempt that certainly failed means that the job was already gone."""
    new_tokens = [token("new")] if first is EXPIRED else []
    async with scripted(first, *new_tokens, GONE) as server, client_of(server.url) as client:
        assert await client.delete_job(connection(), "j1") is False
    assert len(server.requests) == 2 + len(new_tokens)
    assert tokens.reads == tokens.saves == 0


async def test_delete_after_a_failed_token_request(client_of: Clients) -> None:
    """An interrupted token request does not count as a DELETE that may have worked."""
    async with scripted(cut, token("new"), GONE) as server, client_of(server.url) as client:
        assert await client.delete_job(connection(valid_token(seconds=0)), "j1") is False
    assert len(server.requests) == 3


async def test_delete_refused_and_a_failed_token_request(client_of: Clients) -> None:
    """Nor does a token request that fails after the DELETE got a 401, which had no effect."""
    answers = (EXPIRED, failing(503), token("new"), GONE)
    async with scripted(*answers) as server, client_of(server.url) as client:
        assert await client.delete_job(connection(), "j1") is False
    assert len(server.requests) == 4


class OnceUnreachable(httpx.AsyncBaseTransport):
    """Fails with `trouble` before anything is sent, and then reaches the server."""

    def __init__(self, trouble: httpx.TransportError) -> None:
        self.trouble: httpx.TransportError | None = trouble
        self.real = Transport(httpx.Limits())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.trouble:
            trouble, self.trouble = self.trouble, None
            raise trouble
        return await self.real.handle_async_request(request)

    async def aclose(self) -> None:
        await self.real.aclose()


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), httpx.ConnectTimeout("late")])
async def test_delete_never_sent_first(trouble: httpx.TransportError, tokens: FakeTokens) -> None:
    """A 404 after an attempt that was never sent means that the job was already gone."""
    transport = OnceUnreachable(trouble)
    async with (
        scripted(GONE) as server,
        httpx.AsyncClient(base_url=server.url, transport=transport) as http,
    ):
        client = EmporixClient(http, tokens, lambda: NOW)
        assert await client.delete_job(connection(), "j1") is False
