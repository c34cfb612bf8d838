"""An answer reaches the user, even if their response_url has expired."""

from __future__ import annotations

import json

import pytest

from bot.slack.reply import _is_slacks, _to_json
from sandbox.slack.directory import ADA
from sandbox.slack.faults import Fault
from sandbox.slack.response_urls import LIFE_SECONDS, USES
from tests.emporix.scripted import reply, scripted
from tests.harness import sample_requests
from tests.harness.app import AppHarness
from tests.harness.signed_requests import Poster

GENERAL, SECRET = "C0GENERAL", "C0SECRET"


def response_url(harness: AppHarness, channel_id: str = GENERAL) -> str:
    return harness.workspace.response_urls.new(ADA.id, channel_id)


def spent(harness: AppHarness, channel_id: str = GENERAL) -> str:
    path = response_url(harness, channel_id)
    for _ in range(USES):
        harness.workspace.response_urls.spend(path)
    return path


async def ask(
    harness: AppHarness, poster: Poster, path: str, channel_id: str = GENERAL
) -> list[str]:
    """The methods that were tried to answer /emporix tenants."""
    command = sample_requests.command("tenants", harness.slack_url + path) | {
        "channel_id": channel_id
    }
    assert (await poster.command(command)).status_code == 200
    await poster.settled()
    return [sent.via for sent in harness.workspace.journal.since(0, ADA.id)]


def seen(harness: AppHarness) -> list[tuple[str, str]]:
    """Where Ada sees the answer, which no other user sees."""
    return [
        (message.channel_id, message.only_for)
        for message in harness.workspace.seen_by(ADA)
        if "not connected" in message.text
    ]


async def test_goes_to_the_response_url(harness: AppHarness, poster: Poster) -> None:
    """The response_url is used first: one request, visible only to the user."""
    assert await ask(harness, poster, response_url(harness)) == ["response_url"]
    assert seen(harness) == [(GENERAL, ADA.id)]


async def test_is_ephemeral_when_the_response_url_is_spent(
    harness: AppHarness, poster: Poster
) -> None:
    """After five uses of the response_url, the answer is an ephemeral message."""
    ways = await ask(harness, poster, spent(harness))
    assert ways == ["response_url", "chat.postEphemeral"]
    assert seen(harness) == [(GENERAL, ADA.id)]


async def test_is_ephemeral_when_the_response_url_has_expired(
    harness: AppHarness, poster: Poster
) -> None:
    """After half an hour, the answer is an ephemeral message."""
    path = response_url(harness)
    harness.clock.forward(LIFE_SECONDS + 1)
    assert await ask(harness, poster, path) == ["response_url", "chat.postEphemeral"]
    assert seen(harness) == [(GENERAL, ADA.id)]


async def test_is_a_direct_message_in_a_channel_without_the_bot(
    harness: AppHarness, poster: Poster
) -> None:
    """In a channel without the bot, the answer is a direct message."""
    ways = await ask(harness, poster, spent(harness, SECRET), SECRET)
    assert ways == ["response_url", "chat.postEphemeral", "chat.postMessage"]
    assert seen(harness) == [(harness.workspace.directory.direct(ADA).id, "")]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="response_url", status=500),
        Fault("rate_limit", method="response_url", retry_after=600),
        Fault("html", method="response_url"),
        Fault("cut_before", method="response_url", times=2),
    ],
    ids=lambda fault: fault.kind,
)
async def test_uses_another_method_if_the_response_url_fails(
    harness: AppHarness, poster: Poster, fault: Fault
) -> None:
    """An error of the response_url doesn't lose the answer."""
    harness.workspace.faults.add(fault)
    assert await ask(harness, poster, response_url(harness)) == ["chat.postEphemeral"]
    assert seen(harness) == [(GENERAL, ADA.id)]


