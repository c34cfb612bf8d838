"""Requests access tokens with API keys, and adds them to requests as an httpx auth flow."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias
from weakref import WeakValueDictionary

import httpx
from cachetools import LRUCache

from bot.domain.accounts import Caller, Connection, Credentials, Token
from bot.domain.times import Clock
from bot.emporix.errors import response_error, token_error, unreadable
from bot.emporix.models import as_object, as_text, decode_json
from bot.errors import EmporixError, NotFound

REFRESH_AHEAD_SECONDS = 60.0
"""Seconds before expiry at which a token is replaced, so that it does not expire in transit."""


MAX_CACHED_TOKENS = 1000
TokenKey: TypeAlias = tuple[Caller, str, Credentials]


class TokenCache(Protocol):
    """Stores tokens for all processes. Every method may raise StoreUnavailable."""

    async def load(self, connection: Connection) -> Token | None:
        """The stored token, or None."""

    async def save(self, connection: Connection, token: Token) -> None:
        """Store a new token."""

    def lock(self, connection: Connection) -> AbstractAsyncContextManager[object]:
        """Lock that lets one process request a token; after a timeout, entered without it."""


class ActionTokens:
    """Keeps tokens with one wider scope in the memory of this process, for that purpose only.

    `ai.agent_manage` also allows changing agents. Therefore these tokens are never stored, and
    lists, digests and alerts never use one.
    """

    def __init__(self) -> None:
        self._tokens: LRUCache[TokenKey, Token] = LRUCache(MAX_CACHED_TOKENS)
        self._locks: WeakValueDictionary[TokenKey, asyncio.Lock] = WeakValueDictionary()

    async def load(self, connection: Connection) -> Token | None:
        found: Token | None = self._tokens.get(_token_key(connection))
        return found

    async def save(self, connection: Connection, token: Token) -> None:
        self._tokens[_token_key(connection)] = token

    def lock(self, connection: Connection) -> asyncio.Lock:
        return self._locks.setdefault(_token_key(connection), asyncio.Lock())


def _token_key(connection: Connection) -> TokenKey:
    return connection.caller, connection.tenant, connection.credentials


class TokenAuth(httpx.Auth):
    """Authorizes one call of a connection, and refreshes the token if needed.

    The token comes with the connection, so most calls need neither the store nor OAuth. One refresh
    runs at a time: a call that waited for the lock uses the token stored in the meantime.

    Sending raises Unauthorized if Emporix no longer accepts the key, and any other error of a token
    request. A 401 after a refresh is returned like any other response.
    """

    def __init__(
        self,
        connection: Connection,
        tokens: TokenCache,
        clock: Clock,
        token_request: Callable[[Credentials], httpx.Request],
    ) -> None:
        self._connection, self._tokens, self._clock = connection, tokens, clock
        self._token_request = token_request
        self._token = connection.token
        self._refused = ""
        self.sent = False
        """Whether the request itself was sent, and not answered with a 401."""

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        asked = self.sent = False
        while True:
            token = self._token
            if token is None or self._ends_soon(token):
                async with self._tokens.lock(self._connection):
                    token = await self._load_stored_token()
                    if token is None:
                        asked = True
                        token = await self._save_new_token((yield self._request_for_token()))
                self._token = token
            request.headers["Authorization"] = f"Bearer {token.value}"
            self.sent = True
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            self.sent, self._token, self._refused = False, None, token.value
            if asked:
                return  # another new token would be refused, too

    def _ends_soon(self, token: Token) -> bool:
        return token.expires_at - self._clock() < REFRESH_AHEAD_SECONDS

    async def _load_stored_token(self) -> Token | None:
        """The stored token, unless it has expired or was already tried."""
        stored = await self._tokens.load(self._connection)
        if stored is None or stored.expires_at <= self._clock():
            return None
        tried = self._token.value if self._token else self._refused
        return None if stored.value == tried else stored

    def _request_for_token(self) -> httpx.Request:
        return self._token_request(self._connection.credentials)

    async def _save_new_token(self, response: httpx.Response) -> Token:
        await response.aread()
        token = parse_token(response, now=self._clock(), tenant=self._connection.tenant)
        await self._tokens.save(self._connection, token)
        return token


NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class AuthorizedRequest:
    """A request with its authorization; `resource_id` is reported for a 404."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        request: httpx.Request,
        auth: TokenAuth,
        clock: Clock,
        *,
        tenant: str,
        resource_id: str = "",
    ) -> None:
        self._http, self._request, self._auth, self._clock = http, request, auth, clock
        self.tenant, self._resource_id = tenant, resource_id

    async def send(self) -> httpx.Response:
        """Returns a 2xx response with its body read. Raises httpx.RequestError and EmporixError."""
        response = await self._http.send(self._request, auth=self._auth)
        if response.is_success:
            return response
        raise response_error(
            response, now=self._clock(), tenant=self.tenant, resource_id=self._resource_id
        )

    def may_have_worked(self, failure: Exception) -> bool:
        """Whether the request may have taken effect although it ended with `failure`."""
        if not self._auth.sent:
            return False
        if isinstance(failure, EmporixError):
            return failure.may_have_worked
        return not isinstance(failure, NOT_SENT_ERRORS)


