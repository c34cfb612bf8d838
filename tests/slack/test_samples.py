"""Slack's sample requests, from the HTTP endpoint to the answer that the user sees."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

import bot.listeners
from bot.rendering import buttons
from bot.rendering.buttons import TenantButton
from bot.slack.decorators import discover
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import ADA
from tests.harness import sample_requests
from tests.harness.app import AppHarness
from tests.harness.logs import log_to_stderr
from tests.harness.signed_requests import Poster


def url_of(harness: AppHarness, original: str = "") -> str:
    """A valid response_url for Ada."""
    return harness.slack_url + harness.workspace.response_urls.new(ADA.id, "C0GENERAL", original)


def told(harness: AppHarness) -> list[str]:
    """All texts sent to Ada, by any method."""
    sent = harness.workspace.journal.since(0, ADA.id)
    return [entry.payload["text"] for entry in sent if "text" in entry.payload]


async def test_handles_a_command_of_an_organization(harness: AppHarness, poster: Poster) -> None:
    """Slack's sample of a slash command is answered through its response_url."""
    answer = await poster.command(sample_requests.command("tenants", url_of(harness)))
    assert (answer.status_code, answer.text) == (200, "")
    await poster.settled()
    (text,) = told(harness)
    assert "You're not connected to Emporix." in text


async def test_distinguishes_organizations(harness: AppHarness, poster: Poster) -> None:
    """The same team and user ids in another Enterprise Grid are another user."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    await poster.command(sample_requests.command("tenants", url_of(harness)))
    await poster.settled()
    assert "not connected" in told(harness)[-1]


async def test_handles_the_word_payload(harness: AppHarness, poster: Poster) -> None:
    """A command may contain the word "payload"."""
    answer = await poster.command(
        sample_requests.command("jobs search payload={}", url_of(harness))
    )
    assert answer.status_code == 200
    await poster.settled()
    assert "not connected" in told(harness)[-1]


async def test_handles_a_button(harness: AppHarness, poster: Poster) -> None:
    """Slack's sample of a click is answered where it was clicked."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    value = TenantButton(tenant="acme").value
    answer = await poster.interaction(
        sample_requests.block_actions(buttons.JOBS_LIST_ALL, value, url_of(harness))
    )
    assert (answer.status_code, answer.text) == (200, "")
    await poster.settled()
    assert told(harness)[-1].startswith("No jobs.")


@pytest.mark.parametrize("action_id", ["jobs.launch.now", ""])
async def test_explains_a_button_without_a_listener(
    harness: AppHarness, poster: Poster, action_id: str
) -> None:
    """A button without a listener is explained as outdated."""
    payload = sample_requests.block_actions(action_id, "", url_of(harness))
    assert (await poster.interaction(payload)).status_code == 200
    await poster.settled()
    assert "too old" in told(harness)[-1]


async def test_explains_an_old_button_once(harness: AppHarness, poster: Poster) -> None:
    """A repeated click on an outdated button is explained once."""
    payload = sample_requests.block_actions("jobs.launch.now", "", url_of(harness))
    for _ in range(3):
        assert (await poster.interaction(payload)).status_code == 200
    await poster.settled()
    assert len(told(harness)) == 1


@pytest.mark.parametrize("action_id", [buttons.JOBS_LIST_ALL, "jobs.launch.now"])
async def test_handles_a_button_in_the_home_tab(
    harness: AppHarness, poster: Poster, action_id: str
) -> None:
    """A click in the Home tab is answered at the top of the tab."""
    value = TenantButton(tenant="acme").value
    assert (
        await poster.interaction(sample_requests.home_action(action_id, value, "V1"))
    ).status_code == 200
    await poster.settled()
    assert harness.workspace.seen_by(ADA) == []
    home = harness.workspace.views.home(ADA.id)
    assert home is not None
    assert home.content["blocks"][0]["block_id"].startswith("error.")


async def test_handles_a_submission_with_empty_fields(poster: Poster) -> None:
    """An empty field, null in Slack's sample, gets an error under the field."""
    values = {"tenant": None, "client_id": "x", "client_secret": None}
    answer = await poster.interaction(
        sample_requests.view_submission(buttons.CONNECT_SUBMIT, values)
    )
    assert answer.status_code == 200
    assert answer.json()["response_action"] == "errors"
    assert answer.json()["errors"].keys() == {"tenant"}


@pytest.mark.parametrize("state", [None, {}, {"values": None}])
async def test_handles_a_submission_without_fields(poster: Poster, state: Any) -> None:
    """A form with missing fields is not blamed on the user."""
    payload = sample_requests.view_submission(buttons.CONNECT_SUBMIT, {})
    payload["view"]["state"] = state
    answer = await poster.interaction(payload)
    assert (answer.status_code, answer.json()["response_action"]) == (200, "update")


@pytest.mark.parametrize("callback_id", ["connect.long.ago", ""])
async def test_explains_a_form_without_a_listener(poster: Poster, callback_id: str) -> None:
    """A form without a listener is explained as outdated."""
    answer = await poster.interaction(sample_requests.view_submission(callback_id, {}))
    assert (answer.status_code, answer.json()["response_action"]) == (200, "update")
    assert "too old" in json.dumps(answer.json()["view"])


async def test_logs_nothing_of_a_request(
    harness: AppHarness, poster: Poster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log contains no text of a request, even at DEBUG."""
    secret = "very-private-words"
    command = sample_requests.command(f"conect {secret}", url_of(harness))
    with log_to_stderr():
        await poster.command(command)
        await poster.command(sample_requests.command(f"jobs search {secret}", url_of(harness)))
        await poster.interaction(sample_requests.block_actions(secret, secret, url_of(harness)))
        await poster.interaction(sample_requests.view_submission(secret, {"tenant": secret}))
        await poster.post(f"payload={{{secret}".encode())
        await poster.post(f"command=%2F{secret}".encode())
        forged = str(httpx.QueryParams(command))
        await harness.http.post(f"{harness.bot_url}/slack/events", content=forged)
        await poster.settled()
    written = capsys.readouterr().err
    assert "refused requests" in written
    assert "outdated_button" in written
    private = [
        secret,
        sample_requests.TOKEN,
        sample_requests.TRIGGER_ID,
        "/commands/",
        harness.workspace.bot_token,
    ]
    assert [word for word in private if word in written] == []


async def test_logs_nothing_that_is_typed_after_a_command(
    harness: AppHarness, poster: Poster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A secret typed after any command is never logged."""
    secret = "verysecret0words"
    await harness.connect(harness.ada, ACME_OPERATIONS)
    with log_to_stderr():
        for words in discover(bot.listeners).commands:
            for typed in (secret, f"tenant:{secret}", f"status:{secret}", f"{secret}:x"):
                await harness.ada.command(f"/emporix {words} {typed}")
    written = capsys.readouterr().err
    assert "answered with not_connected: connected to acme" in written
    assert secret not in written
