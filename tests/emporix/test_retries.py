"""What is retried, how often, and when not."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import stamina

from bot.emporix.http import MAX_CALL_ATTEMPTS, call_with_retries
from bot.errors import (
    EmporixError,
    EmporixFailed,
    EmporixUnreadable,
    NotFound,
    ProxyAnswered,
    RateLimited,
    Unauthorized,
)


class Calls:
    """Fails with `error` the first `failing` times."""

    def __init__(self, error: Exception, failing: int = 1) -> None:
        self.error, self.failing, self.made = error, failing, 0

    async def __call__(self) -> str:
        self.made += 1
        if self.made <= self.failing:
            raise self.error
        return "done"


def slowed(seconds: float | None, kind: type[EmporixError] = RateLimited) -> EmporixError:
    error = kind(status=429 if kind is RateLimited else 503)
    error.retry_after = seconds
    return error


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("late"),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadError("truncated"),
        EmporixFailed(status=500),
        EmporixFailed(status=502),
        EmporixFailed(status=503),
        EmporixFailed(status=504),
        EmporixFailed(status=507),
        *(ProxyAnswered(status=status) for status in range(520, 527)),
        slowed(None),
        slowed(0),
        slowed(5),
    ],
    ids=repr,
)
async def test_temporary_failure(error: Exception) -> None:
    """A temporary failure is retried."""
    calls = Calls(error)
    assert await call_with_retries(calls) == "done"
    assert calls.made == 2


@pytest.mark.parametrize(
    "error",
    [
        NotFound(status=404),
        Unauthorized(status=401),
        EmporixFailed(status=501),
        EmporixUnreadable(status=200),
        httpx.UnsupportedProtocol("ftp"),
        ValueError("ours"),
    ],
    ids=repr,
)
async def test_permanent_failure(error: Exception) -> None:
    """A permanent failure is raised at once."""
    calls = Calls(error)
    with pytest.raises(type(error)):
        await call_with_retries(calls)
    assert calls.made == 1


async def test_changing_call() -> None:
    """A call that changes something is not retried after a 500, but after a gateway's 503."""
    with pytest.raises(EmporixFailed):
        await call_with_retries(Calls(EmporixFailed(status=500)), reads=False)
    assert await call_with_retries(Calls(EmporixFailed(status=503)), reads=False) == "done"


async def test_attempts() -> None:
    """After three attempts the last failure is raised."""
    calls = Calls(EmporixFailed(status=503), failing=99)
    with pytest.raises(EmporixFailed):
        await call_with_retries(calls)
    assert calls.made == MAX_CALL_ATTEMPTS == 3


@pytest.mark.parametrize("kind", [RateLimited, EmporixFailed, ProxyAnswered])
async def test_retry_after_beyond_the_budget(kind: type[EmporixError]) -> None:
    """A Retry-After longer than the remaining budget is raised at once."""
    calls = Calls(slowed(7.5, kind))
    with pytest.raises(kind):
        await call_with_retries(calls, budget=8)
    assert calls.made == 1


async def test_retry_after_is_respected() -> None:
    """The next attempt is not sent before Emporix's Retry-After."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    with stamina.set_testing(False):
        assert await call_with_retries(Calls(slowed(0.2))) == "done"
    assert loop.time() - start >= 0.2


async def test_budget() -> None:
    """The whole call ends with its budget, even during an attempt."""

    async def endless() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        await call_with_retries(endless, budget=0.05)