class DeleteAttempts:
    """A DELETE with its attempts; `may_be_done` is set if one of them may have worked."""

    def __init__(self, call: AuthorizedRequest) -> None:
        self._call, self.may_be_done = call, False

    async def attempt(self) -> bool:
        """Returns True if the resource was deleted, False if it was already gone.

        Raises EmporixUnreadable for any 2xx other than 204, as it may come from a proxy.
        """
        try:
            return await self._attempt()
        except (EmporixError, httpx.RequestError) as failure:
            self.may_be_done |= self._call.may_have_worked(failure)
            raise

    async def _attempt(self) -> bool:
        try:
            response = await self._call.send()
        except NotFound:
            return self.may_be_done
        if response.status_code != httpx.codes.NO_CONTENT:
            raise unreadable(response, tenant=self._call.tenant)
        return True


TENANT_SCOPE_PREFIX = "tenant="


def token_request(http: httpx.AsyncClient, scope: str, credentials: Credentials) -> httpx.Request:
    """Build a token request; `scope` is READ_SCOPES or a wider one.

    It is built by `http`, so that its base URL and timeouts apply in an auth flow, too.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "scope": scope,
    }
    return http.build_request("POST", "/oauth/token", data=form)


def parse_token(response: httpx.Response, *, now: float, tenant: str = "") -> Token:
    """Parse the token in a response whose body was read; `now` is in seconds since 1970.

    Raises the EmporixError for the response: Unauthorized for a refused key, EmporixUnreadable for
    a 200 without a token.
    """
    if response.status_code != httpx.codes.OK:
        raise token_error(response, now=now, tenant=tenant)
    try:
        return _token(decode_json(response.content), now)
    except ValueError as error:
        raise unreadable(response, tenant=tenant) from error


def _token(body: object, now: float) -> Token:
    members = as_object(body)
    value, scope = members.get("access_token"), members.get("scope") or ""
    if not isinstance(value, str) or not isinstance(scope, str) or not _fits_in_header(value):
        raise ValueError("no token")
    expires_at = now + _seconds(members.get("expires_in"))
    return Token(value, expires_at, _scopes(scope), _tenant(scope))


def _seconds(expires_in: object) -> float:
    """Parse `expires_in`. OAuth: a number; some gateways send it as a string."""
    seconds = float(as_text(expires_in))
    if not 0 < seconds < math.inf:
        raise ValueError("expires_in must be positive")
    return seconds


def _fits_in_header(value: str) -> bool:
    """Whether a token can be sent in a header, which a line break would end."""
    return value.isascii() and value.isprintable() and value.strip() == value != ""


def _scopes(scope: str) -> frozenset[str]:
    return frozenset(part for part in scope.split() if not part.startswith(TENANT_SCOPE_PREFIX))


def _tenant(scope: str) -> str:
    named = (part for part in scope.split() if part.startswith(TENANT_SCOPE_PREFIX))
    return next(named, "").removeprefix(TENANT_SCOPE_PREFIX)
