"""The HTTP client for Emporix: httpx over aiohttp, with error mapping and retries."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar, cast

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from stamina import AsyncRetryingCaller
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from bot.errors import EmporixError, EmporixFailed, ProxyAnswered, RateLimited
from bot.http_session import http_session, trusted_certificates
from bot.metrics import EMPORIX_CALLS, EMPORIX_RETRIES, EMPORIX_SECONDS

MAX_RESPONSE_BYTES = 10 * 1024 * 1024
"""Emporix: a response body is at most 10 MB."""


class BodyTooLarge(httpx.RequestError):
    """The response body exceeds MAX_RESPONSE_BYTES; the rest is not read."""


START_OF_QUOTE = re.compile(r"\n|b['\"]")
"""Finds where aiohttp's parser errors start to quote the response."""

NO_CONNECTION = "no connection"
CERTIFICATE_NOT_TRUSTED = "its certificate is not trusted"
PROXY_UNREACHABLE = "the proxy cannot be reached"

CODING_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")


class UnexpectedEncoding(httpx.RequestError):
    """The response body is compressed although `identity` was requested; it is not read.

    A megabyte of gzip can contain a gigabyte. `coding` is the name of the encoding.
    """

    def __init__(self, coding: str, request: httpx.Request) -> None:
        self.coding = coding if CODING_NAME.fullmatch(coding) else "an unknown coding"
        super().__init__(f"the response is encoded with {self.coding}", request=request)


STATUSES_COUNTED_ALONE = frozenset({401, 403, 404, 429})

ENDPOINTS = {name: name for name in ("agents", "jobs", "requests", "search", "token")}
ENDPOINTS["chat-async"] = "chat"
"""Endpoints by the last part of their paths; the others end with an id."""


def _endpoint(request: httpx.Request) -> str:
    """The endpoint of a request for metrics, without the tenant and ids in its path."""
    before, _, last = request.url.path.rpartition("/")
    if before.endswith("/jobs") and (last != "search" or request.method != "POST"):
        return "job"
    return "session" if before.endswith("/sessions") else ENDPOINTS.get(last, "")


def _count_call(request: httpx.Request, began: float, status: int = 0) -> None:
    endpoint = _endpoint(request)
    name = str(status) if status in STATUSES_COUNTED_ALONE else f"{status // 100}xx"
    EMPORIX_CALLS.count(endpoint, name if status else "failed")
    EMPORIX_SECONDS.observe(time.monotonic() - began, endpoint)


class Transport(AiohttpTransport):
    """A pool of aiohttp connections that raises httpx exceptions.

    Raises ConnectError (refused, unresolved, certificate), ProxyError (the proxy refuses to
    connect), ConnectTimeout, ReadTimeout, BodyTooLarge, UnexpectedEncoding, and RemoteProtocolError
    or ReadError if the connection ends before the response is complete.
    """

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(verify=trusted_certificates(), limits=limits, client=self._session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began = time.monotonic()
        try:
            with _translate_aiohttp_errors(request):
                response = await super().handle_async_request(request)
        except BaseException:  # the budget of a call also ends with a cancellation
            _count_call(request, began)
            raise
        _count_call(request, began, response.status_code)
        coding = response.headers.get("Content-Encoding", "").strip().lower()
        if coding not in ("", "identity"):
            await response.aclose()
            raise UnexpectedEncoding(coding, request)
        response.stream = _LimitedBody(cast("httpx.AsyncByteStream", response.stream), request)
        return response

    def _session(self) -> aiohttp.ClientSession:
        session = http_session(
            connections=self.limits.max_connections or 0,
            keep_alive=self.limits.keepalive_expiry or 0,
        )
        # aiohttp silently retries a DELETE if a kept-alive connection breaks, and the 404 of the
        # retry would look like the first response. There is no public option to disable this.
        session._retry_connection = False
        return session


class _LimitedBody(httpx.AsyncByteStream):
    """A response body that raises BodyTooLarge above 10 MB."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        with _translate_aiohttp_errors(self._request):
            async for chunk in self._stream:
                size += len(chunk)
                if size > MAX_RESPONSE_BYTES:
                    raise BodyTooLarge("the response is larger than 10 MB", request=self._request)
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _translate_aiohttp_errors(request: httpx.Request) -> Iterator[None]:
    """Raise aiohttp's exceptions as the httpx exceptions with the same meaning."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise _httpx_error(error, request) from error.__cause__
    except aiohttp.ClientError as error:
        # Without the cause: some of aiohttp's errors show the request's headers with the token.
        raise httpx.RemoteProtocolError(_safe_description(error), request=request) from None


def _safe_description(error: aiohttp.ClientError) -> str:
    """The type of an error, and the parser's reason without any part of the response."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientResponseError) and error.status == 400:
        return f"{name}: {START_OF_QUOTE.split(error.message)[0].strip(' :')[:80]}"
    return name


def _httpx_error(error: httpx.ConnectTimeout, request: httpx.Request) -> httpx.TransportError:
    match error.__cause__:
        case aiohttp.ClientConnectorCertificateError():
            return httpx.ConnectError(CERTIFICATE_NOT_TRUSTED, request=request)
        case aiohttp.ClientProxyConnectionError():
            return httpx.ConnectError(PROXY_UNREACHABLE, request=request)
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError(NO_CONNECTION, request=request)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() as cause:
            return httpx.RemoteProtocolError(type(cause).__name__, request=request)
    return error


HTTP_TIMEOUT = httpx.Timeout(connect=2, read=6, write=5, pool=2)
CONNECTION_LIMITS = httpx.Limits(max_connections=600, keepalive_expiry=30)
"""Enough for all concurrent listeners of `bot.slack.background`, each of which may request a list
and the names of agents at once. If a request had to wait for a connection, Emporix would be
reported as unreachable."""

# Uncompressed, so that the limit on a body counts the bytes in memory. The transport refuses
# compressed responses.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


def http_client(
    base_url: str,
    *,
    limits: httpx.Limits = CONNECTION_LIMITS,
    timeout: httpx.Timeout = HTTP_TIMEOUT,
) -> httpx.AsyncClient:
    """A client with paths relative to `base_url`; close it with `aclose()`.

    It keeps no cookies, so that users' calls share no data, and follows no redirects, so that
    tokens are only sent to the configured host.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        transport=Transport(limits),
        timeout=timeout,
        headers=HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
    )


