"""The client against the stand-in for Emporix."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from bot.domain.accounts import (
    DELETE_SCOPE,
    DELETE_SCOPES,
    READ_SCOPE,
    Caller,
    Connection,
    Credentials,
)
from bot.domain.filters import Filters
from bot.domain.jobs import RequestLog
from bot.emporix.client import EmporixClient
from bot.emporix.query import to_q
from bot.errors import (
    EmporixError,
    EmporixFailed,
    EmporixUnreadable,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProxyAnswered,
    RateLimited,
    Unauthorized,
)
from sandbox.emporix.app import create_app
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY, GLOBEX_OPERATIONS, Key
from sandbox.emporix.state import EmporixState
from sandbox.server import serving
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens


@pytest.fixture
def emporix_state() -> EmporixState:
    return EmporixState(lambda: NOW)


@pytest_asyncio.fixture
async def client(emporix_state: EmporixState, client_of: Clients) -> AsyncIterator[EmporixClient]:
    async with serving(create_app(emporix_state)) as url, client_of(url) as made:
        yield made


def with_key(key: Key = ACME_OPERATIONS, tenant: str = "acme") -> Connection:
    """A connection without a token."""
    credentials = Credentials(key.client_id, key.client_secret)
    return Connection(Caller("T1", "U1"), tenant, credentials, frozenset(key.scopes), NOW)


def token_requests(emporix_state: EmporixState) -> int:
    return sum(seen.path == "/oauth/token" for seen in emporix_state.requests)


async def test_scopes_of_a_key(client: EmporixClient) -> None:
    """A token has the tenant of its key, and says whether it may delete."""
    key = ACME_READ_ONLY
    token = await client.request_token(Credentials(key.client_id, key.client_secret), DELETE_SCOPES)
    assert (token.tenant, token.scopes) == ("acme", frozenset({READ_SCOPE}))
    key = GLOBEX_OPERATIONS
    token = await client.request_token(Credentials(key.client_id, key.client_secret), DELETE_SCOPES)
    assert (token.tenant, token.scopes) == ("globex", frozenset({READ_SCOPE, DELETE_SCOPE}))


async def test_wrong_secret(client: EmporixClient) -> None:
    """A wrong secret is refused."""
    with pytest.raises(Unauthorized):
        await client.request_token(Credentials(ACME_OPERATIONS.client_id, "wrong"))


async def test_pages(client: EmporixClient, emporix_state: EmporixState) -> None:
    """Paging through a list shows every job once, and has the total."""
    ids = [emporix_state.add_job("acme")["id"] for _ in range(5)]
    pages = [await client.list_jobs(with_key(), Filters(page=n, size=2)) for n in (1, 2, 3)]
    assert sorted(job.id for page in pages for job in page.jobs) == sorted(ids)
    assert [(page.total, page.has_more) for page in pages] == [(5, True), (5, True), (5, False)]


async def test_filters(client: EmporixClient, emporix_state: EmporixState) -> None:
    """List and search find the same jobs, by status, type, agent and words combined."""
    wished = emporix_state.add_job(
        "acme", status="failure", agentId="odd, (id)", message="A LATE refund."
    )
    emporix_state.add_job("acme", agentId="odd, (id)", message="a late refund")
    emporix_state.add_job("acme", status="failure", message="a late refund")
    emporix_state.add_job("acme", status="failure", agentId="odd, (id)", message="a late payment")
    filters = Filters(
        words=("late refund.",),
        statuses=("failure", "skipped"),
        types=("agent_chat",),
        agents=("odd, (id)",),
    )
    for find in (client.list_jobs, client.search_jobs):
        assert [job.id for job in (await find(with_key(), filters)).jobs] == [wished["id"]]


async def test_list_leaves_results_out(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A list does not contain the data of exports; the job itself does."""
    job = emporix_state.add_job(
        "acme", type="EXPORT", exportResult={"data": "e30=", "checksum": "c"}
    )
    [listed] = (await client.list_jobs(with_key(), Filters())).jobs
    whole = await client.get_job(with_key(), job["id"])
    assert listed.export_result is None
    assert whole.export_result
    assert whole.export_result.data == "e30="


