"""The aiohttp session of both outgoing clients: proxies, certificates and limits for headers.

Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, or in lower case).
aiohttp's own `trust_env` isn't used: it also reads `~/.netrc`, in a thread for each request, and
rejects a request whose host is listed there.
"""

from __future__ import annotations

import logging
import ssl
from functools import cache
from urllib.request import (  # type: ignore[attr-defined]  # typeshed: on macOS only
    getproxies_environment,
    proxy_bypass_environment,
)

import aiohttp
from yarl import URL

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES = 64 * 1024
"""Gateways may send a long Content-Security-Policy or many cookies: 60 KB of headers were seen."""

PROXY_SCHEMES = ("http", "https", "all")
WEB_SCHEMES = {"ws": "http", "wss": "https"}
"""A WebSocket uses the proxy of the scheme that opens it."""

MAX_HTTP_CONNECTIONS = 100
KEEP_ALIVE_SECONDS = 15.0


def http_session(
    *,
    connections: int = MAX_HTTP_CONNECTIONS,
    keep_alive: float = KEEP_ALIVE_SECONDS,
    timeout: aiohttp.ClientTimeout | None = None,
    middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = (),
) -> aiohttp.ClientSession:
    """Create a connection pool. Reads the environment once: changes need a restart.

    It stores no cookies, because all users share the pool.
    """
    connector = aiohttp.TCPConnector(
        limit=connections, keepalive_timeout=keep_alive, ssl=trusted_certificates()
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout or aiohttp.ClientTimeout(),
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        middlewares=(*middlewares, *_middlewares(_proxies())),
    )


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The system's certificates, or those of SSL_CERT_FILE and SSL_CERT_DIR; slow to load."""
    return ssl.create_default_context()


def is_certificate_untrusted(error: BaseException | None) -> bool:
    """Whether an untrusted certificate caused the error."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def invalid_proxies() -> list[str]:
    """The names of proxy variables whose URL is invalid.

    slack-sdk and aiohttp would fail with them on each request.
    """
    found = getproxies_environment()
    return [
        f"{name.upper()}_PROXY" for name in PROXY_SCHEMES if not _is_address(found.get(name, ""))
    ]


def _is_address(text: str) -> bool:
    try:
        return not text or bool((URL(_with_scheme(text.strip())).host or "").encode("idna"))
    except ValueError:
        return False


def _proxies() -> dict[str, str]:
    """The proxy URL by scheme, and NO_PROXY as `no`; empty if no proxy is set."""
    found = getproxies_environment()
    addresses = {name: _with_scheme(found[name]) for name in PROXY_SCHEMES if found.get(name)}
    usable = {name: one for name, one in addresses.items() if one.startswith(("http:", "https:"))}
    for name in addresses.keys() - usable.keys():
        logger.warning("the proxy for %s is not used: only http:// and https:// work", name)
    return usable | {"no": found.get("no", "")} if usable else {}


def _with_scheme(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _middlewares(proxies: dict[str, str]) -> tuple[aiohttp.ClientMiddlewareType, ...]:
    """The proxy middleware; none if the environment has no proxy, as slack-sdk then finds none."""
    return (_proxy_middleware(proxies),) if getproxies_environment() else ()


def _proxy_middleware(proxies: dict[str, str]) -> aiohttp.ClientMiddlewareType:
    """Set the proxy of each request, replacing the one chosen by slack-sdk or Bolt.

    slack-sdk uses HTTPS_PROXY for any URL, and ignores NO_PROXY.
    """

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        scheme = WEB_SCHEMES.get(request.url.scheme, request.url.scheme)
        address = proxies.get(scheme) or proxies.get("all")
        if address and not proxy_bypass_environment(request.url.host or "", proxies):
            proxy = URL(address)
            request.update_proxy(proxy.with_user(None), aiohttp.BasicAuth.from_url(proxy), None)
        else:
            request.update_proxy(None, None, None)
        return await handler(request)

    return middleware
