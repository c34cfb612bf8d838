"""Run again… — sends a failed job's message to its agent again, at most once per confirmation."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.domain.runs import Run, run_id
from bot.errors import InvalidRequest
from bot.rendering.buttons import JOBS_RUN_AGAIN_ASK, JobButton
from bot.rendering.renderer import Renderer
from bot.services.runs import RunRequest
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.due_index import run_store
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.faults import Fault as SlackFault
from tests.harness import sample_requests
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.harness.runs import (
    ASKED,
    CHAT,
    JOB,
    add_failed,
    ask,
    confirm,
    recorded,
    shown,
    started,
    without_ids,
)
from tests.harness.signed_requests import Poster


async def test_shows_what_was_sent(acting: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The form has the message to edit, and warns that the agent acts again."""
    exchange = await ask(acting.ada)
    assert exchange.payloads[-1]["view"] == snapshot
    assert started(acting) == []


async def test_starts_the_agent(acting: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The edited message is sent; the modal names the new job, and so does the old one."""
    await ask(acting.ada)
    exchange = await confirm(acting.ada, "Where is my refund for EON1032?")
    assert without_ids(exchange.payloads) == snapshot
    (job,) = started(acting)
    assert job["message"] == "Where is my refund for EON1032?"
    assert job["agentId"] == "complaint-agent"
    assert await recorded(acting) == [("U0ADA", "done")]
    again = await acting.ada.command(f"/emporix jobs get {JOB}")
    assert without_ids(again.payloads[-1]["blocks"]) == snapshot(name="old job")
    opened = await acting.ada.click("Open new job")
    assert "Running" in shown(opened)


async def test_offers_nothing_without_the_right(harness: AppHarness) -> None:
    """Without the user's consent, the scope, or a failed chat, there is no button."""
    add_failed(harness)
    await harness.connect(harness.ada, ACME_OPERATIONS)
    assert "Run again" not in str((await harness.ada.command(f"/emporix jobs get {JOB}")).payloads)
    await harness.connect(harness.ada, ACME_READ_ONLY, with_actions=True)
    assert "Run again" not in str((await harness.ada.command(f"/emporix jobs get {JOB}")).payloads)
    await harness.connect(harness.ada, ACME_OPERATIONS, with_actions=True)
    for changes in ({"status": "success"}, {"type": "EXPORT"}, {"agentId": None}):
        add_failed(harness, **changes)
        exchange = await harness.ada.command(f"/emporix jobs get {JOB}")
        assert "Run again" not in str(exchange.payloads)


async def test_the_operator_can_turn_it_off(redis: Any, redis_url: str, clock: FakeClock) -> None:
    """With AGENT_ACTIONS=off there is no button, and an older one is refused with advice."""
    async with open_app(redis, redis_url, clock, agent_actions="off") as harness:
        add_failed(harness)
        await harness.connect(harness.ada, ACME_OPERATIONS)
        exchange = await harness.ada.command(f"/emporix jobs get {JOB}")
        assert "Run again" not in str(exchange.payloads)
        poster = Poster(harness.http, harness.bot_url, harness.workspace.signing_secret, clock)
        url = harness.slack_url + harness.workspace.response_urls.new("U0ADA", "C0GENERAL")
        value = JobButton(tenant="acme", job_id=JOB).value
        await poster.interaction(sample_requests.block_actions(JOBS_RUN_AGAIN_ASK, value, url))
        await poster.settled()
        assert "turned off" in (await harness.ada.messages())[-1]["text"]
        assert started(harness) == []


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 429])
async def test_a_refusal_is_shown_in_the_form(
    acting: AppHarness, status: int, snapshot: SnapshotAssertion
) -> None:
    """After a definite refusal the form stays, and can be submitted again at once."""
    acting.emporix_state.faults.add(Fault("status", path=CHAT, status=status))
    await ask(acting.ada)
    exchange = await confirm(acting.ada, "Once more")
    assert exchange.field_errors == snapshot
    assert started(acting) == []
    assert "Started" in str((await confirm(acting.ada)).payloads)
    assert [job["message"] for job in started(acting)] == ["Once more"]
    assert [user for user, _ in await recorded(acting)] == ["U0ADA"] * 2