logger = logging.getLogger(__name__)

CALL_BUDGET_SECONDS = 8.0
"""Seconds for a call, including all attempts and waits."""

MAX_CALL_ATTEMPTS = 3
FIRST_RETRY_WAIT_SECONDS, MAX_RETRY_WAIT_SECONDS, RETRY_JITTER_SECONDS = 0.2, 1.5, 0.3
MIN_ANSWER_SECONDS = 1.0
"""Seconds of the budget that must remain for the response after a wait."""

TEMPORARY_STATUSES = {408, 421, 425, 502, 503, 504, 507, *range(520, 527)}
"""Statuses after which HTTP allows a retry; 520 to 526 are Cloudflare's for a failing origin."""

T = TypeVar("T")

_attempts = AsyncRetryingCaller(
    attempts=MAX_CALL_ATTEMPTS,
    timeout=None,  # the budget below ends running attempts, too
    wait_initial=FIRST_RETRY_WAIT_SECONDS,
    wait_max=MAX_RETRY_WAIT_SECONDS,
    wait_jitter=RETRY_JITTER_SECONDS,
)


async def call_with_retries(
    call: Callable[[], Awaitable[T]], *, reads: bool = True, budget: float = CALL_BUDGET_SECONDS
) -> T:
    """Run an idempotent `call`, and retry it after temporary failures.

    `reads` means that it changes nothing, so it is also retried after a 500. Raises the error
    of the last attempt, or TimeoutError after `budget` seconds.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + budget

    def retry_wait(error: Exception) -> bool | float:
        return _retry_wait(error, reads=reads, left=end - loop.time())

    async with asyncio.timeout_at(end):
        try:
            return await call()  # stamina's setup would take 4% of the time of a list request
        except Exception as error:  # noqa: BLE001 - stamina decides whether to retry
            return await _attempts(retry_wait, _failing_first(error, call))


def _failing_first(
    failure: Exception, call: Callable[[], Awaitable[T]]
) -> Callable[[], Awaitable[T]]:
    """`call`, whose first attempt has already failed."""
    failures = [failure]

    async def attempt() -> T:
        if failures:
            raise failures.pop()
        return await call()

    return attempt


def _log_retry(details: RetryDetails) -> None:
    cause = type(details.caused_by).__name__
    logger.info("trying again in %.1f s after %s", details.wait_for, cause)
    EMPORIX_RETRIES.count()


# By default, stamina prints to standard output, without the log's format and reference.
set_on_retry_hooks([_log_retry])


def _retry_wait(error: Exception, *, reads: bool, left: float) -> bool | float:
    """Whether to retry, or the seconds to wait first according to Retry-After."""
    match error:
        case EmporixFailed(status=status) | ProxyAnswered(status=status):
            passes = status in TEMPORARY_STATUSES or (reads and status == 500)
        case httpx.UnsupportedProtocol():
            passes = False
        case _:
            passes = isinstance(error, RateLimited | httpx.TransportError)
    if passes and isinstance(error, EmporixError) and (wait := error.retry_after) is not None:
        return wait if wait + MIN_ANSWER_SECONDS <= left else False
    return passes
