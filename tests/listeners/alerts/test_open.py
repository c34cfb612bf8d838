"""/emporix alerts open, and the buttons that claim, resolve and reopen an alert's failures."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from syrupy.assertion import SnapshotAssertion

import bot
from bot.domain.alerts import Alert
from bot.domain.responses import MessageResponse
from bot.listeners.alerts import open as open_listeners
from bot.rendering.renderer import Renderer
from bot.services.alerts.lifecycle import AlertResponder
from bot.slack.decorators import Listener
from bot.slack.posting.alerts import AlertMessages
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from bot.store.idempotency import Deletions
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Exchange
from tests.harness import sample_requests
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.signed_requests import Poster
from tests.listeners.alerts.fixtures import with_failure
from tests.store.fixtures import ADA
from tests.tasks.test_alerts import TIMED_OUT, fail, later, posted, shown

DAY = 24 * 60 * 60.0
TEMPLATES = Path(bot.__file__).parent.parent / "templates"


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    return await with_failure(connected)


async def respond(harness: AppHarness, name: str, button: str) -> list[dict[str, Any]]:
    """Click a button of the message as a user; returns the app's answers to the user."""
    return answers(await harness.person(name, "ops").click(button))


def answers(exchange: Exchange) -> list[dict[str, Any]]:
    """What the app sent to the user who clicked, without updates of the channel's message."""
    return [payload for payload in exchange.payloads if "ts" not in payload]


async def click_in(
    harness: AppHarness, message: dict[str, Any], user_id: str, button: str, team: str = TEAM_ID
) -> None:
    """Send a click on a button of a message as it was, as Slack does for a message not updated."""
    (element,) = [
        one
        for block in message["blocks"]
        for one in block.get("elements", ())
        if one["type"] == "button" and one["text"]["text"] == button
    ][:1]
    request = sample_requests.block_actions(element["action_id"], element["value"], "")
    request["user"] = {"id": user_id, "team_id": team}
    request["channel"] = {"id": "C0OPS", "name": "ops"}
    request["container"] |= {"channel_id": "C0OPS", "message_ts": message["ts"]}
    request["message"] = {**message, "app_id": request["api_app_id"]}
    poster = Poster(harness.http, harness.bot_url, harness.workspace.signing_secret, harness.clock)
    assert (await poster.interaction(request)).status_code == 200
    await poster.settled()


async def told_to(harness: AppHarness, name: str) -> str:
    """The newest message that only a user sees in the channel."""
    messages = await harness.person(name, "ops").messages()
    return str([one for one in messages if one["ephemeral"]][-1]["text"])


async def thread(harness: AppHarness) -> list[str]:
    """The texts of the replies to the message."""
    return [one["text"] for one in await posted(harness) if one["thread_ts"]]


async def state(harness: AppHarness) -> str:
    """The text and the buttons of the message's state."""
    message, *_ = await posted(harness)
    blocks = {one["block_id"]: one.get("elements") for one in message["blocks"]}
    texts = [one["text"] for one in blocks.get("response.state", ())]
    buttons = [button["text"]["text"] for button in blocks["response.actions"]]
    said = [re.sub(r"<!date.*?>", "(time)", words) for words in texts]
    return " | ".join([*said, *buttons])


async def unclaimed(harness: AppHarness, name: str = "ada", channel: str = "ops") -> str:
    answer = await harness.person(name, channel).command("/emporix alerts open")
    return json.dumps(answer.payloads[-1], ensure_ascii=False)