async def test_two_people_start_one_agent(acting: AppHarness) -> None:
    """Two people and double clicks start one agent; the others learn who was first."""
    await acting.connect(acting.grace, ACME_OPERATIONS, with_actions=True)
    await ask(acting.ada)
    await ask(acting.grace)
    both = await asyncio.gather(confirm(acting.ada), confirm(acting.grace))
    assert len(started(acting)) == 1
    texts = "".join(str(exchange.payloads) for exchange in both)
    assert "Started." in texts
    assert "Nothing more was started" in texts
    assert sorted(result for _, result in await recorded(acting)) == ["done", "run_taken"]


async def test_two_forms_of_one_user(acting: AppHarness) -> None:
    """If a user confirms two forms at once, one says that its message, which it shows, wasn't sent.

    The audit log has both.
    """
    other = acting.person("ada", "ops")
    await ask(acting.ada)
    await ask(other)
    texts = ("Where is EON1032?", "Where is EON1033?")
    both = await asyncio.gather(confirm(acting.ada, texts[0]), confirm(other, texts[1]))
    (job,) = started(acting)
    answers = {text: str(one.payloads) for text, one in zip(texts, both, strict=True)}
    sent = answers.pop(job["message"])
    ((unsent, answer),) = answers.items()
    assert "*Started.*" in sent
    assert "this message wasn't sent" in answer
    assert unsent in answer
    assert sorted(result for _, result in await recorded(acting)) == ["done", "run_taken"]


async def test_a_failure_of_redis_keeps_the_form(acting: AppHarness) -> None:
    """If an attempt can't be read or stored, the form stays with the message, with advice."""
    await ask(acting.ada)
    runs = run_store(acting.redis, Cipher(parse_keys(new_key())))
    id_ = run_id(Caller("T0ACME", "U0ADA"), "acme", JOB)
    run = Run("acme", JOB, 1, Caller("T0ACME", "U0ADA"), "s1", acting.clock())
    await runs.update(id_, acting.clock(), lambda _: run)
    exchange = await confirm(acting.ada, "Once more")
    assert exchange.field_errors == {
        "text": "Not started: the app's database doesn't answer. Try again in a minute."
    }
    await acting.redis.delete(redis_keys.run(id_))
    await confirm(acting.ada)
    assert [job["message"] for job in started(acting)] == ["Once more"]


