"""Access tokens: requested, parsed, used, refreshed, shared and discarded."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import READ_SCOPES, Credentials, Token
from bot.domain.filters import Filters
from bot.emporix import auth
from bot.emporix.auth import parse_token, token_request
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import EmporixFailed, EmporixTimeout, EmporixUnreadable, RateLimited, Unauthorized
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens, connection, valid_token
from tests.emporix.scripted import EXPIRED, Script, failing, reply, scripted, silence, token
from tests.emporix.test_models import JSON

JOBS = reply([])
REFUSED_KEY = failing(401)


def bearers(server: Script) -> list[str]:
    """The token of each request, or "ask" for a token request."""
    return [
        "ask"
        if request.target == "/oauth/token"
        else request.headers["authorization"].removeprefix("Bearer ")
        for request in server.requests
    ]


async def list_jobs(client: EmporixClient, token: Token | None = None) -> None:
    await client.list_jobs(connection(token), Filters())


async def test_valid_token(client_of: Clients, tokens: FakeTokens) -> None:
    """A valid token needs neither a call to the store nor a token request."""
    async with scripted(JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("mine", auth.REFRESH_AHEAD_SECONDS))
        assert bearers(server) == ["mine"]
    assert tokens.reads == 0


@pytest.mark.parametrize("seconds", [auth.REFRESH_AHEAD_SECONDS - 1, -5])
async def test_expiring_token(seconds: float, client_of: Clients, tokens: FakeTokens) -> None:
    """A token that expires soon is replaced before it is used, and the new one is stored."""
    async with scripted(token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("old", seconds))
        assert bearers(server) == ["ask", "new"]
    assert tokens.stored == Token("new", NOW + 14399, frozenset({"a", "b"}), "acme")


async def test_without_token(client_of: Clients) -> None:
    """A connection without a token requests one."""
    async with scripted(token("first"), JOBS) as server, client_of(server.url) as client:
        await client.list_jobs(replace(connection(), token=None), Filters())
        assert bearers(server) == ["ask", "first"]


async def test_replaced_elsewhere(client_of: Clients, tokens: FakeTokens) -> None:
    """A token that another process has stored is used without a token request."""
    tokens.stored = valid_token("theirs", 5)
    async with scripted(JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("old", 1))
        assert bearers(server) == ["theirs"]
    assert tokens.saves == 0


@pytest.mark.parametrize("stored", [valid_token("old", 1), valid_token("dead", 0)])
async def test_useless_stored_token(stored: Token, client_of: Clients, tokens: FakeTokens) -> None:
    """If the stored token is the same or has expired, a new one is requested."""
    tokens.stored = stored
    async with scripted(token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("old", 1))
        assert bearers(server) == ["ask", "new"]


async def test_refused(client_of: Clients, tokens: FakeTokens) -> None:
    """A valid token that Emporix refuses is replaced, and the request is sent again."""
    async with scripted(EXPIRED, token("new"), JOBS) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("old"))
        assert bearers(server) == ["old", "ask", "new"]


async def test_refused_and_replaced_elsewhere(client_of: Clients, tokens: FakeTokens) -> None:
    """After a 401 the stored token is tried first, and then a new one is requested."""
    tokens.stored = valid_token("theirs")
    answers = (EXPIRED, EXPIRED, token("new"), JOBS)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token("old"))
        assert bearers(server) == ["old", "theirs", "ask", "new"]


async def test_refused_for_good(client_of: Clients, tokens: FakeTokens) -> None:
    """A 401 for a new token is raised without another attempt."""
    async with scripted(EXPIRED, token("new"), EXPIRED) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized) as caught:
            await list_jobs(client)
        assert len(server.requests) == 3
    assert (caught.value.tenant, caught.value.message) == ("acme", "Access Token expired")


async def test_key_refused(client_of: Clients, tokens: FakeTokens) -> None:
    """A key that Emporix refuses raises Unauthorized, and nothing is stored."""
    async with scripted(REFUSED_KEY) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized) as caught:
            await list_jobs(client, valid_token(seconds=0))
    assert caught.value.tenant == "acme"
    assert tokens.stored is None
    assert not tokens.guard.locked()


async def test_body_is_sent_again(client_of: Clients) -> None:
    """After a 401, a search is sent again with its complete body."""
    async with scripted(EXPIRED, token("new"), JOBS) as server, client_of(server.url) as client:
        await client.search_jobs(connection(), Filters(words=("refund",)))
        first, _, again = server.requests
    assert first.body == again.body == b'{"q":"message:~refund"}'
    assert first.target == again.target


async def test_one_refresh_at_a_time(client_of: Clients, tokens: FakeTokens) -> None:
    """Ten concurrent calls with an expired token request one new token."""
    answers = (token("new"), *[JOBS] * 10)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await asyncio.gather(*(list_jobs(client, valid_token("old", 0)) for _ in range(10)))
        assert sorted(bearers(server)) == ["ask", *["new"] * 10]


async def test_failing_token_request(client_of: Clients, tokens: FakeTokens) -> None:
    """A token request with a temporary failure is retried; a permanent failure is raised."""
    answers = (failing(503), token("new"), JOBS)
    async with scripted(*answers) as server, client_of(server.url) as client:
        await list_jobs(client, valid_token(seconds=0))
    async with scripted(*[failing(503)] * 3) as server, client_of(server.url) as client:
        with pytest.raises(EmporixFailed):
            await list_jobs(client, valid_token(seconds=0))
    assert not tokens.guard.locked()


async def test_silent_token_request(client_of: Clients, tokens: FakeTokens) -> None:
    """A token request has the client's timeouts, and releases the lock."""
    async with scripted(*[silence] * 3) as server, client_of(server.url) as client:
        with pytest.raises(EmporixTimeout):
            await list_jobs(client, valid_token(seconds=0))
        assert bearers(server) == ["ask"] * 3
    assert not tokens.guard.locked()


