"""Alerts: what is new is told within a minute, once, and repeats stand in its thread."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.models import Caller
from bot.store import layout
from bot.store.alert_records import Alert
from bot.store.alerts import AlertStore
from bot.store.sources import Source
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.directory import BOT_USER_ID, TEAM_ID
from sandbox.slack.faults import Fault
from tests.shop import Shop
from tests.store.fixtures import ADA

NOT_FOUND = "Agent execution failed: order EON{} could not be found."
TIMED_OUT = "Tool call `get_invoice` timed out after {} s; the customer was not answered."
MINUTE = 60.0


@pytest.fixture
async def shop(connected: Shop) -> Shop:
    """Ada has turned alerts on in #ops, where one job had failed before."""
    fail(connected, message="Long ago.")
    await connected.person("ada", "ops").command("/emporix alerts on")
    return connected


def fail(
    shop: Shop, job_id: str = "", message: str = NOT_FOUND, status: str = "failure", **more: Any
) -> str:
    """A job that has just ended; gives its id."""
    number = len(shop.world.jobs("acme"))
    text = message.format(1000 + number)
    job = shop.world.add_job(
        "acme", id=job_id or f"job-{number}", status=status, message=text, **more
    )
    return str(job["id"])


async def later(shop: Shop, seconds: float = MINUTE) -> None:
    """Time passes, and the worker is at work."""
    await shop.worker.work_until(shop.clock() + seconds, step=5.0)


async def posted(shop: Shop, channel: str = "ops") -> list[dict[str, Any]]:
    """What alerts have told a channel: without the words that they were turned on."""
    messages = await shop.person("ada", channel).messages()
    return [
        message
        for message in messages
        if not message["ephemeral"]
        and message["user"] == BOT_USER_ID
        and (message["thread_ts"] or message["text"].startswith(":rotating_light:"))
    ]


def shown(*messages: dict[str, Any]) -> Any:
    """Their blocks, with names in the places of ids that differ each time."""
    blocks = json.dumps([message["blocks"] for message in messages])
    return json.loads(re.sub(r'("alert_id\\":\\")[0-9a-f]{16}', r"\1the-alert", blocks))


async def told(shop: Shop, user: str = "ada") -> list[dict[str, Any]]:
    """What somebody reads in their direct messages with the app."""
    return list(await shop.person(user, "dm").messages())


def looks(shop: Shop) -> int:
    """How often jobs were asked for so far."""
    return sum("/jobs" in seen.path for seen in shop.world.requests)