async def test_a_long_message_is_sent_unchanged(
    acting: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A message that doesn't fit into a field is sent as it is, unless another one is typed."""
    long = "Where is it? " * 400
    add_failed(acting, message=long)
    exchange = await ask(acting.ada)
    assert exchange.payloads[-1]["view"]["blocks"][-1] == snapshot
    await confirm(acting.ada)
    assert started(acting)[0]["message"] == long


async def test_says_what_an_event_left_out(acting: AppHarness) -> None:
    """For a job that an event started, the form says that the agent doesn't get the event."""
    add_failed(acting, commerceEvent="return.return-created", response=None)
    exchange = await ask(acting.ada)
    assert "The agent gets only the message below" in shown(exchange)
    assert "or is the agent's answer. Check it." in shown(exchange)


async def test_an_emptied_message_is_not_replaced(acting: AppHarness) -> None:
    """If the user leaves only spaces, nothing is started: not even with the original message."""
    await ask(acting.ada)
    exchange = await confirm(acting.ada, "   ")
    assert "There is no message to send" in str(exchange.field_errors)
    assert started(acting) == []


@pytest.mark.parametrize("state", ["started", "not_found", "unchecked"])
async def test_an_older_form_starts_nothing(acting: AppHarness, state: str) -> None:
    """A form from before the last run starts nothing, and says so also to the user who ran it."""
    await ask(acting.ada)
    ada = Caller("T0ACME", "U0ADA")
    run = Run("acme", JOB, 1, ada, "s1", acting.clock(), state, new_job_id="n1", is_settled=True)
    runs = run_store(acting.redis, acting.cipher)
    await runs.update(run_id(ada, "acme", JOB), acting.clock(), lambda _: run)
    exchange = await confirm(acting.ada, "Something else")
    assert "Nothing more was started" in str(exchange.payloads)
    assert started(acting) == []


async def test_a_second_person_can_open_the_new_job(acting: AppHarness) -> None:
    """A user whose message wasn't sent, as another attempt came first, can open that one's job."""
    await acting.connect(acting.grace, ACME_OPERATIONS, with_actions=True)
    await ask(acting.ada)
    await ask(acting.grace)
    await confirm(acting.grace)
    (job,) = started(acting)
    assert "wasn't sent" in str((await confirm(acting.ada, "Where is EON1032?")).payloads)
    opened = await acting.ada.click("Open new job")
    assert job["id"] in str(opened.payloads)


@pytest.mark.parametrize("end", ["refused", "taken"])
async def test_a_message_that_was_not_sent_after_the_form_was_closed(
    acting: AppHarness, end: str, snapshot: SnapshotAssertion
) -> None:
    """If the form was closed before the result, a user whose message wasn't sent gets it back."""
    await ask(acting.ada)
    slow = Fault("delay", seconds=2.5, path="/oauth/token")
    if end == "refused":
        acting.emporix_state.faults.add(slow)
        acting.emporix_state.faults.add(Fault("status", path=CHAT, status=429))
    else:
        await acting.connect(acting.grace, ACME_OPERATIONS, with_actions=True)
        await ask(acting.grace)
        await confirm(acting.grace)
        acting.emporix_state.faults.add(replace(slow, path=f"/jobs/{JOB}"))
    gone = SlackFault("refuse", method="views.update", error="not_found", times=9)
    acting.workspace.faults.add(gone)
    exchange = await confirm(acting.ada, "Where is EON1032?")
    assert [job["message"] for job in started(acting)] == ([] if end == "refused" else [ASKED])
    sent = [one["payload"] for one in exchange.sent if one["via"] == "chat.postMessage"]
    assert without_ids(sent) == snapshot


def test_words_of_emporix_are_not_formatted() -> None:
    """Emporix's reason for a refusal is plain text, wherever it is shown."""
    refused = InvalidRequest("*No* <!channel> :wave:")
    request = RunRequest("acme", JOB, "")
    facts = {"error": refused, "text": "", "request": request, "run": None}
    for template in ("jobs/run_again.unsent", "jobs/run_again.not_sent"):
        message: Any = Renderer.default().render(template, **facts)
        blocks = message["blocks"]
        (said,) = [one["text"] for one in blocks if "Emporix said" in str(one)]
        assert said["type"] == "plain_text"


@pytest.mark.parametrize("meanwhile", ["disconnected", "fewer rights"])
async def test_an_old_form_keeps_its_message(acting: AppHarness, meanwhile: str) -> None:
    """If the connection was lost or changed since the form was opened, the message stays in it."""
    await ask(acting.ada)
    other = acting.person("ada", "ops")
    if meanwhile == "disconnected":
        await other.command("/emporix disconnect acme")
        await other.click("Disconnect")
    else:
        accounts = AccountStore(acting.redis, AccountEncryption(acting.cipher))
        account = await accounts.load(Caller("T0ACME", "U0ADA"))
        held = replace(account.connections["acme"], allows_actions=False)
        await accounts.save(held, default=True)
    exchange = await confirm(acting.ada, "Where is EON1032?")
    (said,) = exchange.field_errors.values()
    assert "no longer" in said
    assert started(acting) == []
    result = "not_connected" if meanwhile == "disconnected" else "action_not_allowed"
    assert await recorded(acting) == [("U0ADA", result)]


async def test_an_original_message_that_is_too_long(acting: AppHarness) -> None:
    """The form doesn't offer to send a message that is too long to be sent."""
    add_failed(acting, message="x" * 100_001)
    form = shown(await ask(acting.ada))
    assert "which is too long to send" in form
    assert "Leave this empty" not in form