async def test_cancelled_call(client_of: Clients, tokens: FakeTokens) -> None:
    """A call that is cancelled during a refresh releases the lock."""
    async with scripted(silence) as server, client_of(server.url, budget=0.1) as client:
        with pytest.raises(EmporixTimeout):
            await list_jobs(client, valid_token(seconds=0))
    assert not tokens.guard.locked()


async def test_repr_has_no_secrets(tokens: FakeTokens) -> None:
    """No representation that may be logged contains a token or a secret."""
    async with http_client("http://emporix.example") as http:
        request = auth.token_request(http, READ_SCOPES, connection().credentials)
        signer = auth.TokenAuth(connection(), tokens, lambda: NOW, lambda _: request)
        signed = await anext(signer.async_auth_flow(httpx.Request("GET", "http://e.example")))
        shown = f"{request!r} {request.headers!r} {signer!r} {signed!r} {signed.headers!r}"
    assert "the-secret" not in shown + repr(connection())
    assert "valid-token" not in shown + repr(connection())


TOKEN_SAMPLE = {
    "refresh_token": "",
    "token_type": "Bearer",
    "access_token": "vkFuQ6oTwj8_Ye4eiRSsqMeqLYNeQRJi",
    "expires_in": 14399,
    "scope": "ai.agent_read tenant=acme ai.agent_manage",
}


def token_response(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body).encode())


@pytest.mark.parametrize("scope", ["ai.agent_read", "ai.agent_read ai.agent_manage"])
async def test_token_request(scope: str) -> None:
    """The key is sent in a form, whatever its characters, and never in the URL."""
    async with http_client("http://emporix.example/prefix") as http:
        request = token_request(http, scope, Credentials("id&x", "s=c ret+é"))
    assert str(request.url) == "http://emporix.example/prefix/oauth/token"
    assert parse_qs(request.content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": [scope],
        "client_id": ["id&x"],
        "client_secret": ["s=c ret+é"],
    }
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "timeout" in request.extensions


def test_token() -> None:
    """A token has its expiry, its scopes, and the tenant from anywhere among them."""
    token = parse_token(token_response(TOKEN_SAMPLE), now=NOW)
    assert token == Token(
        "vkFuQ6oTwj8_Ye4eiRSsqMeqLYNeQRJi",
        NOW + 14399,
        frozenset({"ai.agent_read", "ai.agent_manage"}),
        "acme",
    )
    assert token.value not in repr(token)


@pytest.mark.parametrize(
    ("changed", "scopes", "tenant"),
    [
        ({"scope": None}, frozenset(), ""),
        ({"scope": "a  b"}, frozenset({"a", "b"}), ""),
        ({"scope": "tenant=x", "expires_in": "14399"}, frozenset(), "x"),
    ],
)
def test_minimal_token(changed: dict[str, object], scopes: frozenset[str], tenant: str) -> None:
    """A token may lack scopes and tenant, and its lifetime may be a string."""
    token = parse_token(token_response(TOKEN_SAMPLE | changed), now=NOW)
    assert (token.scopes, token.tenant, token.expires_at) == (scopes, tenant, NOW + 14399)


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "two\r\nlines"},
        {"access_token": "é"},
        {"expires_in": None},
        {"expires_in": True},
        {"expires_in": 0},
        {"expires_in": "inf"},
        {"expires_in": "soon"},
        {"scope": ["a"]},
    ],
)
def test_no_token(changed: dict[str, object]) -> None:
    """A response without a usable token is unreadable."""
    with pytest.raises(EmporixUnreadable):
        parse_token(token_response(TOKEN_SAMPLE | changed), now=NOW)


@given(JSON | st.dictionaries(st.sampled_from(sorted(TOKEN_SAMPLE)), JSON))
def test_any_response(body: object) -> None:
    """Every response is parsed as a valid token or is unreadable."""
    with suppress(EmporixUnreadable):
        assert parse_token(token_response(body), now=NOW).expires_at > NOW


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (429, RateLimited), (503, EmporixFailed)]
)
def test_a_refused_token_request(status: int, kind: type[Exception]) -> None:
    """A refused key raises another error than an unavailable service."""
    with pytest.raises(kind):
        parse_token(token_response({"code": status, "message": "no"}, status), now=NOW)
