"""Each endpoint over a real socket: requests and responses."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import READ_SCOPE, Credentials, Token
from bot.domain.filters import Filters
from bot.domain.jobs import Agent, Job
from bot.emporix.client import MAX_QUERY_STRING_BYTES, EmporixClient
from bot.emporix.http import http_client
from bot.emporix.models import LIST_FIELDS
from bot.errors import (
    EmporixError,
    EmporixFailed,
    EmporixTimeout,
    EmporixUnreadable,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthorized,
)
from tests.emporix.conftest import Clients
from tests.emporix.fakes import NOW, FakeTokens, connection
from tests.emporix.scripted import (
    GONE,
    JOB,
    JOBS,
    NO_CONTENT,
    Answer,
    Received,
    cut,
    failing,
    reply,
    scripted,
    silence,
    token,
)


def query_of(request: Received) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}


async def test_list(client_of: Clients) -> None:
    """A list sends all parameters without a documented default, and reads the total."""
    filters = Filters(statuses=("failure",), words=("late refund & é",), page=3, size=2)
    async with scripted(JOBS) as server, client_of(server.url) as client:
        page = await client.list_jobs(connection(), filters)
    [request] = server.requests
    assert (request.method, urlsplit(request.target).path) == ("GET", "/ai-service/acme/jobs")
    assert query_of(request) == {
        "q": r"status:FAILURE message:~(late refund \x26 é)",
        "pageSize": "2",
        "pageNumber": "3",
        "sort": "metadata.createdAt:DESC",
        "fields": ",".join(LIST_FIELDS),
    }
    assert request.headers["emporix-tenant"] == "acme"
    assert request.headers["x-total-count"] == "true"
    assert request.headers["authorization"] == "Bearer valid-token"
    assert [job.id for job in page.jobs] == ["j1", "j2"]
    assert (page.page, page.size, page.total, page.has_more) == (3, 2, 57, True)


async def test_list_of_everything(client_of: Clients) -> None:
    """Without filters no q is sent; page and size stay within Emporix's limits."""
    async with scripted(JOBS, JOBS) as server, client_of(server.url) as client:
        large = await client.list_jobs(connection(), Filters(page=0, size=999))
        await client.list_jobs(connection(), Filters(size=0, fields=("status", "id", "")))
    first, second = map(query_of, server.requests)
    assert "q" not in first
    assert (first["pageNumber"], first["pageSize"], large.size) == ("1", "50", 50)
    assert (second["pageSize"], second["fields"]) == ("1", "id,status")


@pytest.mark.parametrize("total", ["", "many", "-1", "²", "9" * 16, "9" * 5000])
async def test_list_without_total(total: str, client_of: Clients) -> None:
    """A missing, absurd or invalid total is unknown and does not break the list."""
    answer = reply([], headers={"X-Total-Count": total} if total else {})
    async with scripted(answer) as server, client_of(server.url) as client:
        assert (await client.list_jobs(connection(), Filters())).total is None


async def test_search(client_of: Clients) -> None:
    """A search sends its query in the body and other parameters in the URL."""
    async with scripted(JOBS) as server, client_of(server.url) as client:
        page = await client.search_jobs(connection(), Filters(raw_q='message:~"ü"', size=2))
    [request] = server.requests
    assert urlsplit(request.target).path == "/ai-service/acme/jobs/search"
    assert json.loads(request.body) == {"q": 'message:~"ü"'}
    assert request.headers["content-type"] == "application/json"
    assert set(query_of(request)) == {"pageSize", "pageNumber", "sort", "fields"}
    assert request.headers["x-total-count"] == "true"
    assert page.total == 57


