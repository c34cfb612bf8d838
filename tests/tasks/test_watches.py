"""Watched jobs: whoever watches one hears of its end, once, and soon."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.models import Caller
from bot.services.watches.schedule import GIVES_UP_AFTER
from bot.store import layout
from bot.store.watches import WatchStore
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.emporix.times import iso
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.clock import NOW
from tests.shop import Shop
from tests.store.fixtures import ADA

JOB = "68835cc3ef4e8e1425c30001"
BEGAN = NOW - 60


@pytest.fixture
def shop(connected: Shop) -> Shop:
    """Ada is connected, and one job is running."""
    change(connected, "in_progress")
    return connected


def change(shop: Shop, status: str, job_id: str = JOB, message: str | None = None) -> None:
    """A job of that id as it is from now on."""
    metadata = {"version": 1, "createdAt": iso(BEGAN), "modifiedAt": iso(shop.clock())}
    shop.world.add_job("acme", id=job_id, status=status, message=message, metadata=metadata)


async def told(shop: Shop, user: str = "ada") -> list[dict[str, Any]]:
    """What somebody reads in their direct messages with the app."""
    return list(await shop.person(user, "dm").messages())


async def later(shop: Shop, seconds: float) -> None:
    """Time passes, and the worker is at work."""
    await shop.worker.work_until(shop.clock() + seconds, step=2.5)


def looks(shop: Shop) -> int:
    """How often jobs were asked for so far."""
    return sum("/jobs" in seen.path for seen in shop.world.requests)


async def test_hears_of_the_end(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Status, how long it took, the agent's first words, and a button to open it."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    await later(shop, 30)
    assert await told(shop) == []
    change(shop, "success", message="The refund was sent.")
    await later(shop, 20)
    (message,) = await told(shop)
    assert message["blocks"] == snapshot
    listed = await shop.ada.command("/emporix jobs watching")
    assert "not watching any job" in listed.payloads[0]["text"]


async def test_is_told_once(shop: Shop) -> None:
    """Whatever time passes after that."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    change(shop, "failure")
    await later(shop, 600)
    assert len(await told(shop)) == 1


async def test_backs_off(shop: Shop) -> None:
    """Often at first, and some 30 times an hour later on."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    before = looks(shop)
    await later(shop, 60)
    first = looks(shop) - before
    await later(shop, 3600)
    assert 5 <= first <= 10
    assert 30 <= looks(shop) - before - first <= 40


async def test_asks_once_for_all_of_a_tenant(shop: Shop) -> None:
    """Twenty watched jobs cost what one costs."""
    for number in range(20):
        change(shop, "in_progress", f"job-{number}")
        await shop.ada.command(f"/emporix jobs watch job-{number}")
    before = looks(shop)
    await later(shop, 6)
    assert looks(shop) - before == 1
    for number in range(20):
        change(shop, "success", f"job-{number}")
    await later(shop, 60)
    assert len(await told(shop)) == 20


async def test_says_that_a_job_was_deleted(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Gone is an end, too."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    shop.world.tenant("acme").jobs.remove(JOB)
    await later(shop, 10)
    (message,) = await told(shop)
    assert message["blocks"] == snapshot


async def test_gives_up_after_a_day(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """It says so, and can be asked to go on."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    await shop.worker.work_until(shop.clock() + GIVES_UP_AFTER + 300, step=150.0)
    (message,) = await told(shop)
    assert message["blocks"] == snapshot
    exchange = await shop.person("ada", "dm").click("Watch again")
    assert "in a direct message" in exchange.payloads[0]["text"]


