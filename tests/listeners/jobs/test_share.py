"""Share in channel — everyone there sees it, and works with it on their own rights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from bot.store.locks import Locks
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.faults import Fault
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id

ADA = Caller("T0ACME", "U0ADA")
SHARE = "Share in channel"


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


@pytest.fixture
def grace(connected: AppHarness) -> Person:
    """Grace in #ops, not connected."""
    return connected.person("grace", "ops")


async def share(person: Person, command: str) -> Exchange:
    """Share an answer, and confirm."""
    await person.command(command)
    await person.click(action_id="jobs.share.ask")
    return await person.click("Share")


async def seen(person: Person) -> list[dict[str, Any]]:
    """What everyone in the channel sees."""
    return [message for message in await person.messages() if not message["ephemeral"]]


async def test_asks_before_sharing(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """The first click asks for confirmation, names the channel, and shares nothing."""
    add_jobs(connected, 2)
    await ada.command("/emporix jobs list")
    exchange = await ada.click(SHARE)
    assert exchange.payloads == snapshot
    assert await seen(ada) == []


async def test_can_be_thought_better_of(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """Cancel shares nothing, and says so."""
    add_jobs(connected, 2)
    await ada.command("/emporix jobs list")
    await ada.click(SHARE)
    assert (await ada.click("Cancel")).payloads == snapshot
    assert await seen(ada) == []


async def test_shares_a_list(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """Everyone sees the page, who shared it and the tenant; the question is answered."""
    add_jobs(connected, 3)
    exchange = await share(ada, "/emporix jobs list size:2")
    assert exchange.payloads == snapshot
    assert [sent["via"] for sent in exchange.sent] == ["response_url", "response_url"]
    assert [message["text"] for message in await seen(grace)] == [exchange.payloads[0]["text"]]


async def test_shares_a_job(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """A whole job is asked about and shared in the same way."""
    add_jobs(connected, 1)
    await ada.command(f"/emporix jobs get {job_id(1)}")
    question = await ada.click("Share…")
    exchange = await ada.click("Share")
    assert [question.payloads, exchange.payloads] == snapshot


async def test_shows_only_the_fields_that_the_private_list_has(
    connected: AppHarness, ada: Person
) -> None:
    """A list that was narrowed to some fields is not widened by sharing it."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs fields:status")
    (shared,) = await seen(ada)
    assert "status" in str(shared["blocks"])
    assert "complaint-agent" not in str(shared)


async def test_shares_in_a_channel_without_the_app(connected: AppHarness) -> None:
    """The response_url posts to a public channel to which the app was never invited."""
    add_jobs(connected, 1)
    ada = connected.person("ada", "secret")
    await share(ada, "/emporix jobs")
    assert len(await seen(ada)) == 1


async def test_a_double_click_shares_once(connected: AppHarness, ada: Person) -> None:
    """Two presses on the same question post one message."""
    add_jobs(connected, 1)
    await ada.command("/emporix jobs")
    await ada.click(SHARE)
    connected.emporix_state.faults.add(EmporixFault("delay", seconds=0.2))
    exchanges = await asyncio.gather(ada.click("Share"), ada.click("Share"))
    assert len(await seen(ada)) == 1
    said = {payload["text"] for exchange in exchanges for payload in exchange.payloads}
    assert any("is being shared" in text for text in said)
    assert any("Shared in" in text for text in said)


async def test_an_interrupted_share_can_be_repeated(connected: AppHarness, ada: Person) -> None:
    """After an interrupted share, another click works once the claim has expired."""
    add_jobs(connected, 1)
    await ada.command("/emporix jobs")
    question = await ada.click(SHARE)
    key = redis_keys.once(ADA, f"share:C0OPS:{question.messages[-1]['ts']}")
    await Locks(connected.redis).acquire(key, "a process that was killed", 20)
    exchange = await ada.click("Share")
    assert "is being shared" in exchange.payloads[-1]["text"]
    assert await seen(ada) == []
    assert 0 < await connected.redis.ttl(key) <= 20
    await connected.redis.delete(key)  # 20 s later
    await ada.click("Share")
    assert len(await seen(ada)) == 1


async def test_a_second_click_says_that_it_is_shared(connected: AppHarness, ada: Person) -> None:
    """A second click on the confirmation, which Slack still shows, shares nothing."""
    add_jobs(connected, 1)
    await ada.command("/emporix jobs")
    question = await ada.click(SHARE)
    key = redis_keys.once(ADA, f"share:C0OPS:{question.messages[-1]['ts']}")
    await connected.redis.set(key, "done")
    exchange = await ada.click("Share")
    assert "already shared" in exchange.payloads[-1]["text"]
    assert await seen(ada) == []


async def test_shares_without_a_response_url(connected: AppHarness, ada: Person) -> None:
    """In a channel with the app, the message is posted without a response_url."""
    add_jobs(connected, 1)
    await ada.command("/emporix jobs")
    await ada.click(SHARE)
    connected.workspace.faults.add(Fault("status", status=404, method="response_url"))
    exchange = await ada.click("Share")
    assert [sent["via"] for sent in exchange.sent] == ["chat.postMessage", "response_url"]
    assert len(await seen(ada)) == 1


async def test_asks_to_be_invited_when_it_cannot_post(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Without a response_url and without being there, the words to type are said; then it works."""
    add_jobs(connected, 1)
    ada = connected.person("ada", "secret")
    await ada.command("/emporix jobs")
    await ada.click(SHARE)
    connected.workspace.faults.add(Fault("status", status=404, method="response_url"))
    exchange = await ada.click("Share")
    assert exchange.payloads[-1] == snapshot
    await ada.click("Share")
    assert len(await seen(ada)) == 1


@pytest.mark.parametrize("channel", ["partners", "board", "dm"])
async def test_refuses_where_outsiders_may_read(
    connected: AppHarness, channel: str, snapshot: SnapshotAssertion
) -> None:
    """Slack Connect, a channel the app cannot look into, and direct messages: nothing is shared."""
    add_jobs(connected, 1)
    ada = connected.person("ada", channel)
    await ada.command("/emporix jobs")
    assert (await ada.click(SHARE)).payloads == snapshot
    assert await seen(ada) == []


async def test_looks_again_before_it_posts(connected: AppHarness, ada: Person) -> None:
    """A channel that another organisation has joined since the question is refused."""
    add_jobs(connected, 1)
    await ada.command("/emporix jobs")
    await ada.click(SHARE)
    open_to_partners(connected)
    exchange = await ada.click("Share")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.share_refused"
    assert await seen(ada) == []


@pytest.fixture
async def allowing(redis: Any, redis_url: str, clock: FakeClock) -> AsyncIterator[AppHarness]:
    """A harness with ALLOW_SHARED_CHANNELS, and ada connected."""
    async with open_app(redis, redis_url, clock, allow_shared_channels=True) as opened:
        await opened.connect(opened.ada, ACME_OPERATIONS)
        yield opened


@pytest.mark.parametrize("channel", ["partners", "board"])
async def test_shares_with_outsiders_if_allowed(
    allowing: AppHarness, channel: str, snapshot: SnapshotAssertion
) -> None:
    """If the operator allows it, the confirmation warns that other organizations can read."""
    add_jobs(allowing, 1)
    ada = allowing.person("ada", channel)
    await ada.command("/emporix jobs")
    assert (await ada.click(SHARE)).payloads[0]["text"] == snapshot
    await ada.click("Share")
    assert len(await seen(ada)) == 1


async def test_opens_with_the_rights_of_the_clicking_user(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """Connected users see the job privately; others are offered Connect privately."""
    add_jobs(connected, 1)
    await share(ada, "/emporix jobs")
    before = await seen(grace)
    assert (await grace.click("Open")).payloads[-1]["view"] == snapshot
    await connected.connect(grace, ACME_READ_ONLY)
    exchange = await grace.click("Open")
    assert f"Job `{job_id(1)}`" in str(exchange.view)
    assert exchange.messages == []
    assert await seen(grace) == before


async def test_the_sharer_changes_the_page_for_everyone(
    connected: AppHarness, ada: Person, grace: Person, snapshot: SnapshotAssertion
) -> None:
    """The sharer's Next button replaces the shared page with the next one."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs list size:2")
    exchange = await ada.click(action_id="jobs.share.next")
    assert exchange.payloads == snapshot
    assert [message["text"] for message in await seen(grace)] == [exchange.payloads[0]["text"]]
    exchange = await ada.click(action_id="jobs.share.previous")
    assert exchange.payloads[0]["text"].startswith("<@U0ADA> shared jobs 1–2 of 3")


async def test_other_users_get_pages_privately(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Other users get a private list on their own connection; the shared list is unchanged."""
    add_jobs(connected, 5)
    await share(ada, "/emporix jobs list size:2")
    await connected.connect(grace, ACME_READ_ONLY)
    before = await seen(grace)
    exchange = await grace.click("Next")
    assert exchange.payloads[0]["text"].startswith("Jobs 3–4 of 5")
    assert exchange.payloads[0]["response_type"] == "ephemeral"
    assert (await grace.click("Next")).payloads[0]["text"].startswith("Job 5 of 5")
    assert await seen(grace) == before


async def test_other_users_need_a_connection_for_pages(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """Without a connection to that tenant, Next offers Connect and shows nothing."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs list size:2")
    exchange = await grace.click("Next")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.not_connected"
    assert exchange.payloads[0]["replace_original"] is False


async def test_shows_no_new_page_to_outsiders(connected: AppHarness, ada: Person) -> None:
    """After another organization joins the channel, the shared page no longer changes."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs list size:2")
    before = await seen(ada)
    open_to_partners(connected)
    exchange = await ada.click(action_id="jobs.share.next")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.share_refused"
    assert await seen(ada) == before


async def test_ends_with_the_sharers_connection(
    connected: AppHarness, ada: Person, grace: Person
) -> None:
    """After the sharer disconnects, other users see that the message is too old."""
    add_jobs(connected, 3)
    await share(ada, "/emporix jobs list size:2")
    await ada.command("/emporix disconnect")
    await ada.click("Disconnect")
    await connected.connect(grace, ACME_READ_ONLY)
    exchange = await grace.click("Next")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.outdated_button"


def open_to_partners(harness: AppHarness) -> None:
    """Another organisation joins #ops."""
    channels = harness.workspace.directory.channels
    channels["C0OPS"] = replace(channels["C0OPS"], is_ext_shared=True)


@pytest.mark.parametrize("command", ["list size:2", f"get {job_id(3)}"])
async def test_says_who_shared_the_jobs(
    connected: AppHarness, ada: Person, grace: Person, command: str
) -> None:
    """Without a connection, every button of shared jobs says who shared them."""
    add_jobs(connected, 3)
    await share(ada, f"/emporix jobs {command}")
    (shared,) = [message for message in await grace.messages() if not message["ephemeral"]]
    shown = [one for block in shared["blocks"] for one in block.get("elements", ())]
    pressed = {one["action_id"] for one in shown if one["type"] == "button"}
    for action_id in sorted(pressed):
        exchange = await grace.click(action_id=action_id)
        answer = exchange.view or exchange.payloads[-1]
        words, ways = answer["blocks"]
        assert words["text"]["text"].startswith(
            ":electric_plug: *<@U0ADA> shared these jobs.* Connect your own API key for `acme`"
        ), action_id
        assert [button["text"]["text"] for button in ways["elements"]] == ["Connect"]
        if exchange.view:
            await grace.close()
