"""The one HTTP client to Emporix, shared by all users of the process."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from bot.emporix.transport import Transport

TIMEOUT = httpx.Timeout(connect=2, read=6, write=5, pool=2)
LIMITS = httpx.Limits(max_connections=600, keepalive_expiry=30)
"""More than `bot.slack.turns` lets in, with a call for names beside each of its first lists: who
waits for a connection here would be told that Emporix is out of reach."""

# Uncompressed, so that the limit on a body counts the bytes that are kept in memory. The transport
# refuses what comes compressed all the same.
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


def http_client(
    base_url: str, *, limits: httpx.Limits = LIMITS, timeout: httpx.Timeout = TIMEOUT
) -> httpx.AsyncClient:
    """A client whose paths start at `base_url`; close it with `aclose()`.

    It keeps no cookies and follows no redirects: nothing of one user's call reaches another's, and
    no token goes to a host that was not configured.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        transport=Transport(limits),
        timeout=timeout,
        headers=HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
    )