async def test_waits_a_moment_when_slack_asks_for_it(harness: AppHarness, poster: Poster) -> None:
    """The app waits for a short Retry-After."""
    harness.workspace.faults.add(Fault("rate_limit", method="chat.postEphemeral", retry_after=0))
    assert await ask(harness, poster, spent(harness)) == ["response_url", "chat.postEphemeral"]
    assert seen(harness) == [(GENERAL, ADA.id)]


@pytest.mark.parametrize("retry_after", ["600", "31536000", "9" * 400])
async def test_does_not_wait_for_long(
    harness: AppHarness, poster: Poster, retry_after: str
) -> None:
    """The app doesn't wait for a long Retry-After, but tries the next method."""
    limited = Fault("rate_limit", method="chat.postEphemeral", retry_after=retry_after)  # type: ignore[arg-type]
    harness.workspace.faults.add(limited)
    assert await ask(harness, poster, spent(harness)) == ["response_url", "chat.postMessage"]
    assert seen(harness) == [(harness.workspace.directory.direct(ADA).id, "")]


async def test_logs_an_answer_that_cannot_be_delivered(
    harness: AppHarness, poster: Poster, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that can't be delivered is logged."""
    for method in ("response_url", "chat.postEphemeral", "chat.postMessage"):
        harness.workspace.faults.add(Fault("rate_limit", 9, method=method, retry_after=600))
    assert await ask(harness, poster, response_url(harness)) == []
    assert "could not answer the user: Slack answered ratelimited" in caplog.text


async def test_is_a_direct_message_without_an_address(harness: AppHarness, poster: Poster) -> None:
    """Without a response_url and a channel, the answer is a direct message."""
    assert await ask(harness, poster, "", "") == ["chat.postMessage"]
    assert seen(harness) == [(harness.workspace.directory.direct(ADA).id, "")]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/commands/1",
        "http://127.0.0.1.example.com:{port}/",
        "http://hooks.slack.com@localhost:{port}/",
        "http://hooks.slack.com:{port}/commands/1",
        "https://hooks.slack.com.localhost:{port}/",
        "https://notslack.com:{port}/",
        "ftp://127.0.0.1:{port}/",
        "http://[:{port}/",
    ],
)
async def test_posts_to_no_host_but_slacks(
    harness: AppHarness, poster: Poster, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A response_url on a foreign host is ignored, and the user still gets an answer."""
    async with scripted() as elsewhere:
        port = elsewhere.url.rpartition(":")[2]
        command = sample_requests.command("tenants", url.format(port=port)) | {
            "channel_id": GENERAL
        }
        await poster.command(command)
        await poster.settled()
        assert elsewhere.connections == 0
    assert "its host is not Slack's" in caplog.text
    assert seen(harness) == [(GENERAL, ADA.id)]


async def test_follows_no_redirect_of_a_response_url(harness: AppHarness, poster: Poster) -> None:
    """A redirect of a response_url is not followed."""
    async with scripted() as elsewhere:
        moved = reply(b"", status=307, headers={"Location": f"{elsewhere.url}/inside"})
        async with scripted(moved) as slack:
            command = sample_requests.command("tenants", f"{slack.url}/commands/1")
            await poster.command(command | {"channel_id": GENERAL})
            await poster.settled()
            assert slack.targets == ["POST /commands/1"]
        assert elsewhere.connections == 0
    assert seen(harness) == [(GENERAL, ADA.id)]


@pytest.mark.parametrize("url", ["https://hooks.slack.com/commands/1", "https://slack.com/x"])
def test_knows_slacks_own_hosts(url: str) -> None:
    """Slack's own hosts are accepted."""
    assert _is_slacks(url, "https://slack.com/api/")


@pytest.mark.parametrize("text", ["ü", "\ud83d", '"\\\n'])
def test_writes_any_text(text: str) -> None:
    """Any text can be sent, even half of a surrogate pair, which UTF-8 cannot represent."""
    assert json.loads(_to_json({"text": text, "number": 2**70})) == {"text": text, "number": 2**70}
