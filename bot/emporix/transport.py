"""httpx over aiohttp: several times faster than httpx alone, with connection errors told apart.

The adapter reports a refused connection, a failed look-up and a connection that was cut after the
request was sent all as ConnectTimeout. Whoever believes that "never connected" means "never sent"
would repeat a call that had its effect, so each failure gets its own httpx exception here.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

MAX_BODY = 10 * 1024 * 1024
"""Emporix: a response body has at most 10 MB."""


class TooLarge(httpx.RequestError):
    """The body is larger than any answer of Emporix; the rest of it stays unread."""


class Transport(AiohttpTransport):
    """One pool of connections.

    Raises httpx.ConnectError (refused, unresolved), ConnectTimeout, ReadTimeout, TooLarge, and
    RemoteProtocolError or ReadError for a connection that ended before the whole answer came.
    """

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(verify=_tls(), limits=limits, client=self._session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _told_apart(request):
            response = await super().handle_async_request(request)
        response.stream = _Body(cast("httpx.AsyncByteStream", response.stream), request)
        return response

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self.limits.max_connections or 0,
            keepalive_timeout=self.limits.keepalive_expiry,
            ssl=self.ssl_context,
        )
        # All users share this pool, so no cookie may stick to it.
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        # aiohttp silently repeats a DELETE that was cut on a kept-alive connection, and the 404 of
        # the repeat would pass for the first answer. There is no public switch for this.
        session._retry_connection = False
        return session


@cache
def _tls() -> ssl.SSLContext:
    """Certificates take longer to read than all the rest of a client."""
    return httpx.create_ssl_context()


class _Body(httpx.AsyncByteStream):
    """A response body that ends with TooLarge above 10 MB."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        with _told_apart(self._request):
            async for chunk in self._stream:
                size += len(chunk)
                if size > MAX_BODY:
                    raise TooLarge("the response is larger than 10 MB", request=self._request)
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _told_apart(request: httpx.Request) -> Iterator[None]:
    """Give each failure of aiohttp the httpx exception that says what happened."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise _named(error, request) from error.__cause__
    except aiohttp.ClientError as error:
        # Without the cause: some of aiohttp's errors show the request's headers, token included.
        raise httpx.RemoteProtocolError(type(error).__name__, request=request) from None


def _named(error: httpx.ConnectTimeout, request: httpx.Request) -> httpx.TransportError:
    match error.__cause__:
        case aiohttp.ClientConnectorError() as cause:
            return httpx.ConnectError(str(cause), request=request)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() as cause:
            return httpx.RemoteProtocolError(type(cause).__name__, request=request)
    return error