async def test_anyone_in_the_channel_can_claim(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A person without an API key claims failures: the message says so at once, then its thread."""
    assert await state(harness) == "I'm on it | Resolve"
    assert await respond(harness, "grace", "I'm on it") == []
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"
    assert await thread(harness) == []
    await later(harness, 5)
    message, line = await posted(harness)
    assert (line["text"], line["thread_ts"]) == ("🙋 <@U0GRACE> is on it.", message["ts"])
    assert shown(message) == snapshot


async def test_resolving_and_reopening_are_shown(harness: AppHarness) -> None:
    """Each change is in the message, and once in the thread, in order."""
    for button in ("I'm on it", "Resolve", "Reopen", "Resolve"):
        await respond(harness, "grace", button)
    assert await state(harness) == "✅ Resolved by <@U0GRACE> · (time) | Reopen"
    await later(harness, 300)
    assert await thread(harness) == [
        "🙋 <@U0GRACE> is on it.",
        "✅ Resolved by <@U0GRACE>.",
        "↩️ Reopened by <@U0GRACE>.",
        "✅ Resolved by <@U0GRACE>.",
    ]


async def test_two_who_click_at_once(harness: AppHarness) -> None:
    """One of two people becomes the owner, and the other one sees who was faster."""
    people = [harness.person(name, "ops") for name in ("ada", "grace")]
    exchanges = await asyncio.gather(*(one.click("I'm on it") for one in people))
    told = [answer["text"] for exchange in exchanges for answer in answers(exchange)]
    await later(harness, 5)
    (owner,) = re.findall(r"🙋 <@(\w+)> has been on it", await state(harness))
    assert len(told) == 1
    assert f"<@{owner}> has been on it" in told[0]
    assert await thread(harness) == [f"🙋 <@{owner}> is on it."]


async def test_a_second_click_changes_nothing(harness: AppHarness) -> None:
    """Clicks on buttons that are outdated explain the state, and post nothing."""
    before, *_ = await posted(harness)
    await respond(harness, "ada", "I'm on it")
    for user_id, name, words in (
        ("U0ADA", "ada", "You've been on it"),
        ("U0GRACE", "grace", "<@U0ADA> has been on it"),
    ):
        await click_in(harness, before, user_id, "I'm on it")
        assert words in await told_to(harness, name)
    await later(harness, 5)
    assert await thread(harness) == ["🙋 <@U0ADA> is on it."]


async def test_a_new_failure_joins_a_claimed_message(harness: AppHarness) -> None:
    """A claimed message gets the same failure for a week, and stays claimed."""
    await respond(harness, "grace", "I'm on it")
    for days in (3, 3, 3):
        await later(harness, 60)
        harness.clock.forward(days * DAY)
        await later(harness, 60)
        fail(harness)
        await later(harness, 120)
    first, *_ = await posted(harness)
    assert "*3×*" in str(first["blocks"])
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"
    assert len([one for one in await posted(harness) if not one["thread_ts"]]) == 2


async def test_a_new_failure_reopens_a_resolved_message(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The same failure after Resolve opens the message again, and the thread says so."""
    await respond(harness, "grace", "Resolve")
    await later(harness)
    fail(harness)
    await later(harness)
    assert await state(harness) == "↩️ Reopened by a new failure · (time) | I'm on it | Resolve"
    first, *replies = await posted(harness)
    assert [reply["text"] for reply in replies] == snapshot
    assert "*2×*" in str(first["blocks"])
    await later(harness, 600)
    assert len(await posted(harness)) == 4


async def test_another_failure_reopens_nothing(harness: AppHarness) -> None:
    """A failure with another cause gets its own message, and the resolved one stays as it is."""
    await respond(harness, "grace", "Resolve")
    fail(harness, message=TIMED_OUT)
    await later(harness)
    assert await state(harness) == "✅ Resolved by <@U0GRACE> · (time) | Reopen"
    assert len([one for one in await posted(harness) if not one["thread_ts"]]) == 2


async def test_lists_unclaimed_failures(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The list has each unclaimed message of the channel, with a link to it, for everyone there."""
    fail(harness, message=TIMED_OUT)
    await later(harness)
    answer = await harness.person("grace", "ops").command("/emporix alerts open")
    assert answer.payloads == snapshot
    message, *_ = await posted(harness)
    link = f"https://slack.com/archives/C0OPS/p{message['ts'].replace('.', '')}"
    assert link in await unclaimed(harness)
    await respond(harness, "grace", "I'm on it")
    assert "*1 message with failures that no one has claimed*" in await unclaimed(harness)
    assert "no alerts" in await unclaimed(harness, channel="general")


async def test_lists_the_failures_of_all_your_alerts(harness: AppHarness) -> None:
    """In a direct message, the list has the failures of the alerts on your connections."""
    assert "*1 message with failures that no one has claimed* in your channels" in await unclaimed(
        harness, channel="dm"
    )
    assert "You have no alerts" in await unclaimed(harness, "grace", "dm")


async def test_unclaimed_failures_are_listed_for_a_week(harness: AppHarness) -> None:
    """Unclaimed failures are listed for a week; a change of their state starts it again."""
    harness.clock.forward(6.9 * DAY)
    assert "*1 message with failures that no one has claimed*" in await unclaimed(harness)
    harness.clock.forward(0.2 * DAY)
    assert "No unclaimed failures in this channel" in await unclaimed(harness)


async def test_an_old_message_cannot_be_claimed(harness: AppHarness) -> None:
    """After a week, the buttons of a message say that it is too old."""
    harness.clock.forward(7.1 * DAY)
    (answer,) = await respond(harness, "ada", "I'm on it")
    assert "This message is too old to act on" in answer["text"]
    assert "I'm on it" in await state(harness)


async def test_the_home_tab_lists_unclaimed_failures(harness: AppHarness) -> None:
    """The Home tab of an alert's owner has a link to its unclaimed failures."""
    home = json.dumps((await harness.ada.open_home()).payloads[-1], ensure_ascii=False)
    assert "*1 message with failures that no one has claimed*" in home
    await respond(harness, "grace", "Resolve")
    home = json.dumps((await harness.ada.open_home()).payloads[-1], ensure_ascii=False)
    assert "that no one has claimed" not in home


async def test_a_click_delivered_twice_counts_once(harness: AppHarness) -> None:
    """Slack may deliver a click twice: it is one change, with one line in the thread."""
    message, *_ = await posted(harness)
    for _ in range(2):
        await click_in(harness, message, "U0GRACE", "Resolve")
        await later(harness, 5)
    assert await state(harness) == "✅ Resolved by <@U0GRACE> · (time) | Reopen"
    assert await thread(harness) == ["✅ Resolved by <@U0GRACE>."]


async def test_a_claim_without_a_working_connection(harness: AppHarness) -> None:
    """Failures can be claimed although the API key of the alert's owner no longer works."""
    await harness.person("ada", "ops").command("/emporix disconnect")
    await harness.person("ada", "ops").click("Disconnect")
    await respond(harness, "grace", "I'm on it")
    await later(harness, 5)
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"


async def claim_without_slack(harness: AppHarness) -> Alert:
    """Claim the message as a process that dies after it has saved the claim in Redis."""
    store = AlertStore(harness.redis, harness.cipher)
    (alert,) = await store.of_channel(TEAM_ID, "C0OPS")
    message, *_ = await posted(harness)
    responder = AlertResponder(store, harness.clock)
    assert (await responder.respond(alert, message["ts"], "claim", "U0GRACE")).is_changed
    return alert


async def test_the_web_process_dies_after_the_claim(harness: AppHarness) -> None:
    """A claim that is saved but not shown is shown by the worker, once."""
    await claim_without_slack(harness)
    assert await state(harness) == "I'm on it | Resolve"
    await later(harness, 300)
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"
    assert await thread(harness) == ["🙋 <@U0GRACE> is on it."]


async def test_the_worker_dies_before_it_saves_what_it_has_shown(harness: AppHarness) -> None:
    """A worker that repeats another one's work posts no line twice."""
    alert = await claim_without_slack(harness)
    key, due = redis_keys.alert_responses(alert.id), redis_keys.alert_responses_due()
    before = await harness.redis.hgetall(key)
    await later(harness, 5)
    assert await harness.redis.zcard(due) == 0
    await harness.redis.hset(key, mapping=before)
    await harness.redis.zadd(due, {alert.id: harness.clock()})
    await later(harness, 300)
    assert await harness.redis.zcard(due) == 0
    assert await thread(harness) == ["🙋 <@U0GRACE> is on it."]


async def test_a_lost_schedule_is_restored(harness: AppHarness) -> None:
    """A claim is shown although Redis has lost the index of due responses."""
    await claim_without_slack(harness)
    await harness.redis.delete(redis_keys.alert_responses_due())
    store = AlertStore(harness.redis, harness.cipher)
    assert await store.responses.due.reconcile(harness.clock()) == 1
    await later(harness, 5)
    assert await thread(harness) == ["🙋 <@U0GRACE> is on it."]


async def test_a_deleted_message_is_given_up(harness: AppHarness) -> None:
    """If the message was deleted in Slack, its claim is no longer due, and nothing is posted."""
    message, *_ = await posted(harness)
    await claim_without_slack(harness)
    client = AsyncWebClient(harness.workspace.bot_token, f"{harness.slack_url}/api/")
    await client.chat_delete(channel="C0OPS", ts=message["ts"])
    await later(harness, 300)
    assert await posted(harness) == []
    assert await harness.redis.zcard(redis_keys.alert_responses_due()) == 0


async def test_a_permanent_refusal_is_logged(
    harness: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """If Slack never accepts the update, the operator sees it once, and the list is right."""
    harness.workspace.faults.add(
        Fault("refuse", times=9, method="chat.update", error="is_archived")
    )
    await claim_without_slack(harness)
    await later(harness, 300)
    assert caplog.text.count("is not shown in Slack: is_archived") == 1
    assert "No unclaimed failures" in await unclaimed(harness)


async def test_a_later_state_wins(harness: AppHarness) -> None:
    """A process that was suspended before its update corrects it if the state has changed."""
    store = AlertStore(harness.redis, harness.cipher)
    alert = await claim_without_slack(harness)
    message, *_ = await posted(harness)
    responder = AlertResponder(store, harness.clock)
    client = AsyncWebClient(harness.workspace.bot_token, f"{harness.slack_url}/api/")
    messages = AlertMessages(
        Renderer.default(), client, Deletions(harness.redis), responder, harness.clock
    )
    rendered: list[str] = []

    async def render(response: MessageResponse) -> dict[str, Any]:
        rendered.append(response.state)
        if len(rendered) == 1:  # while this process is suspended, another person resolves it
            await responder.respond(alert, message["ts"], "resolve", "U0ADA")
        return {"text": response.state, "blocks": []}

    assert await messages.update(alert, message["ts"], render)
    assert rendered == ["claimed", "resolved"]


@pytest.fixture(params=[False, True], ids=["refused", "let in"])
async def shared(
    request: pytest.FixtureRequest, redis: Any, redis_url: str, clock: FakeClock
) -> AsyncIterator[AppHarness]:
    """An app whose operator lets people from other organizations use it, or not."""
    async with open_app(redis, redis_url, clock, allow_shared_channels=request.param) as opened:
        await opened.connect(opened.ada, ACME_OPERATIONS)
        yield await with_failure(opened)


async def test_people_from_other_organizations_cannot_respond(shared: AppHarness) -> None:
    """Whatever the operator allows, a person from another organization can't claim, resolve, reopen
    or snooze failures: nothing changes, and the person reads why.
    """
    ada = shared.person("ada", "ops")
    for before in ("", "I'm on it", "Resolve", "Snooze for 1 hour"):
        await ada.click(before) if before else None
        await later(shared, 5)
        message, *_ = await posted(shared)
        was, replies = await state(shared), await thread(shared)
        for button in was.split(" | "):
            if button in {"I'm on it", "Resolve", "Reopen", "End snooze"}:
                await click_in(shared, message, "U0EVE", button, team="T0PARTNER")
        await later(shared, 5)
        assert (await state(shared), await thread(shared)) == (was, replies)
    entries = await AuditLog(shared.redis).latest(ADA, 50)
    assert {one.result for one in entries if one.user_id == "U0EVE"} == {"not_ours"}


def test_an_alert_is_what_a_channel_turns_on_and_failures_are_what_people_claim() -> None:
    """Only lists of alerts count alerts; people claim and snooze messages with failures."""
    counting = {
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*.j2")
        if re.search(r'plural\("(more )?alerts?\b', path.read_text())
    }
    assert counting == {"alerts/list.json.j2", "audit.json.j2"}


def test_only_members_can_do_what_changes_the_response_to_failures() -> None:
    """Each listener of an alert's response, also of the modal, is only for members."""
    listeners = [one for one in vars(open_listeners).values() if isinstance(one, Listener)]
    assert [one for one in listeners if not one.for_members] == [open_listeners.list_unclaimed]
    assert len(listeners) == 8


async def test_a_job_deleted_meanwhile_hides_no_claim(harness: AppHarness) -> None:
    """A delete in the message, which replaces a row, keeps the state that is in Redis."""
    before, *_ = await posted(harness)
    await respond(harness, "grace", "I'm on it")
    await later(harness, 5)
    await click_in(harness, before, "U0ADA", "Delete")
    await later(harness, 5)
    first, *_ = await posted(harness)
    assert "Deleted by <@U0ADA>" in str(first["blocks"])
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit", times=2, method="chat.update", retry_after=20),
        Fault("status", times=5, method="chat.update"),
        Fault("status_after", times=5, method="chat.update"),
        Fault("cut_after", times=5, method="chat.update"),
        Fault("cut_before", times=5, method="conversations.history"),
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=20),
        Fault("status_after", times=1, method="chat.postMessage"),
        Fault("cut_after", times=2, method="chat.postMessage"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.times}-{fault.method}",
)
async def test_slack_and_redis_agree_after_errors(harness: AppHarness, fault: Fault) -> None:
    """If Slack doesn't update the message, a worker tries again until it shows the claim."""
    harness.workspace.faults.add(fault)
    await respond(harness, "grace", "I'm on it")
    await later(harness, 600)
    assert await state(harness) == "🙋 <@U0GRACE> has been on it (time). | Resolve | Reopen"
    assert await thread(harness) == ["🙋 <@U0GRACE> is on it."]
