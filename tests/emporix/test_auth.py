"""When a token is used, refreshed, shared, and given up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from bot.domain.accounts import READ_SCOPES, Token
from bot.domain.filters import Filters
from bot.emporix import auth
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import EmporixFailed, EmporixTimeout, Unauthorized
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens, connection, living
from tests.emporix.scripted import EXPIRED, Script, failing, reply, scripted, silence, token

JOBS = reply([])
REFUSED_KEY = failing(401)


def bearers(server: Script) -> list[str]:
    """Who spoke in each request, or "ask" for a token request."""
    return [
        "ask"
        if request.target == "/oauth/token"
        else request.headers["authorization"].removeprefix("Bearer ")
        for request in server.requests
    ]


async def list_jobs(client: EmporixClient, token: Token | None = None) -> None:
    await client.list_jobs(connection(token), Filters())


async def test_living(client_of: Clients, tokens: FakeTokens) -> None:
    """A living token costs neither a look into the store nor a token request."""
    async with scripted(JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, living("mine", auth.REFRESH_AHEAD_SECONDS))
        assert bearers(server) == ["mine"]
    assert tokens.reads == 0


@pytest.mark.parametrize("seconds", [auth.REFRESH_AHEAD_SECONDS - 1, -5])
async def test_ending(seconds: float, client_of: Clients, tokens: FakeTokens) -> None:
    """A token that ends soon is replaced before it is used, and the new one is kept."""
    async with scripted(token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, living("old", seconds))
        assert bearers(server) == ["ask", "new"]
    assert tokens.stored == Token("new", NOW + 14399, frozenset({"a", "b"}), "acme")


async def test_without_token(client_of: Clients) -> None:
    """A connection that has no token yet gets one."""
    async with scripted(token("first"), JOBS) as server, client_of(server.url) as client:
        await client.list_jobs(replace(connection(), token=None), Filters())
        assert bearers(server) == ["ask", "first"]


async def test_replaced_elsewhere(client_of: Clients, tokens: FakeTokens) -> None:
    """A token that another process has stored meanwhile is used without asking for one."""
    tokens.stored = living("theirs", 5)
    async with scripted(JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, living("old", 1))
        assert bearers(server) == ["theirs"]
    assert tokens.saves == 0


@pytest.mark.parametrize("stored", [living("old", 1), living("dead", 0)])
async def test_stored_is_no_better(stored: Token, client_of: Clients, tokens: FakeTokens) -> None:
    """A stored token that is the same, or dead, does not keep us from asking."""
    tokens.stored = stored
    async with scripted(token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, living("old", 1))
        assert bearers(server) == ["ask", "new"]


async def test_refused(client_of: Clients, tokens: FakeTokens) -> None:
    """A living token that Emporix refuses is replaced, and the request sent again."""
    async with scripted(EXPIRED, token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, living("old"))
        assert bearers(server) == ["old", "ask", "new"]


async def test_refused_and_replaced_elsewhere(client_of: Clients, tokens: FakeTokens) -> None:
    """After a 401 the stored token is tried first; where it is refused too, we ask."""
    tokens.stored = living("theirs")
    answers = (EXPIRED, EXPIRED, token("new"), JOBS)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await list_jobs(client, living("old"))
        assert bearers(server) == ["old", "theirs", "ask", "new"]


async def test_refused_for_good(client_of: Clients, tokens: FakeTokens) -> None:
    """A 401 for a token that was just given is told: asking again would not help."""
    async with scripted(EXPIRED, token("new"), EXPIRED) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized) as caught:
            await list_jobs(client)
        assert len(server.requests) == 3
    assert (caught.value.tenant, caught.value.message) == ("acme", "Access Token expired")


async def test_key_refused(client_of: Clients, tokens: FakeTokens) -> None:
    """A key that Emporix does not accept any more is Unauthorized, and nothing is stored."""
    async with scripted(REFUSED_KEY) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized) as caught:
            await list_jobs(client, living(seconds=0))
    assert caught.value.tenant == "acme"
    assert tokens.stored is None
    assert not tokens.guard.locked()


async def test_body_is_sent_again(client_of: Clients) -> None:
    """A search that met a 401 is sent again whole."""
    async with scripted(EXPIRED, token("new"), JOBS) as server, client_of(server.url) as client:
        await client.search_jobs(connection(), Filters(words=("refund",)))
        first, _, again = server.requests
    assert first.body == again.body == b'{"q":"message:~refund"}'
    assert first.target == again.target


async def test_one_refresh_at_a_time(client_of: Clients, tokens: FakeTokens) -> None:
    """Ten calls that find the token ended ask for one new token together."""
    answers = (token("new"), *[JOBS] * 10)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await asyncio.gather(*(list_jobs(client, living("old", 0)) for _ in range(10)))
        assert sorted(bearers(server)) == ["ask", *["new"] * 10]


async def test_token_request_in_trouble(client_of: Clients, tokens: FakeTokens) -> None:
    """A token request that fails in passing is repeated; one that fails for good is told."""
    answers = (failing(503), token("new"), JOBS)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await list_jobs(client, living(seconds=0))
    async with scripted(*[failing(503)] * 3) as server, client_of(server.url) as client:
        with pytest.raises(EmporixFailed):
            await list_jobs(client, living(seconds=0))
    assert not tokens.guard.locked()


async def test_silent_token_request(client_of: Clients, tokens: FakeTokens) -> None:
    """A token request has the client's timeouts, and the lock is free after it."""
    async with scripted(*[silence] * 3) as server, client_of(server.url) as client:
        with pytest.raises(EmporixTimeout):
            await list_jobs(client, living(seconds=0))
        assert bearers(server) == ["ask"] * 3
    assert not tokens.guard.locked()


async def test_call_ended_from_outside(client_of: Clients, tokens: FakeTokens) -> None:
    """A call whose time is over in the middle of a refresh leaves the lock free."""
    async with scripted(silence) as server, client_of(server.url, budget=0.1) as client:
        with pytest.raises(EmporixTimeout):
            await list_jobs(client, living(seconds=0))
    assert not tokens.guard.locked()


async def test_repr_is_discreet(tokens: FakeTokens) -> None:
    """Nothing that may reach a log shows a token or a secret."""
    async with http_client("http://emporix.example") as http:
        request = auth.token_request(http, READ_SCOPES, connection().credentials)
        signer = auth.TokenAuth(connection(), tokens, lambda: NOW, lambda _: request)
        signed = await anext(signer.async_auth_flow(httpx.Request("GET", "http://e.example")))
        shown = f"{request!r} {request.headers!r} {signer!r} {signed!r} {signed.headers!r}"
    assert "the-secret" not in shown + repr(connection())
    assert "living" not in shown + repr(connection())
