"""response_urls: five uses in 30 minutes, and only those of a click can replace a message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.conftest import StillClock
from tests.sandbox.slack.samples import section


@pytest.fixture
def of_command(workspace: Workspace, slack_url: str) -> str:
    return slack_url + workspace.response_urls.new("U0ADA", "C0GENERAL")


@pytest.fixture
def of_click(workspace: Workspace, slack_url: str) -> str:
    shown = workspace.messages.add("C0GENERAL", "A list", [], only_for="U0ADA")
    return slack_url + workspace.response_urls.new("U0ADA", "C0GENERAL", shown.ts)


async def texts(person: Person) -> list[str]:
    return [message["text"] for message in await person.messages()]


async def test_it_is_used_five_times(http: httpx.AsyncClient, of_command: str) -> None:
    """The sixth use is a 404."""
    said = [(await http.post(of_command, json={"text": "x"})).text for _ in range(6)]
    assert said == ["ok"] * 5 + ["used_url"]
    assert (await http.post(of_command, json={"text": "x"})).status_code == 404


async def test_it_lives_half_an_hour(
    http: httpx.AsyncClient, of_command: str, clock: StillClock
) -> None:
    """After 30 minutes, it is a 404."""
    clock.advance(30 * 60)
    assert (await http.post(of_command, json={"text": "x"})).status_code == 200
    clock.advance(0.001)
    late = await http.post(of_command, json={"text": "x"})
    assert (late.status_code, late.text) == (404, "expired_url")


async def test_a_made_up_one_is_not_there(http: httpx.AsyncClient, slack_url: str) -> None:
    """An invented response_url is a 404."""
    answer = await http.post(f"{slack_url}/commands/T0ACME/1/2", json={"text": "x"})
    assert answer.status_code == 404


async def test_an_answer_is_private_unless_it_says_otherwise(
    http: httpx.AsyncClient, of_command: str, ada: Person, grace: Person
) -> None:
    """response_type decides who sees the message; the default is ephemeral."""
    await http.post(of_command, json={"text": "for me"})
    await http.post(of_command, json={"text": "for all", "response_type": "in_channel"})
    assert await texts(ada) == ["for me", "for all"]
    assert await texts(grace) == ["for all"]


async def test_a_click_can_replace_its_message(
    http: httpx.AsyncClient, of_click: str, ada: Person
) -> None:
    """A click can replace its message, even an ephemeral one."""
    before = await ada.messages()
    await http.post(of_click, json={"text": "Page 2", "replace_original": True})
    after = await ada.messages()
    assert [m["ts"] for m in after] == [m["ts"] for m in before]
    assert [m["text"] for m in after] == ["Page 2"]


async def test_a_click_can_delete_its_message(
    http: httpx.AsyncClient, of_click: str, ada: Person
) -> None:
    """delete_original needs no text, and a deleted message can't be replaced."""
    assert (await http.post(of_click, json={"delete_original": True})).text == "ok"
    assert await ada.messages() == []
    late = await http.post(of_click, json={"text": "x", "replace_original": True})
    assert (late.status_code, late.text) == (404, "message_not_found")


async def test_a_command_has_nothing_to_replace(
    http: httpx.AsyncClient, of_command: str, ada: Person
) -> None:
    """replace_original with a command's response_url posts a new message."""
    for text in ("Loading", "Done"):
        await http.post(of_command, json={"text": text, "replace_original": True})
    assert await texts(ada) == ["Loading", "Done"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "no_text"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 3000)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "response_type": "loud"}, "invalid_response_type"),
    ],
)
async def test_invalid_messages_are_refused(
    http: httpx.AsyncClient, of_command: str, ada: Person, body: dict[str, Any], error: str
) -> None:
    """An invalid message is a 400 with Slack's error, and nothing is shown."""
    answer = await http.post(of_command, json=body)
    assert (answer.status_code, answer.text) == (400, error)
    assert await ada.messages() == []


async def test_the_official_client_can_answer(of_command: str, ada: Person) -> None:
    """slack_sdk's webhook client works."""
    answer = await AsyncWebhookClient(of_command).send(text="Hello", blocks=[section()])
    assert answer.status_code == 200
    assert await texts(ada) == ["Hello"]
