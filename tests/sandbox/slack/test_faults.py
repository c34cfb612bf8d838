"""Faults of Slack occur as often as requested; then it works again."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.faults import Fault, Kind
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace


@pytest.fixture
async def post(http: httpx.AsyncClient, slack_url: str) -> Any:
    async def call() -> httpx.Response:
        return await http.post(
            f"{slack_url}/api/chat.postMessage",
            json={"channel": "C0GENERAL", "text": "Hello"},
            headers={"Authorization": "Bearer xoxb-sandbox-bot"},
        )

    return call


@pytest.mark.parametrize(("kind", "status"), [("status", 500), ("rate_limit", 429), ("html", 502)])
async def test_a_fault_occurs_as_often_as_requested(
    post: Any, ada: Person, workspace: Workspace, kind: Kind, status: int
) -> None:
    """With a fault nothing is posted; after it, posting works again."""
    workspace.faults.add(Fault(kind, times=2, method="chat.postMessage"))
    answers = [await post() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert len(await ada.messages()) == 1


async def test_a_rate_limit_says_when_to_come_back(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """slack_sdk sees Retry-After and the error ratelimited."""
    workspace.faults.add(Fault("rate_limit", retry_after=7))
    with pytest.raises(SlackApiError) as refused:
        await web.auth_test()
    response = refused.value.response
    assert (response["error"], response.headers["Retry-After"]) == ("ratelimited", "7")


@pytest.mark.parametrize(("kind", "posted"), [("cut_before", 0), ("cut_after", 1)])
async def test_a_cut_connection_gives_no_answer(
    post: Any, ada: Person, workspace: Workspace, kind: Kind, posted: int
) -> None:
    """A cut connection doesn't show whether the message was posted."""
    workspace.faults.add(Fault(kind, method="chat.postMessage"))
    with pytest.raises(httpx.RemoteProtocolError):
        await post()
    assert len(await ada.messages()) == posted


async def test_a_delay_comes_before_the_answer(post: Any, workspace: Workspace) -> None:
    """A delayed call succeeds."""
    workspace.faults.add(Fault("delay", seconds=0.05))
    answer = await post()
    assert answer.json()["ok"]
    assert answer.elapsed.total_seconds() >= 0.05


async def test_response_urls_can_go_wrong_too(
    http: httpx.AsyncClient, slack_url: str, workspace: Workspace
) -> None:
    """A fault for response_url doesn't affect the Web API or count as a use."""
    workspace.faults.add(Fault("status", method="response_url", status=503))
    url = slack_url + workspace.response_urls.new("U0ADA", "C0GENERAL")
    answers = [(await http.post(url, json={"text": "x"})).status_code for _ in range(6)]
    assert answers == [503, 200, 200, 200, 200, 200]


async def test_a_fault_for_another_method_waits(post: Any, workspace: Workspace) -> None:
    """A fault applies only to its method."""
    workspace.faults.add(Fault("status", method="chat.update"))
    assert (await post()).status_code == 200
    assert len(workspace.faults) == 1


async def test_faults_are_ordered_and_cancelled_over_http(
    http: httpx.AsyncClient, slack_url: str, workspace: Workspace
) -> None:
    """Faults can be added and cleared with the control endpoints."""
    order = {"kind": "delay", "times": 3, "seconds": 1}
    assert (await http.post(f"{slack_url}/sandbox/faults", json=order)).is_success
    assert len(workspace.faults) == 1
    assert (await http.delete(f"{slack_url}/sandbox/faults")).is_success
    assert len(workspace.faults) == 0