async def test_tells_within_a_minute(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """A failure arrives, with the agent's first words and a button; what went well does not."""
    await later(shop)
    fail(shop, "a")
    fail(shop, status="success")
    await later(shop)
    (message,) = await posted(shop)
    assert shown(message) == snapshot
    await later(shop, 600)
    assert len(await posted(shop)) == 1


async def test_tells_of_one_minute_together(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """One message for different failures, the worst first; the rest of them in its thread."""
    for number in range(3):
        fail(shop, f"a{number}")
    fail(shop, "b", TIMED_OUT)
    for number in range(6):
        fail(shop, f"c{number}", "another " * (number + 1), agentId=f"agent-{number}")
    await later(shop)
    message, thread = await posted(shop)
    assert thread["thread_ts"] == message["ts"]
    assert shown(message, thread) == snapshot


async def test_folds_repeats_into_the_thread(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """The same failure about other orders is no new message; the first one counts them."""
    fail(shop, "a")
    await later(shop)
    fail(shop, "b")
    fail(shop, "c")
    await later(shop)
    fail(shop, "d")
    await later(shop)
    message, *thread = await posted(shop)
    assert message["edited"]
    assert "*4 times*" in str(message["blocks"])
    assert [reply["thread_ts"] for reply in thread] == [message["ts"]] * 2
    assert shown(thread[0]) == snapshot


async def test_a_thread_shows_twenty_and_counts_the_rest(shop: Shop) -> None:
    """Of many repeats at once."""
    fail(shop, "a")
    await later(shop)
    for number in range(25):
        fail(shop, f"b{number}")
    await later(shop)
    _, thread = await posted(shop)
    title, *rows, rest = thread["blocks"]
    assert "25 jobs" in title["text"]["text"]
    assert len(rows) == 20
    assert rest["elements"][0]["text"] == "5 more jobs"


async def test_tells_a_change_again(shop: Shop) -> None:
    """A job that failed, ran once more and failed again is a repeat of itself."""
    fail(shop, "a")
    await later(shop)
    fail(shop, "a", status="in_progress")
    await later(shop)
    assert len(await posted(shop)) == 1
    fail(shop, "a", NOT_FOUND)
    await later(shop)
    assert "*2 times*" in str((await posted(shop))[0]["blocks"])


async def test_a_job_that_was_deleted_stays_readable(shop: Shop) -> None:
    """A repeat changes the first message, whose job is gone meanwhile."""
    fail(shop, "a")
    await later(shop)
    shop.world.tenant("acme").jobs.remove("a")
    fail(shop, "b")
    await later(shop)
    message, _ = await posted(shop)
    assert "`a` was deleted meanwhile" in str(message["blocks"])


async def test_hears_what_the_filters_say(shop: Shop) -> None:
    """Each alert of a channel has its own."""
    ada = shop.person("ada", "ops")
    await ada.command("/emporix alerts on status:skipped agent:fraud-agent")
    fail(shop, status="skipped", agentId="fraud-agent", message="Below the threshold.")
    fail(shop, status="skipped", agentId="other-agent")
    await later(shop)
    (message,) = await posted(shop)
    assert "fraud-agent" in message["text"]


async def test_hears_of_a_query(shop: Shop) -> None:
    """A query of Emporix's own has no time added, and tells once all the same."""
    ada = shop.person("ada", "general")
    await ada.command("/emporix alerts on q:status:SKIPPED")
    for _ in range(3):
        fail(shop, status="skipped", message="Nothing to do.")
        await later(shop)
    assert len(await posted(shop, "general")) == 3


async def test_asks_once_for_the_same_filters(shop: Shop) -> None:
    """Channels that want to hear the same cost one call; one connection is asked once in 50 s."""
    for channel in ("general", "ops"):
        await shop.person("ada", channel).command("/emporix alerts on")
    await later(shop, 51)
    before = looks(shop)
    await later(shop, 500)
    assert 9 <= looks(shop) - before <= 10
    fail(shop)
    await later(shop)
    assert [len(await posted(shop, channel)) for channel in ("general", "ops")] == [1, 1]


async def test_sums_up_after_a_long_silence(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """A worker that was off for hours posts one message, and none of what it missed by itself."""
    await later(shop)
    for number in range(120):
        shop.clock.forward(60)
        fail(shop, f"job-of-minute-{number}", (NOT_FOUND, TIMED_OUT)[number % 2])
    await later(shop)
    (message,) = await posted(shop)
    assert shown(message) == snapshot
    listed = await shop.person("ada", "ops").click("List the jobs")
    assert listed.payloads[0]["text"].startswith("Jobs 1–10 of 121")
    await later(shop, 600)
    assert len(await posted(shop)) == 1


async def test_counts_a_flood(shop: Shop) -> None:
    """More than can be read is one message with the number of all."""
    await later(shop)
    for number in range(700):
        fail(shop, f"flood-{number}")
        shop.clock.forward(0.01)
    await later(shop)
    message, _ = await posted(shop)
    assert "*700 jobs*" in message["text"]
    await later(shop, 600)
    assert len(await posted(shop)) == 2


async def test_is_silent_while_muted(shop: Shop) -> None:
    """Then it is summed up, and told on."""
    await shop.person("ada", "ops").command("/emporix alerts mute 1h")
    before = looks(shop)
    for _ in range(30):
        fail(shop)
        await later(shop)
    assert (await posted(shop), looks(shop)) == ([], before)
    await later(shop, 1900)
    (message,) = await posted(shop)
    assert "*30 jobs* since" in message["text"]
    fail(shop, message=TIMED_OUT)
    await later(shop)
    assert len(await posted(shop)) == 2


async def test_tells_of_a_broken_connection_once(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """The owner hears it, and the channel: anybody there who is connected takes over."""
    await later(shop)
    shop.world.revoke(ACME_OPERATIONS)
    await later(shop, 1200)
    (message,) = await told(shop)
    assert shown(message) == snapshot(name="to the owner")
    *_, said = await shop.person("ada", "ops").messages()
    assert shown(said) == snapshot(name="to the channel")
    fail(shop)
    grace = shop.person("grace", "ops")
    await shop.connect(grace, ACME_READ_ONLY)
    await grace.click("Take over")
    await later(shop)
    (summed_up,) = await posted(shop)
    assert "*1 job* since" in summed_up["text"]
    _, taken = await told(shop)
    assert "took over" in taken["text"]


async def test_pauses_when_its_owner_disconnects(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Who disconnects is told which channels hear nothing more, and these how they go on."""
    ada = shop.person("ada", "ops")
    await ada.command("/emporix disconnect")
    exchange = await ada.click("Disconnect")
    assert "Alerts of yours are paused in <#C0OPS>" in exchange.payloads[0]["text"]
    await later(shop, 5)
    *_, said = await ada.messages()
    assert shown(said) == snapshot
    fail(shop)
    await later(shop, 600)
    assert (await posted(shop), await told(shop)) == ([], [])
    await shop.connect(ada, ACME_OPERATIONS)
    await ada.command("/emporix alerts on")
    await later(shop)
    assert len(await posted(shop)) == 1


@pytest.mark.parametrize("change", ["archived", "removed", "shared"])
async def test_pauses_where_it_may_not_post(shop: Shop, change: str) -> None:
    """A channel that is archived, that the app was removed from, or that others read now."""
    channels = shop.workspace.directory.channels
    ops = channels["C0OPS"]
    if change == "archived":
        channels["C0OPS"] = replace(ops, is_archived=True)
    elif change == "removed":
        await shop.person("ada", "ops").remove_app()
    else:
        await shop.person("ada", "ops").share_channel()
    fail(shop)
    await later(shop, 600)
    (message,) = await told(shop)
    assert "of yours is paused" in message["text"]
    assert await posted(shop) == []
    channels["C0OPS"] = ops
    await shop.person("ada", "ops").unshare_channel()
    await shop.person("ada", "ops").command("/emporix alerts on")
    await later(shop, 120)
    assert len(await posted(shop)) == 1


async def test_pauses_where_emporix_does_not_take_its_filters(shop: Shop) -> None:
    """A query that Emporix understood once; the other alerts go on."""
    general = shop.person("ada", "general")
    await general.command("/emporix alerts on q:status:SKIPPED")
    shop.world.faults.add(EmporixFault("status", status=400, path="/jobs"))
    await later(shop, 120)
    (message,) = await told(shop)
    assert "1 alert of yours is paused" in message["text"]


@pytest.mark.parametrize(
    "fault",
    [
        EmporixFault("status", times=6, status=500),
        EmporixFault("rate_limit", times=1, retry_after=100),
        EmporixFault("html", times=4),
        EmporixFault("cut_before", times=4),
    ],
    ids=lambda fault: fault.kind,
)
async def test_goes_on_after_trouble_at_emporix(shop: Shop, fault: EmporixFault) -> None:
    """What happened meanwhile is told once Emporix answers; nobody is told of the trouble."""
    fail(shop)
    shop.world.faults.add(fault)
    await later(shop, 400)
    assert (len(await posted(shop)), await told(shop)) == (1, [])


async def test_leaves_emporix_alone_as_long_as_it_asks(shop: Shop) -> None:
    """A Retry-After is kept."""
    shop.world.faults.add(EmporixFault("rate_limit", times=1, retry_after=300))
    await later(shop, 51)
    before = looks(shop)
    await later(shop, 290)
    assert looks(shop) == before


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=2, method="chat.postMessage"),
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=20),
        Fault("cut_after", times=1, method="chat.postMessage"),
        Fault("cut_after", times=2, method="chat.postMessage"),
        Fault("cut_before", times=2, method="chat.postMessage"),
        Fault("html", times=2, method="chat.postMessage"),
        Fault("status", times=1, method="chat.update"),
        Fault("cut_after", times=1, method="chat.update"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.times}-{fault.method}",
)
async def test_tells_once_whatever_slack_answers(shop: Shop, fault: Fault) -> None:
    """A refused message comes later; one that arrived unseen does not come again."""
    fail(shop)
    fail(shop)
    shop.workspace.faults.add(fault)
    await later(shop, 200)
    fail(shop)
    await later(shop, 200)
    messages = await posted(shop)
    assert [bool(message["thread_ts"]) for message in messages] == [False, True, True]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut_before", times=10_000),
        Fault("status", times=10_000),
        Fault("html", times=10_000),
    ],
    ids=lambda fault: fault.kind,
)
async def test_waits_where_slack_is_down(shop: Shop, fault: Fault) -> None:
    """However long that takes: no alert is paused for it, and nobody has to turn it on again."""
    fail(shop)
    shop.workspace.faults.add(fault)
    await later(shop, 900)
    shop.workspace.faults.clear()
    await later(shop, 60)
    assert (len(await posted(shop)), await told(shop)) == (1, [])


async def test_says_when_slack_did_not_say(shop: Shop) -> None:
    """Where the app may not look, nothing is posted again, and the owner is told."""
    shop.workspace.bot_scopes -= {"channels:history"}
    shop.workspace.faults.add(Fault("cut_after", method="chat.postMessage"))
    fail(shop)
    await later(shop, 200)
    assert len(await posted(shop)) == 1
    (message,) = await told(shop)
    assert "may not have arrived" in message["text"]
    fail(shop)
    await later(shop)
    assert len(await posted(shop)) == 2


async def test_a_channel_that_it_left_hears_nothing_of_repeats(shop: Shop) -> None:
    """A repeat alone is enough to find out."""
    fail(shop)
    await later(shop)
    channels = shop.workspace.directory.channels
    ops = channels["C0OPS"]
    channels["C0OPS"] = replace(ops, members=ops.members - {BOT_USER_ID})
    fail(shop)
    await later(shop)
    (message,) = await told(shop)
    assert "1 alert of yours is paused" in message["text"]


async def records(shop: Shop) -> dict[str, dict[str, str]]:
    """All that is kept of alerts, their messages excepted."""
    keys = [key async for key in shop.redis.scan_iter("*:alert:*") if ":post" not in key]
    return {key: await shop.redis.hgetall(key) for key in keys}


async def restore(shop: Shop, before: dict[str, dict[str, str]], unknown: list[str]) -> None:
    """As if a worker had died before it wrote down what came of its posts."""
    for key, record in before.items():
        await shop.redis.hset(key, mapping=record)
        await shop.redis.delete(f"{key}:posts")
    for key in unknown:
        await shop.redis.set(key, str(shop.clock() - 1))


async def test_a_worker_that_dies_loses_and_repeats_nothing(shop: Shop) -> None:
    """Killed when Slack has the message and Redis does not know: whoever goes on looks for it."""
    fail(shop, "a")
    fail(shop, "b")
    shop.workspace.faults.add(Fault("cut_before", times=1, method="chat.postMessage"))
    await later(shop, 50)
    before = await records(shop)
    await later(shop, 60)
    assert len(await posted(shop)) == 2
    posts = [key async for key in shop.redis.scan_iter("*:post:alert:*")]
    for dead in (posts[:1], posts[1:], posts):
        await restore(shop, before, unknown=dead)
        await later(shop, 120)
        assert len(await posted(shop)) == 2
    fail(shop, "c")
    await later(shop)
    assert "*3 times*" in str((await posted(shop))[0]["blocks"])


async def test_keeps_to_one_message_a_second(shop: Shop) -> None:
    """Slack's limit for a channel holds for threads, too."""
    shop.workspace.post_limits.by_channel = True
    for number in range(3):
        fail(shop, agentId=f"agent-{number}")
        fail(shop, agentId=f"agent-{number}")
    await later(shop)
    for number in range(3):
        fail(shop, agentId=f"agent-{number}")
    await later(shop)
    assert shop.workspace.post_limits.refused == 0
    assert len(await posted(shop)) == 3


async def a_day_passes(shop: Shop) -> None:
    """Without a worker; the look after it finds nothing."""
    shop.clock.now += 24 * 60 * MINUTE
    await later(shop)


async def test_pauses_where_its_owner_has_left(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """The channel is told once, and can go on; what was news meanwhile comes then."""
    await shop.connect(shop.grace, ACME_OPERATIONS)
    await a_day_passes(shop)
    shop.workspace.directory.deactivate("U0ADA")
    fail(shop, "job-a")
    await later(shop)
    fail(shop, "job-b", TIMED_OUT)
    await later(shop, 5 * MINUTE)
    (said,) = [one for one in await in_ops(shop) if "is paused" in one["text"]]
    assert shown(said) == snapshot
    assert await posted(shop) == []
    assert not await shop.redis.exists(layout.account(Caller(TEAM_ID, "U0ADA")))
    await shop.person("grace", "ops").click("Take over")
    await later(shop, 2 * MINUTE)
    blocks = str([message["blocks"] for message in await posted(shop)])
    assert "job-a" in blocks
    assert "job-b" in blocks


async def test_asks_once_a_day_whether_its_owner_is_there(shop: Shop) -> None:
    """Not with each message: who leaves is noticed the day after."""
    await a_day_passes(shop)
    fail(shop, "job-a")
    await later(shop)
    shop.workspace.directory.deactivate("U0ADA")
    fail(shop, "job-b", TIMED_OUT)
    await later(shop)
    assert len(await posted(shop)) == 2
    await a_day_passes(shop)
    fail(shop, "job-c")
    await later(shop)
    assert len(await posted(shop)) == 2


async def in_ops(shop: Shop) -> list[dict[str, Any]]:
    return list(await shop.person("grace", "ops").messages())


async def notices(shop: Shop) -> list[dict[str, Any]]:
    """What #ops reads about pauses."""
    return [one for one in await in_ops(shop) if "paused:" in one["text"]]


async def test_a_channel_reads_twice_that_an_alert_is_paused(
    shop: Shop, snapshot: SnapshotAssertion
) -> None:
    """At once and 24 hours later, and never again; its owner reads it once."""
    await later(shop)
    shop.world.revoke(ACME_OPERATIONS)
    await later(shop, 600)
    assert len(await notices(shop)) == 1
    await shop.worker.work_until(shop.clock() + 23 * 3600, step=600)
    assert len(await notices(shop)) == 1
    await shop.worker.work_until(shop.clock() + 2 * 3600, step=600)
    _, second = await notices(shop)
    assert shown(second) == snapshot
    await shop.worker.work_until(shop.clock() + 5 * 24 * 3600, step=3600)
    assert (len(await notices(shop)), len(await told(shop))) == (2, 1)


async def test_no_notice_follows_where_somebody_took_over(shop: Shop) -> None:
    """The second one is for pauses that last."""
    await later(shop)
    shop.world.revoke(ACME_OPERATIONS)
    await later(shop, 600)
    grace = shop.person("grace", "ops")
    await shop.connect(grace, ACME_READ_ONLY)
    await grace.click("Take over")
    await shop.worker.work_until(shop.clock() + 26 * 3600, step=600)
    assert len(await notices(shop)) == 1
    assert "took over" in (await told(shop))[-1]["text"]


async def the_alert(shop: Shop) -> Alert:
    (alert,) = await AlertStore(shop.redis, shop.vault).of_source(Source(ADA, "acme"))
    return alert


async def test_an_unexpected_error_pauses_with_a_word(shop: Shop) -> None:
    """After some attempts, as nobody knows what it is: channel and owner read that it is paused."""
    await shop.redis.hset(layout.alert_posts((await the_alert(shop)).id), "not", "a string")
    fail(shop)
    await later(shop, 600)
    (said,) = await notices(shop)
    assert "an unexpected error occurred" in said["text"]
    assert "1 alert of yours is paused" in (await told(shop))[-1]["text"]


@pytest.mark.parametrize("method", ["users.info", "conversations.info", "chat.postMessage"])
@pytest.mark.parametrize("word", ["missing_scope", "no_permission", "restricted_action"])
async def test_a_permanent_refusal_pauses_with_its_reason(
    shop: Shop, caplog: pytest.LogCaptureFixture, method: str, word: str
) -> None:
    """Within five minutes, with a line in the log; and channel and owner read why."""
    await a_day_passes(shop)
    fail(shop)
    shop.workspace.faults.add(Fault("refuse", method=method, error=word))
    await later(shop, 300)
    paused = (await the_alert(shop)).paused
    assert paused == ("unknown" if (method, word) == UNKNOWN_READERS else word)
    assert "is paused, as it cannot be posted" in caplog.text
    assert len(await notices(shop)) == 1
    assert len(await told(shop)) == 1


UNKNOWN_READERS = ("conversations.info", "missing_scope")


@pytest.mark.parametrize("method", ["users.info", "conversations.info", "chat.postMessage"])
@pytest.mark.parametrize(
    "fault",
    [Fault("rate_limit", times=3, retry_after=20), Fault("status", times=3)],
    ids=lambda fault: fault.kind,
)
async def test_a_temporary_refusal_waits(shop: Shop, method: str, fault: Fault) -> None:
    """The news comes a little later, and nothing is paused."""
    await a_day_passes(shop)
    fail(shop)
    shop.workspace.faults.add(replace(fault, method=method))
    await later(shop, 300)
    assert (len(await posted(shop)), await notices(shop), await told(shop)) == (1, [], [])


async def test_a_notice_that_slack_refused_comes_a_day_later(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """For example while only administrators could post there."""
    await later(shop)
    shop.world.revoke(ACME_OPERATIONS)
    refusal = Fault("refuse", times=9999, method="chat.postMessage", error="restricted_action")
    shop.workspace.faults.add(refusal)
    await later(shop, 600)
    shop.workspace.faults.clear()
    assert (await notices(shop), await told(shop)) == ([], [])
    assert "was not posted: restricted_action" in caplog.text
    await shop.worker.work_until(shop.clock() + 25 * 3600, step=600)
    (said,) = await notices(shop)
    assert "still paused" in said["text"]


async def test_a_notice_waits_for_the_token(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """While Slack refuses the app's token the log has an error; then channel and owner read why."""
    await later(shop)
    shop.world.revoke(ACME_OPERATIONS)
    token, shop.workspace.bot_token = shop.workspace.bot_token, "xoxb-new"
    await later(shop, 600)
    assert "scheduled work stops" in caplog.text
    shop.workspace.bot_token = token
    await shop.redis.delete(layout.shift("teams"))  # Redis' own clock stands still
    await later(shop, 300)
    assert (len(await notices(shop)), len(await told(shop))) == (1, 1)


async def test_people_of_other_organisations_read_no_notice(shop: Shop) -> None:
    """It names what the alert searches for; its owner reads why it is paused."""
    shop.workspace.directory.share("C0OPS")
    fail(shop)
    await later(shop, 600)
    assert await notices(shop) == []
    assert "people of other organisations" in (await told(shop))[-1]["text"]


async def test_one_unreadable_alert_hides_no_other(shop: Shop) -> None:
    """The others of its connection go on."""
    source = layout.alerts_of_source(Source(ADA, "acme").name)
    await shop.redis.hset(layout.alert("lost"), mapping={"version": 1, "record": "1.dead.x"})
    await shop.redis.sadd(source, "lost")
    await later(shop)
    fail(shop)
    await later(shop)
    assert len(await posted(shop)) == 1
