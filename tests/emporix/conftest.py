"""Clients on real sockets, and retries without waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import stamina

from bot.emporix.client import EmporixClient
from bot.emporix.http import MAX_CALL_ATTEMPTS, http_client
from tests.emporix.fakes import NOW, FakeTokens

QUICK = httpx.Timeout(2, read=0.3)

Clients = Callable[..., AbstractAsyncContextManager[EmporixClient]]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retry as often as in production, without the pauses."""
    with stamina.set_testing(True, attempts=MAX_CALL_ATTEMPTS, cap=True):
        yield


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


@pytest.fixture
def client_of(tokens: FakeTokens) -> Clients:
    """A client of the server at a URL: `async with client_of(url) as client`."""

    @asynccontextmanager
    async def make(url: str, budget: float = 8) -> AsyncIterator[EmporixClient]:
        async with http_client(url, timeout=QUICK) as http:
            yield EmporixClient(http, tokens, lambda: NOW, budget=budget)

    return make