async def test_hears_nothing_after_stopping(shop: Shop) -> None:
    """Who stops watching is left alone."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    await shop.ada.click("Stop watching")
    change(shop, "success")
    before = looks(shop)
    await later(shop, 600)
    assert (await told(shop), looks(shop) - before) == ([], 0)


async def shared(shop: Shop, command: str) -> tuple[Person, Person]:
    """Ada shares in #ops; Grace, who may only read, presses Watch there."""
    ada, grace = shop.person("ada", "ops"), shop.person("grace", "ops")
    await shop.connect(grace, ACME_READ_ONLY)
    await ada.command(command)
    await ada.click("Share in channel")
    await ada.click("Share")
    await grace.click("Watch")
    return ada, grace


async def test_changes_a_shared_card_in_place(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Everyone sees the end on the card; the watcher is called in its thread."""
    ada, _ = await shared(shop, f"/emporix jobs get {JOB}")
    change(shop, "failure", message="No such order.")
    await later(shop, 10)
    card, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert card["edited"]
    assert "Watch" not in str(card["blocks"])
    assert card["text"].endswith("failed")
    assert reply["thread_ts"] == card["ts"]
    assert reply["blocks"] == snapshot
    assert await told(shop, "grace") == []


async def test_changes_the_row_of_a_shared_list(shop: Shop) -> None:
    """That row alone; the watcher is called in the thread."""
    ada, _ = await shared(shop, "/emporix jobs list")
    (listed,) = [message for message in await ada.messages() if not message["ephemeral"]]
    shown = [block["type"] for block in listed["blocks"]]
    change(shop, "success")
    await later(shop, 10)
    listed, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert listed["edited"]
    assert "Watch" not in str(listed["blocks"])
    assert [block["type"] for block in listed["blocks"]] == shown
    assert "*Succeeded*" in listed["blocks"][2]["text"]["text"]
    assert listed["blocks"][4]["elements"][0]["text"]["text"] == "Open"
    assert reply["thread_ts"] == listed["ts"]


@pytest.mark.parametrize("command", ["/emporix jobs list fields:id,status", "/emporix jobs list"])
async def test_a_shared_list_may_stay_as_it_is(shop: Shop, command: str) -> None:
    """Where it shows fields of somebody's choice, or Slack does not give it; the words come."""
    ada, _ = await shared(shop, command)
    if "fields" not in command:
        shop.workspace.faults.add(Fault("status", times=3, method="conversations.history"))
    change(shop, "success")
    await later(shop, 60)
    listed, reply = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not listed["edited"]
    assert reply["thread_ts"] == listed["ts"]


async def test_tells_directly_where_it_cannot_post(shop: Shop) -> None:
    """A shared message in a channel where the app is no member."""
    ada = shop.person("ada", "secret")
    await ada.command(f"/emporix jobs get {JOB}")
    await ada.click("Share in channel")
    await ada.click("Share")
    await ada.click("Watch")
    change(shop, "success")
    await later(shop, 10)
    assert len(await told(shop)) == 1


async def test_tells_of_a_broken_connection_once(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """After some refusals in a row; then nothing is watched there any more."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    shop.world.revoke(ACME_OPERATIONS)
    await later(shop, 100)
    assert await told(shop) == []
    await later(shop, 600)
    (message,) = await told(shop)
    assert message["blocks"] == snapshot
    listed = await shop.ada.command("/emporix jobs watching")
    assert "not watching any job" in listed.payloads[0]["text"]


@pytest.mark.parametrize(
    "fault",
    [
        EmporixFault("status", times=3, status=500),
        EmporixFault("rate_limit", times=1, retry_after=120),
        EmporixFault("html", times=3),
        EmporixFault("cut_before", times=3),
    ],
    ids=lambda fault: fault.kind,
)
async def test_goes_on_after_trouble_at_emporix(shop: Shop, fault: EmporixFault) -> None:
    """A look that fails is made up for later, and nobody is told of it."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    change(shop, "success")
    shop.world.faults.add(fault)
    await later(shop, 300)
    (message,) = await told(shop)
    assert "succeeded" in message["text"]


async def test_leaves_emporix_alone_as_long_as_it_asks(shop: Shop) -> None:
    """A Retry-After is kept."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    shop.world.faults.add(EmporixFault("rate_limit", times=1, retry_after=200))
    await later(shop, 6)
    before = looks(shop)
    await later(shop, 190)
    assert looks(shop) == before
    await later(shop, 20)
    assert looks(shop) > before


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=3, method="chat.postMessage"),
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=30),
        Fault("cut_after", times=1, method="chat.postMessage"),
        Fault("cut_before", times=2, method="chat.postMessage"),
        Fault("html", times=2, method="chat.postMessage"),
    ],
    ids=lambda fault: fault.kind,
)
async def test_is_told_once_whatever_slack_answers(shop: Shop, fault: Fault) -> None:
    """A refused message comes later; one that arrived unseen does not come again."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    change(shop, "success")
    shop.workspace.faults.add(fault)
    await later(shop, 300)
    assert len(await told(shop)) == 1


async def test_ends_with_the_connection(shop: Shop) -> None:
    """Who disconnects is told what they will not hear of, and hears nothing more."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    await shop.ada.command("/emporix disconnect")
    exchange = await shop.ada.click("Disconnect")
    assert "1 job" in exchange.payloads[0]["text"]
    await later(shop, 300)
    assert await told(shop) == []


@pytest.mark.parametrize("command", [f"/emporix jobs get {JOB}", "/emporix jobs list"])
async def test_other_organisations_see_no_end(shop: Shop, command: str) -> None:
    """A channel that was opened since Watch was pressed: its message stays, and the watcher reads
    the end in a direct message.
    """
    ada, _ = await shared(shop, command)
    before = [message for message in await ada.messages() if not message["ephemeral"]]
    shop.workspace.directory.share("C0OPS")
    change(shop, "failure", message="No such order.")
    await later(shop, 10)
    assert [message for message in await ada.messages() if not message["ephemeral"]] == before
    (message,) = await told(shop, "grace")
    assert "failed" in message["text"]


@pytest.mark.parametrize("word", ["missing_scope", "no_permission"])
async def test_unknown_readers_see_no_end(shop: Shop, word: str) -> None:
    """Slack does not say who reads the channel."""
    ada, _ = await shared(shop, f"/emporix jobs get {JOB}")
    change(shop, "success")
    shop.workspace.faults.add(Fault("refuse", method="conversations.info", error=word))
    await later(shop, 30)
    (card,) = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not card["edited"]
    assert len(await told(shop, "grace")) == 1


async def test_ends_where_its_owner_has_left(shop: Shop) -> None:
    """Nothing is posted on the API key of a person who left, and that key is deleted."""
    ada, _ = await shared(shop, f"/emporix jobs get {JOB}")
    shop.workspace.directory.deactivate("U0GRACE")
    change(shop, "success")
    await later(shop, 300)
    (card,) = [message for message in await ada.messages() if not message["ephemeral"]]
    assert not card["edited"]
    assert await shop.redis.keys("*:watches:*") == []
    assert not await shop.redis.exists(layout.account(Caller(TEAM_ID, "U0GRACE")))


async def test_tells_where_slack_does_not_say_who_has_left(shop: Shop) -> None:
    """A missing permission to read users keeps no watcher uninformed."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    shop.workspace.bot_scopes -= {"users:read"}
    change(shop, "success")
    await later(shop, 30)
    assert len(await told(shop)) == 1


async def test_what_cannot_be_told_ends(shop: Shop) -> None:
    """After some attempts; its owner reads that once, not again every few minutes."""
    await shop.ada.command(f"/emporix jobs watch {JOB}")
    (watch,) = await WatchStore(shop.redis, shop.vault).of(ADA)
    await shop.redis.hset(layout.post(f"watch:{watch.id}:direct"), "not", "a string")
    change(shop, "success")
    await shop.worker.work_until(shop.clock() + 3600, step=10)
    assert len(await told(shop)) == 1
    assert await shop.redis.keys("*:watches:*:*:*") == []
