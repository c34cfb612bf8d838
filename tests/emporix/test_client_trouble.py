"""Failures over real sockets: what the client retries, and which error it raises."""

from __future__ import annotations

from contextlib import suppress

import pytest

from bot.domain.filters import Filters
from bot.errors import (
    EmporixError,
    EmporixTimeout,
    EmporixUnreachable,
    EmporixUnreadable,
    ProxyAnswered,
    RateLimited,
)
from tests.emporix.conftest import Clients
from tests.emporix.fakes import connection
from tests.emporix.scripted import (
    HTML,
    JOB,
    JOBS,
    NO_CONTENT,
    NOT_HTTP,
    TRUNCATED,
    Answer,
    cut,
    failing,
    reply,
    scripted,
    silence,
)
from tests.emporix.test_http import closed_port


@pytest.mark.parametrize(
    "answer",
    [
        reply(b""),
        reply(b"<html>", headers={"Content-Type": "text/html"}),
        reply(b'[{"id": '),
        reply({"jobs": []}),
        reply([None]),
        reply(b'[{"message": ' + b"[" * 50_000),
        reply(b"x" * (10 * 1024 * 1024 + 1)),
        NO_CONTENT,
    ],
)
async def test_unreadable(answer: Answer, client_of: Clients) -> None:
    """HTML, empty, truncated, malformed and oversized responses are unreadable and not retried."""
    async with scripted(answer) as server, client_of(server.url) as client:
        with pytest.raises(EmporixUnreadable) as caught:
            await client.list_jobs(connection(), Filters())
    assert caught.value.tenant == "acme"
    assert len(server.requests) == 1


@pytest.mark.parametrize("nesting", [500, 900, 950, 980])
async def test_deep_nesting(nesting: int, client_of: Clients) -> None:
    """A message nested as deeply as possible is parsed as text, or unreadable."""
    body = b'{"id": "j1", "message": ' + b"[" * nesting + b"]" * nesting + b"}"
    async with scripted(reply(body)) as server, client_of(server.url) as client:
        with suppress(EmporixUnreadable):
            assert (await client.get_job(connection(), "j1")).message[0] == "["


@pytest.mark.parametrize("first", [cut, silence, NOT_HTTP, TRUNCATED, HTML, failing(500)])
async def test_reads_are_retried(first: Answer, client_of: Clients) -> None:
    """A read is retried after a temporary failure."""
    async with scripted(first, JOB) as server, client_of(server.url) as client:
        assert (await client.get_job(connection(), "j1")).id == "j1"
    async with scripted(first, JOBS) as server, client_of(server.url) as client:
        assert (await client.search_jobs(connection(), Filters())).total == 57


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(cut, EmporixUnreadable), (silence, EmporixTimeout), (HTML, ProxyAnswered)],
)
async def test_lasting_failure(
    answer: Answer, kind: type[EmporixError], client_of: Clients
) -> None:
    """A failure that persists is raised after three attempts."""
    async with scripted(*[answer] * 3) as server, client_of(server.url) as client:
        with pytest.raises(kind):
            await client.get_job(connection(), "j1")
    assert len(server.requests) == 3


async def test_unreachable(client_of: Clients) -> None:
    """An address where no server listens is unreachable."""
    with closed_port() as url:
        async with client_of(url) as client:
            with pytest.raises(EmporixUnreachable) as caught:
                await client.get_job(connection(), "j1")
    assert caught.value.tenant == "acme"


async def test_long_retry_after(client_of: Clients) -> None:
    """A long Retry-After is raised at once, with its seconds."""
    async with scripted(failing(429, Retry_After="60")) as server, client_of(server.url) as client:
        with pytest.raises(RateLimited) as caught:
            await client.get_job(connection(), "j1")
    assert caught.value.retry_after == 60
    assert len(server.requests) == 1


async def test_budget(client_of: Clients) -> None:
    """A call ends with its budget, however many attempts remain."""
    async with scripted(silence) as server, client_of(server.url, budget=0.1) as client:
        with pytest.raises(EmporixTimeout):
            await client.get_job(connection(), "j1")
    assert len(server.requests) == 1