async def test_odd_id(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A job with an unusual id is read and deleted like any other."""
    emporix_state.add_job("acme", id="job:a.b_c-1")
    assert (await client.get_job(with_key(), "job:a.b_c-1")).status == "success"
    assert await client.delete_job(with_key(), "job:a.b_c-1") is True
    assert emporix_state.jobs("acme") == []


async def test_delete(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A deleted job is gone, a second delete says so, and without the scope the job is kept."""
    job_id = emporix_state.add_job("acme")["id"]
    reader = with_key(ACME_READ_ONLY)
    reader = replace(reader, token=await client.request_token(reader.credentials))
    with pytest.raises(Forbidden):
        await client.delete_job(reader, job_id)
    assert await client.delete_job(with_key(), job_id) is True
    assert await client.delete_job(with_key(), job_id) is False
    with pytest.raises(NotFound):
        await client.get_job(with_key(), job_id)


async def test_delete_cut(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A DELETE that took effect and was cut is reported as deleted, not as already gone."""
    job_id = emporix_state.add_job("acme")["id"]
    emporix_state.faults.add(Fault("cut_after", method="DELETE"))
    assert await client.delete_job(with_key(), job_id) is True
    assert emporix_state.jobs("acme") == []


async def test_delete_with_a_false_success(
    client: EmporixClient, emporix_state: EmporixState
) -> None:
    """An empty 200 from a proxy does not count as a delete."""
    job_id = emporix_state.add_job("acme")["id"]
    emporix_state.faults.add(Fault("empty", method="DELETE"))
    with pytest.raises(EmporixUnreadable):
        await client.delete_job(with_key(), job_id)
    assert emporix_state.jobs("acme")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("status", 1, status=400), InvalidRequest),
        (Fault("status", 1, status=403), Forbidden),
        (Fault("status", 3, status=500), EmporixFailed),
        (Fault("html", 3), ProxyAnswered),
        *((Fault("html", 1, status=status), ProxyAnswered) for status in (400, 403, 404)),
        (Fault("html", 2, status=401), ProxyAnswered),
        (Fault("status", 3, status=408), EmporixFailed),
        (Fault("empty", 1), EmporixUnreadable),
        (Fault("truncated", 1), EmporixUnreadable),
        (Fault("cut_before", 3), EmporixUnreadable),
        (Fault("rate_limit", 3), RateLimited),
        (Fault("quota_500", 1, retry_after=60), RateLimited),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
async def test_faults(
    fault: Fault, kind: type[EmporixError], client: EmporixClient, emporix_state: EmporixState
) -> None:
    """Every fault has its error, takes no unnecessary attempt, and does not last."""
    emporix_state.add_job("acme")
    connected = with_key()
    await client.list_jobs(connected, Filters())
    emporix_state.faults.add(fault)
    with pytest.raises(kind):
        await client.list_jobs(connected, Filters())
    assert len(emporix_state.faults) == 0
    assert (await client.list_jobs(connected, Filters())).total == 1


async def test_tokens(
    client: EmporixClient, emporix_state: EmporixState, tokens: FakeTokens
) -> None:
    """A token is requested once, shared, replaced when it is revoked, and gone with its key."""
    await asyncio.gather(*(client.list_jobs(with_key(), Filters()) for _ in range(5)))
    assert token_requests(emporix_state) == 1
    emporix_state.expire_tokens()
    await client.list_jobs(with_key(), Filters())
    assert token_requests(emporix_state) == 2
    emporix_state.revoke(ACME_OPERATIONS)
    with pytest.raises(Unauthorized):
        await client.list_jobs(with_key(), Filters())


async def test_another_tenant(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A key of one tenant has no access to another."""
    emporix_state.add_job("globex")
    with pytest.raises((Unauthorized, Forbidden)):
        await client.list_jobs(with_key(tenant="globex"), Filters())


async def test_agents(client: EmporixClient, emporix_state: EmporixState) -> None:
    """Agents are listed with name, type, and whether they are enabled."""
    emporix_state.add_agent("acme", id="help", name={"en": "Help desk"}, enabled=False)
    [agent] = await client.list_agents(with_key())
    assert (agent.id, agent.name, agent.enabled) == ("help", "Help desk", False)


async def test_long_query_is_sent_in_the_body(
    client: EmporixClient, emporix_state: EmporixState
) -> None:
    """A query that exceeds 10 KB in an encoded URL is sent in a body."""
    emporix_state.add_job("acme", message="late")
    words = tuple(f"{number} (late)" for number in range(500))
    query = Filters(words=words)
    assert len(to_q(query)) > 9_000
    assert (await client.list_jobs(with_key(), query)).jobs == ()


async def test_requests_minimal_scopes(client: EmporixClient, emporix_state: EmporixState) -> None:
    """Only a delete requests a token that may delete; it is requested once and never stored."""
    first, second = emporix_state.add_job("acme")["id"], emporix_state.add_job("acme")["id"]
    await client.list_jobs(with_key(), Filters())
    await client.get_job(with_key(), first)
    await client.list_agents(with_key())
    assert emporix_state.tokens.asked == [{READ_SCOPE}]
    await client.delete_job(with_key(), first)
    await client.delete_job(with_key(), second)
    assert emporix_state.tokens.asked == [{READ_SCOPE}, {READ_SCOPE, DELETE_SCOPE}]
    stored = await client._tokens.load(with_key())
    assert stored
    assert stored.scopes == {READ_SCOPE}


async def test_another_key_has_another_token(
    client: EmporixClient, emporix_state: EmporixState
) -> None:
    """A token that may delete is used only with the key that it was issued for."""
    first, second = emporix_state.add_job("acme")["id"], emporix_state.add_job("acme")["id"]
    await client.delete_job(with_key(), first)
    with pytest.raises(Forbidden):
        await client.delete_job(with_key(ACME_READ_ONLY), second)
    assert len(emporix_state.jobs("acme")) == 1


@pytest.mark.parametrize("request_id", ["req-1", 'a "b" (c), null', "null", "ä\ud800"])
async def test_finds_the_log_of_a_request(
    client: EmporixClient, emporix_state: EmporixState, request_id: str
) -> None:
    """The log is that of the request with exactly this id, whatever characters it has."""
    stored = request_id.encode("utf-8", "replace").decode()
    for name in (stored, "req-2", f"{stored}0"):
        emporix_state.add_job("acme", requestId=name, status="failure")
    log = await client.find_request_log(with_key(), stored)
    assert {line.request_id for line in log.lines} == {stored}
    assert log.lines[-1].severity == "ERROR"
    assert log.duration == 0


async def test_a_request_without_a_log(client: EmporixClient, emporix_state: EmporixState) -> None:
    """A request that Emporix does not know has no lines, which is no error."""
    emporix_state.add_job("acme", requestId="req-2")
    assert await client.find_request_log(with_key(), "req-1") == RequestLog()
