"""Over HTTP and in Socket Mode, the app sends Slack the same, request by request."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.delivery import deliver_event
from sandbox.slack.directory import ADA
from sandbox.slack.events import envelope
from sandbox.slack.person import Exchange, Person
from sandbox.stack import Transport, running_stack
from tests.harness.app import TRANSPORTS, AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.signed_requests import Poster
from tests.listeners.jobs.fixtures import add_jobs, job_id


async def tour(harness: AppHarness) -> AsyncIterator[Exchange]:
    """Use each kind of request, and each kind of answer in an ack."""
    ada = harness.ada
    yield await ada.command("/emporix help")  # text in the ack
    yield await ada.command("/emporix connect acme")
    yield await ada.submit({"Client ID": "wrong", "Client secret": "wrong"})  # field errors
    yield await ada.submit(
        {
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )
    yield await ada.command("/emporix jobs size:2")
    yield await ada.click("Next")
    yield await ada.shortcut("Search Emporix jobs")
    yield await ada.suggest("Agent", "c")  # options
    yield await ada.close()
    await ada.write(f"Please look at {job_id(3)}")
    yield await ada.shortcut("Find Emporix jobs")
    yield await ada.dismiss()
    yield await ada.open_home()  # an event
    yield await ada.command("/emporix disconnect")
    yield await ada.click("Disconnect")


def facts(exchange: Exchange) -> Any:
    """What the user sees and the app sent; an ack's text has another form over HTTP."""
    body = {"text": exchange.ack_body} if isinstance(exchange.ack_body, str) else exchange.ack_body
    more = (exchange.payloads, exchange.field_errors, list(exchange.options))
    return (exchange.ack_status, body, [message["text"] for message in exchange.messages], *more)


async def facts_by(transport: Transport, redis: Any, redis_url: str) -> list[Any]:
    await redis.flushall()
    async with open_app(redis, redis_url, FakeClock(), transport=transport) as harness:
        add_jobs(harness, 5)
        found = [facts(exchange) async for exchange in tour(harness)]
        kinds = {sent.envelope["type"] for sent in harness.workspace.socket_mode.sent}
        used = {"slash_commands", "interactive", "events_api"} if transport == "socket" else set()
        assert kinds == used
        assert harness.workspace.socket_mode.invalid_acks == []
    return found


def without_ids(found: list[Any]) -> Any:
    """The same without the random ids of triggers and views."""
    text = re.sub(r'"(trigger_id|view_id|hash)": "[^"]*"', r'"\1": ""', json.dumps(found))
    return json.loads(re.sub(r"post\.[0-9a-f]{40}", "post.mark", text))


async def test_both_transports_show_the_same(redis: Any, redis_url: str) -> None:
    """Each command, click, form, list of options and event has the same answer by both."""
    by_http = await facts_by("http", redis, redis_url)
    by_socket = await facts_by("socket", redis, redis_url)
    assert without_ids(by_socket) == without_ids(by_http)
    assert {exchange[0] for exchange in by_http} == {0, 200}  # 0: closing a form sends nothing
    assert any(exchange[4] for exchange in by_socket)
    assert any(exchange[5] for exchange in by_socket)


async def test_a_repeat_by_the_other_transport_is_recognized(redis: Any, redis_url: str) -> None:
    """If Slack repeats an event by another transport, it is handled once."""
    async with open_app(redis, redis_url, FakeClock(), transport="both") as harness:
        workspace, url = harness.workspace, harness.bot_url
        slack, poster = workspace.socket_mode, Poster(harness.http, url, "", harness.clock)
        opened = {"type": "app_home_opened", "user": ADA.id, "channel": "D0ADA", "tab": "home"}
        event = envelope(workspace, opened)
        views: list[int] = []
        for by_socket in (True, False, True):
            slack.is_enabled = by_socket
            ack = await deliver_event(harness.http, workspace, event)
            assert ack.status == 200
            await poster.settled()
            sent = workspace.journal.since(0, ADA.id)
            views.append([one.via for one in sent].count("views.publish"))
        assert views[0] > 0
        assert views == [views[0]] * 3


async def test_a_form_whose_answer_is_lost_stays_open(redis: Any, redis_url: str) -> None:
    """If Slack repeats a submission, its form does not close as if it had worked."""
    async with open_app(redis, redis_url, FakeClock(), transport="socket") as harness:
        ada, slack = harness.ada, harness.workspace.socket_mode
        await ada.command("/emporix connect acme")
        slack.cut_when_acknowledged = 1
        exchange = await ada.submit({"Client ID": "wrong", "Client secret": "wrong"})
        (words,) = exchange.field_errors.values()
        assert words.endswith("Check whether it worked before you submit again.")
        exchange = await ada.submit({"Client ID": "wrong", "Client secret": "wrong"})
        assert exchange.field_errors
        assert words not in exchange.field_errors.values()


async def test_http_works_while_socket_mode_is_turned_off(redis: Any, redis_url: str) -> None:
    """With both, a process stays ready without Socket Mode, says so, and answers over HTTP."""
    async with open_app(redis, redis_url, FakeClock(), transport="both") as harness:
        ready = await harness.http.get(f"{harness.bot_url}/readyz")
        assert ready.json() == {"status": "ok", "socket_mode": "connected"}
        await harness.workspace.socket_mode.disable_link()
        async with asyncio.timeout(10):
            while ready.json()["socket_mode"] == "connected":
                ready = await harness.http.get(f"{harness.bot_url}/readyz")
        assert ready.status_code == 200
        assert ready.json()["socket_mode"].startswith("link_disabled: turn on Socket Mode")
        assert (await harness.ada.command("/emporix help")).ack_status == 200


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_stack_of_the_demo_answers(tmp_path: Path, transport: Transport) -> None:
    """The demo's processes answer a command and a click by either transport."""
    async with (
        running_stack(tmp_path, transport=transport) as stack,
        httpx.AsyncClient(timeout=30) as http,
    ):
        ada = Person(http, stack.slack_url)
        assert "Jobs 1–" in (await ada.command("/emporix jobs")).messages[-1]["text"]
        assert (await ada.click("Next")).ack_status == 200
