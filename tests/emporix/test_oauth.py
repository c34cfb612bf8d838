"""Tokens: how they are asked for and read."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Credentials, Token
from bot.emporix.auth import parse_token, token_request
from bot.emporix.http import http_client
from bot.errors import EmporixFailed, EmporixUnreadable, RateLimited, Unauthorized
from tests.emporix.fakes import NOW
from tests.emporix.test_payloads import JSON

SAMPLE = {
    "refresh_token": "",
    "token_type": "Bearer",
    "access_token": "vkFuQ6oTwj8_Ye4eiRSsqMeqLYNeQRJi",
    "expires_in": 14399,
    "scope": "ai.agent_read tenant=acme ai.agent_manage",
}


def answer(body: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body).encode())


@pytest.mark.parametrize("scope", ["ai.agent_read", "ai.agent_read ai.agent_manage"])
async def test_request(scope: str) -> None:
    """The key goes into a form, whatever it is made of, and never into the address."""
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
    """A token has its end, its scopes, and the tenant that stands anywhere among them."""
    token = parse_token(answer(SAMPLE), now=NOW)
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
def test_token_of_few_words(
    changed: dict[str, object], scopes: frozenset[str], tenant: str
) -> None:
    """A token without scopes or tenant is still one, and its life may come as text."""
    token = parse_token(answer(SAMPLE | changed), now=NOW)
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
    """What cannot be used as a token is not taken for one."""
    with pytest.raises(EmporixUnreadable):
        parse_token(answer(SAMPLE | changed), now=NOW)


@given(JSON | st.dictionaries(st.sampled_from(sorted(SAMPLE)), JSON))
def test_any_answer(body: object) -> None:
    """Every answer is a token that lives, or unreadable."""
    with suppress(EmporixUnreadable):
        assert parse_token(answer(body), now=NOW).expires_at > NOW


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (429, RateLimited), (503, EmporixFailed)]
)
def test_refused(status: int, kind: type[Exception]) -> None:
    """A refused key is told apart from a service in trouble."""
    with pytest.raises(kind):
        parse_token(answer({"code": status, "message": "no"}, status), now=NOW)