async def test_long_query(client_of: Clients) -> None:
    """A list whose query is too long for a URL becomes a search."""
    words = ("é" * (MAX_QUERY_STRING_BYTES // 6),)
    async with scripted(JOBS) as server, client_of(server.url) as client:
        await client.list_jobs(connection(), Filters(words=words))
    assert server.requests[0].method == "POST"
    assert json.loads(server.requests[0].body) == {"q": f"message:~{words[0]}"}


async def test_get(client_of: Clients) -> None:
    """A job is read with all fields, or with the requested ones and its id."""
    async with scripted(JOB, reply({})) as server, client_of(server.url) as client:
        assert await client.get_job(connection(), "j1") == Job(id="j1", status="success")
        assert await client.get_job(connection(), "j2", ["status"]) == Job(id="j2")
    whole, part = server.requests
    assert whole.target == "/ai-service/acme/jobs/j1"
    assert query_of(part) == {"fields": "id,status"}


async def test_get_unknown(client_of: Clients) -> None:
    """The error for a missing job or agent has its kind and the requested id."""
    async with scripted(GONE, token("run"), GONE) as server, client_of(server.url) as client:
        with pytest.raises(NotFound) as job:
            await client.get_job(connection(), "wished")
        with pytest.raises(NotFound) as agent:
            await client.start_agent(connection(), "a", "Again", "123e4567")
    assert (job.value.resource, job.value.resource_id) == ("job", "wished")
    assert (agent.value.resource, agent.value.resource_id) == ("agent", "a")


@pytest.mark.parametrize("job_id", ["68835cc3ef4e8e1425c360ad", "job-1_2.x:3", "x" * 200])
async def test_ids(job_id: str, client_of: Clients) -> None:
    """An id is sent unchanged."""
    async with scripted(JOB) as server, client_of(server.url) as client:
        await client.get_job(connection(), job_id)
    assert server.targets == [f"GET /ai-service/acme/jobs/{job_id}"]


async def test_any_id() -> None:
    """Any id is one segment below /jobs/, even for a gateway that decodes `%2F`."""

    @settings(max_examples=60)
    @given(st.text(st.sampled_from("aZ09_.:-/\\%2F?#;\r\n ü"), min_size=1, max_size=8))
    @example("..%2F..")
    @example("../x")
    @example("a\n")
    def ids(job_id: str) -> None:
        wished.append(job_id)

    wished: list[str] = []
    ids()
    async with scripted(*[JOB] * len(wished)) as server, http_client(server.url) as http:
        client = EmporixClient(http, FakeTokens(), lambda: NOW)
        for job_id in wished:
            with suppress(InvalidInput):
                await client.get_job(connection(), job_id)
    arrived = [request.target.removeprefix("/ai-service/acme/jobs/") for request in server.requests]
    assert arrived
    assert set(arrived) <= set(wished)
    assert all(re.fullmatch(r"[A-Za-z0-9_.:-]+", one) and ".." not in one for one in arrived)


IMPOSSIBLE = ["", "..", "a..b", "../x", "a/b", "a%2Fb", "ü", "a b", "a\n", "\ud800", "x" * 201]


@pytest.mark.parametrize("job_id", IMPOSSIBLE)
async def test_impossible_ids(job_id: str, client_of: Clients) -> None:
    """An id that cannot be a path segment is never sent, as it would address something else."""
    async with scripted() as server, client_of(server.url) as client:
        with pytest.raises(InvalidInput) as raised:
            await client.get_job(connection(), job_id)
        assert raised.value.problem == "That isn't a job ID"
        with pytest.raises(InvalidInput):
            await client.delete_job(connection(), job_id)
    assert server.requests == []


@pytest.mark.parametrize("tenant", ["", ".", "..", "\ud800", "x" * 501])
async def test_impossible_tenants(tenant: str, client_of: Clients) -> None:
    """A tenant name that cannot be a path segment is never sent."""
    async with scripted() as server, client_of(server.url) as client:
        with pytest.raises(InvalidInput):
            await client.list_jobs(connection(tenant=tenant), Filters())
    assert server.requests == []


async def test_agents(client_of: Clients) -> None:
    """Only the required fields of agents are requested."""
    agents = reply([{"id": "a1", "name": {"en": "Help"}, "type": "complaint", "enabled": False}])
    async with scripted(agents) as server, client_of(server.url) as client:
        assert await client.list_agents(connection()) == (Agent("a1", "Help", "complaint", False),)
    [request] = server.requests
    assert urlsplit(request.target).path == "/ai-service/acme/agentic/agents"
    assert query_of(request) == {"fields": "id,name,type,enabled"}
    assert request.headers["emporix-tenant"] == "acme"


async def test_agent(client_of: Clients) -> None:
    """The state of one agent has its version, and its id is one segment of the path."""
    metadata = {"version": 7, "modifiedAt": "2026-11-28T09:00:00Z"}
    agent = reply({"id": "a/1", "name": "Help", "enabled": True, "metadata": metadata})
    async with scripted(agent) as server, client_of(server.url) as client:
        found = await client.get_agent(connection(), "a/1")
    assert found == Agent("a/1", "Help", "", True, 7, "2026-11-28T09:00:00Z")
    [request] = server.requests
    assert urlsplit(request.target).path == "/ai-service/acme/agentic/agents/a%2F1"
    assert query_of(request) == {"fields": "id,name,type,enabled,metadata"}


async def test_agent_without_a_version(client_of: Clients) -> None:
    """An agent without metadata, or with an unreadable version, has no known version."""
    odd = reply({"id": "a", "metadata": {"version": "new"}})
    async with scripted(reply({"id": "a"}), odd) as server, client_of(server.url) as client:
        found = [await client.get_agent(connection(), "a") for _ in range(2)]
    assert [(one.version, one.modified_at) for one in found] == [(0, ""), (0, "")]


async def test_switch_an_agent(client_of: Clients) -> None:
    """An agent is switched with a token that may change agents, which is requested for this."""
    narrow = Token("narrow", NOW + 3600, frozenset({READ_SCOPE}))
    manages = token("wide", scope="tenant=acme ai.agent_read ai.agent_manage")
    async with scripted(manages, NO_CONTENT) as server, client_of(server.url) as client:
        await client.switch_agent(connection(narrow), "a1", enabled=False)
    asked, switched = server.requests
    assert b"ai.agent_manage" in asked.body
    assert switched.target == "/ai-service/acme/agentic/agents/a1"
    assert switched.headers["authorization"] == "Bearer wide"
    assert json.loads(switched.body) == [{"op": "REPLACE", "path": "/enabled", "value": False}]


@pytest.mark.parametrize(
    ("answer", "kind", "may_have_worked"),
    [
        (cut, EmporixUnreadable, True),
        (silence, EmporixTimeout, True),
        (failing(500), EmporixFailed, True),
        (failing(503), EmporixFailed, True),
        (reply(b"{}"), EmporixUnreadable, True),
        (failing(429), RateLimited, False),
        (failing(403), Forbidden, False),
        (failing(404), NotFound, False),
    ],
)
async def test_switch_an_agent_once(
    answer: Answer, kind: type[EmporixError], may_have_worked: bool, client_of: Clients
) -> None:
    """A switch is sent once, and its error says whether it may have worked."""
    async with scripted(answer, NO_CONTENT) as server, client_of(server.url) as client:
        with pytest.raises(kind) as caught:
            await client.switch_agent(connection(), "a1", enabled=True)
    assert caught.value.may_have_worked is may_have_worked
    assert len(server.requests) == 1


async def test_token(client_of: Clients) -> None:
    """A token can be requested without a connection."""
    async with scripted(cut, token("new")) as server, client_of(server.url) as client:
        given = await client.request_token(Credentials("the-id", "the-secret"))
    assert (given.value, given.tenant, given.expires_at) == ("new", "acme", NOW + 14399)
    assert server.targets == ["POST /oauth/token"] * 2


async def test_token_refused(client_of: Clients) -> None:
    """A wrong key raises Unauthorized at once."""
    async with scripted(failing(401)) as server, client_of(server.url) as client:
        with pytest.raises(Unauthorized):
            await client.request_token(Credentials("the-id", "wrong"))
