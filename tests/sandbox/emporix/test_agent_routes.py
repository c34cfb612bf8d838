"""Agents, session logs and commerce events."""

from __future__ import annotations

import httpx
import pytest

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.emporix.state import EmporixState
from tests.sandbox.emporix.conftest import Login

AGENTIC = "/ai-service/acme/agentic"


async def test_agents_include_secrets_without_fields(
    acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """Without `fields`, an agent includes its prompts and tokens; with `fields`, it doesn't."""
    emporix_state.add_agent("acme", id="a", name={"en": "A"}, userPrompt="PRIVATE")
    whole = await acme.get(f"{AGENTIC}/agents")
    chosen = await acme.get(f"{AGENTIC}/agents", params={"fields": "id,name,type,enabled"})
    assert whole.json()[0]["userPrompt"] == "PRIVATE"
    assert chosen.json() == [{"id": "a", "name": {"en": "A"}, "type": "generic", "enabled": True}]


async def test_session_log(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A session has its log lines in order, and an unknown session is a 404."""
    emporix_state.add_job("acme", sessionId="s/1", status="failure")
    found = (await acme.get(f"{AGENTIC}/logs/sessions/s%2F1")).json()
    missing = await acme.get(f"{AGENTIC}/logs/sessions/s2")
    assert (found["sessionId"], found["severity"]) == ("s/1", "ERROR")
    assert found["agents"] == ["complaint-agent", "complaint-agent-categorization"]
    assert {"timestamp", "severity", "message"} <= set(found["messages"][0])
    assert (missing.status_code, missing.json()["resourceId"]) == (404, "s2")


async def test_session_of_a_bare_job(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A session whose job has no times and no agent still has a log."""
    emporix_state.add_job("acme", sessionId="s", metadata=None, agentId=None)
    assert (await acme.get(f"{AGENTIC}/logs/sessions/s")).json()["messages"] == []


async def test_request_logs(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """Requests are found by `q`, counted on demand, and have the lines of their job alone."""
    for number, status in enumerate(("success", "failure")):
        emporix_state.add_job("acme", sessionId="s", requestId=f"req-{number}", status=status)
    emporix_state.add_job("acme", sessionId="s")
    listed = await acme.get(
        f"{AGENTIC}/logs/requests",
        params={"q": "requestId:req-1", "pageSize": "1"},
        headers={"X-Total-Count": "true"},
    )
    (found,) = listed.json()
    assert listed.headers["X-Total-Count"] == "1"
    assert (found["id"], found["sessionId"], found["severity"]) == ("req-1", "s", "ERROR")
    assert found["collaborationAgents"] == ["complaint-agent-categorization"]
    assert {line["requestId"] for line in found["messages"]} == {"req-1"}
    assert (await acme.get(f"{AGENTIC}/logs/requests/req-1")).json() == found
    everything = (await acme.get(f"{AGENTIC}/logs/requests", params={"fields": "id"})).json()
    assert sorted(one["id"] for one in everything) == ["req-0", "req-1"]


async def test_request_logs_refuse_as_other_lists_do(acme: httpx.AsyncClient) -> None:
    """An invalid query is a 400, an unknown request a 404, and an unknown one in a list nothing."""
    malformed = await acme.get(f"{AGENTIC}/logs/requests", params={"q": "requestId:("})
    missing = await acme.get(f"{AGENTIC}/logs/requests/req-9")
    none = await acme.get(f"{AGENTIC}/logs/requests", params={"q": "requestId:req-9"})
    assert (malformed.status_code, missing.status_code, none.json()) == (400, 404, [])


async def test_commerce_events(acme: httpx.AsyncClient) -> None:
    """The events are one list of names."""
    events = (await acme.get(f"{AGENTIC}/commerce-events")).json()["events"]
    assert "product.product-updated" in events


def switch(value: object, op: str = "REPLACE", path: str = "/enabled") -> list[dict[str, object]]:
    """The body of a PATCH."""
    return [{"op": op, "path": path, "value": value}]


async def test_switch_an_agent(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A PATCH disables an agent, and changes its version and time."""
    emporix_state.add_agent("acme", id="a/1")
    switched = await acme.patch(f"{AGENTIC}/agents/a%2F1", json=switch(value=False))
    found = (await acme.get(f"{AGENTIC}/agents/a%2F1?fields=enabled,metadata")).json()
    assert (switched.status_code, switched.content) == (204, b"")
    assert (found["enabled"], found["metadata"]["version"]) == (False, 2)


@pytest.mark.parametrize(
    "body",
    [
        switch("false"),
        switch(value=False, op="replace"),
        switch(value=False, path="enabled"),
        [{"op": "REPLACE", "path": "/enabled"}],
        {"enabled": False},
        ["x"],
    ],
)
async def test_refused_changes_of_an_agent(
    body: object, acme: httpx.AsyncClient, emporix_state: EmporixState
) -> None:
    """A PATCH that isn't a list of replacements of known fields is a 400, and changes nothing."""
    before = emporix_state.add_agent("acme", id="a")
    refused = await acme.patch(f"{AGENTIC}/agents/a", json=body)
    assert refused.status_code == 400
    assert (await acme.get(f"{AGENTIC}/agents/a")).json() == before


async def test_agents_that_do_not_exist(acme: httpx.AsyncClient) -> None:
    """An unknown agent is a 404, for reads and changes."""
    answers = [
        await acme.get(f"{AGENTIC}/agents/a"),
        await acme.patch(f"{AGENTIC}/agents/a", json=switch(value=False)),
    ]
    assert [one.status_code for one in answers] == [404, 404]


async def test_switching_needs_a_scope(
    emporix: httpx.AsyncClient, emporix_state: EmporixState, login: Login
) -> None:
    """A key that may only read agents can't change them."""
    emporix_state.add_agent("acme", id="a")
    headers = await login(ACME_READ_ONLY)
    refused = await emporix.patch(f"{AGENTIC}/agents/a", json=switch(value=False), headers=headers)
    assert refused.status_code == 403
    assert emporix_state.tenant("acme").is_enabled("a")
