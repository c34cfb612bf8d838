"""A stand-in on a real socket, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from sandbox.emporix.app import create_app
from sandbox.emporix.keys import ACME_OPERATIONS, Key
from sandbox.emporix.state import EmporixState
from sandbox.server import serving
from sandbox.slack.exchange import tls

NOON = 1_769_601_600.0  # 2026-01-28T12:00:00Z


@dataclass
class Time:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


Login = Callable[[Key], Awaitable[dict[str, str]]]


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def emporix_state(clock: Time) -> EmporixState:
    return EmporixState(clock)


@pytest.fixture(scope="session")
def month() -> EmporixState:
    """The sample data of a month, shared between tests and therefore read-only."""
    return EmporixState.with_sample_data(Time())


@pytest.fixture
async def emporix(emporix_state: EmporixState) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(create_app(emporix_state)) as url,
        httpx.AsyncClient(verify=tls(), base_url=url, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def login(emporix: httpx.AsyncClient) -> Login:
    """Request a token with an API key, and return the headers for calls."""

    async def headers(key: Key) -> dict[str, str]:
        answer = await emporix.post(
            "/oauth/token",
            data={
                "grant_type": "client_credentials",
                "client_id": key.client_id,
                "client_secret": key.client_secret,
            },
        )
        token = answer.json()["access_token"]
        return {"Authorization": f"Bearer {token}", "Emporix-Tenant": key.tenant}

    return headers


@pytest.fixture
async def acme(emporix: httpx.AsyncClient, login: Login) -> httpx.AsyncClient:
    """A client with all scopes in the tenant acme."""
    emporix.headers.update(await login(ACME_OPERATIONS))
    return emporix
