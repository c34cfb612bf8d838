"""Agents, chats, session logs and commerce events."""

from __future__ import annotations

import httpx
import pytest

from sandbox.emporix.keys import ACME_OPERATIONS, MANAGE, READ, Key
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


SESSION = "123e4567-e89b-12d3-a456-426614174000"
CHAT = {"agentId": "a", "message": "Where is EON1031?"}


async def test_a_chat_starts_a_job(acme: httpx.AsyncClient, emporix_state: EmporixState) -> None:
    """A chat returns the id of a running job with its session; a repeated one starts another."""
    emporix_state.add_agent("acme", id="a", type="complaint")
    chats = [
        await acme.post(f"{AGENTIC}/chat-async", json=CHAT, headers={"session-id": SESSION})
        for _ in range(2)
    ]
    assert [chat.status_code for chat in chats] == [201, 201]
    ids = [chat.json()["jobId"] for chat in chats]
    assert len(set(ids)) == 2
    job = (await acme.get(f"/ai-service/acme/jobs/{ids[0]}")).json()
    assert (job["status"], job["sessionId"]) == ("in_progress", SESSION)
    assert (job["agentId"], job["agentType"]) == ("a", "complaint")
    assert job["message"] == CHAT["message"]
    other = (await acme.post(f"{AGENTIC}/chat-async", json=CHAT)).json()["jobId"]
    made = (await acme.get(f"/ai-service/acme/jobs/{other}")).json()["sessionId"]
    assert made not in ("", SESSION)


@pytest.mark.parametrize(
    ("changes", "session", "status"),
    [
        ({"agentId": "unknown"}, SESSION, 404),
        ({"agentId": ""}, SESSION, 400),
        ({"agentId": "off"}, SESSION, 400),
        ({"message": " "}, SESSION, 400),
        ({"message": None}, SESSION, 400),
        ({}, "no-uuid", 400),
    ],
)
async def test_chats_are_checked(
    acme: httpx.AsyncClient,
    emporix_state: EmporixState,
    changes: dict[str, object],
    session: str,
    status: int,
) -> None:
    """A chat needs a known agent that is enabled, a message, and a UUID as its session."""
    emporix_state.add_agent("acme", id="a")
    emporix_state.add_agent("acme", id="off", enabled=False)
    chat = await acme.post(
        f"{AGENTIC}/chat-async", json=CHAT | changes, headers={"session-id": session}
    )
    assert chat.status_code == status
    assert emporix_state.jobs("acme") == []


async def test_chats_need_their_scope(
    emporix: httpx.AsyncClient, login: Login, emporix_state: EmporixState
) -> None:
    """The scope that changes agents does not start them."""
    emporix_state.add_key(key := Key("manager", "manager-secret", "acme", (READ, MANAGE)))
    emporix_state.add_agent("acme", id="a")
    refused = await emporix.post(f"{AGENTIC}/chat-async", json=CHAT, headers=await login(key))
    assert refused.status_code == 403
    accepted = await emporix.post(
        f"{AGENTIC}/chat-async", json=CHAT, headers=await login(ACME_OPERATIONS)
    )
    assert accepted.status_code == 201
