"""An answer reaches the person who asked, whatever has become of their response_url."""

from __future__ import annotations

import pytest

from bot.slack.reply import _is_slacks
from sandbox.slack.directory import ADA
from sandbox.slack.faults import Fault
from sandbox.slack.response_urls import LIFE_SECONDS, USES
from tests import samples
from tests.emporix.scripted import reply, scripted
from tests.posting import Poster
from tests.shop import Shop

GENERAL, SECRET = "C0GENERAL", "C0SECRET"


def response_url(shop: Shop, channel_id: str = GENERAL) -> str:
    return shop.workspace.response_urls.new(ADA.id, channel_id)


def spent(shop: Shop, channel_id: str = GENERAL) -> str:
    path = response_url(shop, channel_id)
    for _ in range(USES):
        shop.workspace.response_urls.spend(path)
    return path


async def ask(shop: Shop, poster: Poster, path: str, channel_id: str = GENERAL) -> list[str]:
    """The ways in which Slack was tried, by the answer to /emporix tenants."""
    command = samples.command("tenants", shop.slack_url + path) | {"channel_id": channel_id}
    assert (await poster.command(command)).status_code == 200
    await poster.settled()
    return [sent.via for sent in shop.workspace.journal.since(0, ADA.id)]


def seen(shop: Shop) -> list[tuple[str, str]]:
    """Where Ada sees what, and that nobody else does."""
    return [
        (message.channel_id, message.only_for)
        for message in shop.workspace.seen_by(ADA)
        if "not connected" in message.text
    ]


async def test_goes_to_the_response_url(shop: Shop, poster: Poster) -> None:
    """The usual way: one request, and only the asker sees it."""
    assert await ask(shop, poster, response_url(shop)) == ["response_url"]
    assert seen(shop) == [(GENERAL, ADA.id)]


async def test_is_ephemeral_when_the_response_url_is_spent(shop: Shop, poster: Poster) -> None:
    """After five uses the bot posts by itself, for the asker alone."""
    ways = await ask(shop, poster, spent(shop))
    assert ways == ["response_url", "chat.postEphemeral"]
    assert seen(shop) == [(GENERAL, ADA.id)]


async def test_is_ephemeral_when_the_response_url_has_expired(shop: Shop, poster: Poster) -> None:
    """So it does half an hour later."""
    path = response_url(shop)
    shop.clock.forward(LIFE_SECONDS + 1)
    assert await ask(shop, poster, path) == ["response_url", "chat.postEphemeral"]
    assert seen(shop) == [(GENERAL, ADA.id)]


async def test_is_a_direct_message_where_the_bot_is_not(shop: Shop, poster: Poster) -> None:
    """In a channel that the bot is not in it cannot post."""
    ways = await ask(shop, poster, spent(shop, SECRET), SECRET)
    assert ways == ["response_url", "chat.postEphemeral", "chat.postMessage"]
    assert seen(shop) == [(shop.workspace.directory.direct(ADA).id, "")]


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
async def test_finds_another_way_when_the_response_url_fails(
    shop: Shop, poster: Poster, fault: Fault
) -> None:
    """Slack's own trouble with response_urls does not lose an answer."""
    shop.workspace.faults.add(fault)
    assert await ask(shop, poster, response_url(shop)) == ["chat.postEphemeral"]
    assert seen(shop) == [(GENERAL, ADA.id)]


async def test_waits_a_moment_when_slack_asks_for_it(shop: Shop, poster: Poster) -> None:
    """A short Retry-After is waited for."""
    shop.workspace.faults.add(Fault("rate_limit", method="chat.postEphemeral", retry_after=0))
    assert await ask(shop, poster, spent(shop)) == ["response_url", "chat.postEphemeral"]
    assert seen(shop) == [(GENERAL, ADA.id)]


@pytest.mark.parametrize("retry_after", ["600", "31536000", "9" * 400])
async def test_does_not_wait_for_long(shop: Shop, poster: Poster, retry_after: str) -> None:
    """A person never waits for minutes: there is one more way."""
    limited = Fault("rate_limit", method="chat.postEphemeral", retry_after=retry_after)  # type: ignore[arg-type]
    shop.workspace.faults.add(limited)
    assert await ask(shop, poster, spent(shop)) == ["response_url", "chat.postMessage"]
    assert seen(shop) == [(shop.workspace.directory.direct(ADA).id, "")]


async def test_tells_the_operator_when_no_way_is_left(
    shop: Shop, poster: Poster, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer that cannot be delivered is in the log, if nowhere else."""
    for method in ("response_url", "chat.postEphemeral", "chat.postMessage"):
        shop.workspace.faults.add(Fault("rate_limit", 9, method=method, retry_after=600))
    assert await ask(shop, poster, response_url(shop)) == []
    assert "could not tell the user: Slack answered ratelimited" in caplog.text


async def test_goes_to_the_person_without_any_address(shop: Shop, poster: Poster) -> None:
    """Where Slack names neither a response_url nor a channel."""
    assert await ask(shop, poster, "", "") == ["chat.postMessage"]
    assert seen(shop) == [(shop.workspace.directory.direct(ADA).id, "")]


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
    shop: Shop, poster: Poster, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A forged request cannot make the app post anywhere; the person is answered all the same."""
    async with scripted() as elsewhere:
        port = elsewhere.url.rpartition(":")[2]
        command = samples.command("tenants", url.format(port=port)) | {"channel_id": GENERAL}
        await poster.command(command)
        await poster.settled()
        assert elsewhere.connections == 0
    assert "its host is not Slack's" in caplog.text
    assert seen(shop) == [(GENERAL, ADA.id)]


async def test_follows_no_redirect_of_a_response_url(shop: Shop, poster: Poster) -> None:
    """A redirect is a refusal: nothing is posted to where it leads."""
    async with scripted() as elsewhere:
        moved = reply(b"", status=307, headers={"Location": f"{elsewhere.url}/inside"})
        async with scripted(moved) as slack:
            command = samples.command("tenants", f"{slack.url}/commands/1")
            await poster.command(command | {"channel_id": GENERAL})
            await poster.settled()
            assert slack.targets == ["POST /commands/1"]
        assert elsewhere.connections == 0
    assert seen(shop) == [(GENERAL, ADA.id)]


@pytest.mark.parametrize("url", ["https://hooks.slack.com/commands/1", "https://slack.com/x"])
def test_knows_slacks_own_hosts(url: str) -> None:
    """The hosts that Slack gives out are taken."""
    assert _is_slacks(url, "https://slack.com/api/")
