"""POST /oauth/token: an API key → an access token.

Emporix: there are no refresh tokens, so a new token is asked for in the same way. Scopes that the
key lacks are left out of a 200 silently; `scope` also holds `tenant=name`, the tenant of the key.
"""

from __future__ import annotations

import math

import httpx

from bot.emporix.failures import token_refusal, unreadable
from bot.emporix.payloads import decode, fields, text
from bot.models import Credentials, Token

TENANT_PART = "tenant="


def token_request(http: httpx.AsyncClient, scope: str, credentials: Credentials) -> httpx.Request:
    """`scope` is READING or DELETING.

    Made by the client, so that it has the client's address and timeouts in an auth flow too.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "scope": scope,
    }
    return http.build_request("POST", "/oauth/token", data=form)


def parse(response: httpx.Response, *, now: float, tenant: str = "") -> Token:
    """The token in a read response; `now` in seconds since 1970.

    Raises the error that `response` stands for, Unauthorized for a key that is not accepted, and
    EmporixUnreadable where a 200 holds no token.
    """
    if response.status_code != httpx.codes.OK:
        raise token_refusal(response, now=now, tenant=tenant)
    try:
        return _token(decode(response.content), now)
    except ValueError as error:
        raise unreadable(response, tenant=tenant) from error


def _token(body: object, now: float) -> Token:
    members = fields(body)
    value, scope = members.get("access_token"), members.get("scope") or ""
    if not isinstance(value, str) or not isinstance(scope, str) or not _can_be_sent(value):
        raise ValueError("no token")
    expires_at = now + _seconds(members.get("expires_in"))
    return Token(value, expires_at, _scopes(scope), _tenant(scope))


def _seconds(expires_in: object) -> float:
    """OAuth: a number; gateways are known to send it as a string."""
    seconds = float(text(expires_in))
    if not 0 < seconds < math.inf:
        raise ValueError("a token lives for a while")
    return seconds


def _can_be_sent(value: str) -> bool:
    """Whether a header can carry it: a line break in a token would end the header."""
    return value.isascii() and value.isprintable() and value.strip() == value != ""


def _scopes(scope: str) -> frozenset[str]:
    return frozenset(part for part in scope.split() if not part.startswith(TENANT_PART))


def _tenant(scope: str) -> str:
    named = (part for part in scope.split() if part.startswith(TENANT_PART))
    return next(named, "").removeprefix(TENANT_PART)
