"""Failures over real sockets: what the client retries, and which error it raises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from bot.domain.filters import Filters
from bot.emporix.client import EmporixClient
from bot.errors import (
    EmporixError,
    EmporixFailed,
    EmporixTimeout,
    EmporixUnreachable,
    EmporixUnreadable,
    Forbidden,
    InvalidRequest,
    NotFound,
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
    token,
)
from tests.emporix.test_http import closed_port

Call = Callable[[EmporixClient], Awaitable[object]]


async def get(client: EmporixClient) -> object:
    return await client.get_job(connection(), "j1")


async def list_(client: EmporixClient) -> object:
    return await client.list_jobs(connection(), Filters())


async def delete(client: EmporixClient) -> object:
    return await client.delete_job(connection(), "j1")


async def start(client: EmporixClient) -> object:
    return await client.start_agent(connection(), "a", "Again", "123e4567")


RUN = token("run")
"""The token for starting an agent, which is requested each time."""

HTML_OK, HTML_404 = (
    reply(b"<html>", status=status, headers={"Content-Type": "text/html"}) for status in (200, 404)
)

FAILURES: list[tuple[Call, list[Answer], type[EmporixError], int]] = [
    # Temporary failures of reads are repeated, unless Emporix asks for a long pause.
    (get, [cut] * 3, EmporixUnreadable, 3),
    (get, [silence] * 3, EmporixTimeout, 3),
    (get, [HTML] * 3, ProxyAnswered, 3),
    (get, [failing(429, Retry_After="60")], RateLimited, 1),
    # Empty, incomplete, malformed, deeply nested and oversized responses stay unreadable.
    *(
        (list_, [answer], EmporixUnreadable, 1)
        for answer in (
            *(reply(b""), HTML_OK, reply(b'[{"id": '), reply({"jobs": []}), reply([None])),
            reply(b'[{"message": ' + b"[" * 50_000),
            reply(b"x" * (10 * 1024 * 1024 + 1)),
            NO_CONTENT,
        )
    ),
    # Only Emporix's own 204 or 404 means that a job is gone; others lead to one look at the job.
    (delete, [failing(403)], Forbidden, 1),
    (delete, [failing(500), JOB], EmporixFailed, 2),
    (delete, [reply(b""), JOB], EmporixUnreadable, 2),
    (delete, [HTML_OK, JOB], EmporixUnreadable, 2),
    (delete, [HTML_404, JOB], EmporixUnreadable, 2),
    (delete, [reply(b"<html>", status=404), JOB], EmporixUnreadable, 2),
    # A refusal, or no token, means that the agent was not started.
    (start, [RUN, failing(400)], InvalidRequest, 2),
    (start, [RUN, failing(403)], Forbidden, 2),
    (start, [RUN, failing(404)], NotFound, 2),
    (start, [RUN, failing(429)], RateLimited, 2),
    (start, [failing(503)], EmporixFailed, 1),
    (start, [cut], EmporixUnreadable, 1),
]


@pytest.mark.parametrize(("call", "answers", "kind", "requests"), FAILURES)
async def test_failure(
    call: Call,
    answers: list[Answer],
    kind: type[EmporixError],
    requests: int,
    client_of: Clients,
) -> None:
    """A call that fails raises the error that fits, after no more requests than are safe."""
    async with scripted(*answers) as server, client_of(server.url) as client:
        with pytest.raises(kind) as caught:
            await call(client)
    assert caught.value.tenant == "acme"
    assert len(server.requests) == requests


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


async def test_unreachable(client_of: Clients) -> None:
    """An address where no server listens is unreachable."""
    with closed_port() as url:
        async with client_of(url) as client:
            with pytest.raises(EmporixUnreachable) as caught:
                await client.get_job(connection(), "j1")
    assert caught.value.tenant == "acme"


async def test_budget(client_of: Clients) -> None:
    """A call ends with its budget, however many attempts remain."""
    async with scripted(silence) as server, client_of(server.url, budget=0.1) as client:
        with pytest.raises(EmporixTimeout):
            await client.get_job(connection(), "j1")
    assert len(server.requests) == 1
