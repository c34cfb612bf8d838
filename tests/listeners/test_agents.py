"""/emporix agents, and pauses of agents from there, from alerts and from opened jobs."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.store.audit import AuditLog
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.tasks.test_alerts import fail, later, told

HOUR = 60 * 60.0
AGENT = "complaint-agent"
PAUSE = {"Reason": "Wrong <!here> *prices*", "How long": "For 4 hours"}


@pytest.fixture
async def connected(harness: AppHarness) -> AppHarness:
    return await connect_people(harness)


async def connect_people(harness: AppHarness) -> AppHarness:
    """Ada and Grace are connected to acme, and allowed agent actions; it has two agents."""
    for person in (harness.grace, harness.ada):
        await harness.connect(person, ACME_OPERATIONS, with_actions=True)
    add_agents(harness)
    return harness


def add_agents(harness: AppHarness) -> None:
    harness.emporix_state.add_agent("acme", id=AGENT, name={"en": "Complaint Agent"})
    harness.emporix_state.add_agent("acme", id="returns", name="Returns", enabled=False)


def agent(harness: AppHarness) -> tuple[bool, int]:
    """Whether the agent is on in Emporix, and its version, which starts with 1."""
    found = harness.emporix_state.tenant("acme").agents.get(AGENT)
    assert found
    return found["enabled"], found["metadata"]["version"]


def switches(harness: AppHarness) -> int:
    """The number of attempts to switch an agent so far."""
    return sum(one.method == "PATCH" for one in harness.emporix_state.requests)


async def view_text(harness: AppHarness, name: str = "ada", channel: str = "general") -> str:
    return json.dumps(await harness.person(name, channel).view(), ensure_ascii=False)


async def pause(harness: AppHarness, name: str = "ada", **values: str) -> str:
    """Pause the agent from the list; returns the text of the modal afterwards."""
    person = harness.person(name)
    await person.command("/emporix agents")
    await person.click("Pause…")
    await person.submit({**PAUSE, **values})
    text = await view_text(harness, name)
    await person.dismiss()
    return text


async def new_messages(harness: AppHarness, name: str) -> list[str]:
    """The texts of direct messages about pauses."""
    texts = [str(one["text"]) for one in await told(harness, name)]
    return [re.sub(r"<!date.*?>", "(time)", one) for one in texts if "Complaint Agent" in one]


async def wait(harness: AppHarness, seconds: float) -> None:
    """Let time pass while the worker runs, in steps that fit its length."""
    await harness.worker.work_until(harness.clock() + seconds, step=max(5.0, seconds / 50))


def shown(exchange: Exchange) -> str:
    return json.dumps(exchange.payloads[-1], ensure_ascii=False)


async def test_list(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The list says which agents are on, and how many of their jobs failed in 24 hours."""
    fail(connected)
    fail(connected, message="<!channel> *No* stock")
    connected.clock.forward(25 * HOUR)
    fail(connected)
    exchange = await connected.ada.command("/emporix agents")
    assert exchange.payloads == snapshot


async def test_pages(connected: AppHarness) -> None:
    """A page has ten agents, and takes one call for each of them and one for the list."""
    for number in range(20):
        connected.emporix_state.add_agent("acme", id=f"a{number:02}", name=f"Agent {number:02}")
    before = len(connected.emporix_state.requests)
    first = shown(await connected.ada.command("/emporix agents"))
    calls = [one.path for one in list(connected.emporix_state.requests)[before:]]
    assert len(calls) == 11
    pages = [first]
    for button in ("Next ›", "Next ›", "‹ Previous", "Refresh"):
        pages.append(shown(await connected.ada.click(button)))
    numbers = [re.search(r"Page \d of \d", page)[0] for page in pages]  # type: ignore[index]
    assert [one[5] for one in numbers] == ["1", "2", "3", "2", "2"]
    names = {name for page in pages for name in re.findall(r"\*(Agent \d\d)\*", page)}
    assert len(names) == 20


async def test_another_tenant(connected: AppHarness) -> None:
    """The command accepts the name of a tenant, and says how to connect to it."""
    assert "Complaint Agent" in shown(await connected.ada.command("/emporix agents ACME"))
    assert "not connected" in shown(await connected.ada.command("/emporix agents globex"))


async def test_pause_and_resume_at_the_end(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A paused agent is off in Emporix, and the app switches it on again at the end, once."""
    await connected.ada.command("/emporix agents")
    form = await connected.ada.click("Pause…")
    result = await connected.ada.submit(PAUSE)
    assert [form.payloads[-1]["view"], result.payloads] == snapshot
    assert agent(connected) == (False, 2)
    listed = shown(await connected.ada.command("/emporix agents"))
    assert "is paused" in listed
    assert "Resume now" in listed
    await wait(connected, 3.9 * HOUR)
    assert agent(connected) == (False, 2)
    await wait(connected, 0.2 * HOUR)
    assert agent(connected) == (True, 3)
    (message,) = await new_messages(connected, "ada")
    assert message == "▶️ *Complaint Agent* is on again: its pause is over · (time)"
    await wait(connected, HOUR)
    assert switches(connected) == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"How long": "Until a date"}, "date"),
        ({"How long": "Until a date", "Date": "2026-11-22"}, "date"),
        ({"How long": "Until a date", "Date": "2027-11-22"}, "date"),
    ],
)
async def test_wrong_dates(values: dict[str, str], field: str, connected: AppHarness) -> None:
    """A date that isn't within the next 30 days is refused under its field."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    answer = await connected.ada.submit({**PAUSE, **values})
    assert list(answer.payloads[-1]["errors"]) == [field]
    assert agent(connected) == (True, 1)


async def test_off_already(connected: AppHarness) -> None:
    """An agent that someone has just switched off isn't paused, so it isn't resumed later."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    connected.emporix_state.change_agent("acme", AGENT, enabled=False)
    await connected.ada.submit(PAUSE)
    assert "already off in Emporix" in await view_text(connected)
    await wait(connected, 5 * HOUR)
    assert agent(connected) == (False, 2)


@pytest.fixture
async def alerted(connected: AppHarness) -> AppHarness:
    return await with_alert(connected)


async def with_alert(connected: AppHarness) -> AppHarness:
    """Grace has turned alerts on in #ops, where a job of the agent has failed."""
    await connected.person("grace", "ops").command("/emporix alerts on")
    fail(connected)
    await later(connected)
    return connected


async def state_of_alert(harness: AppHarness) -> list[str]:
    """The texts and buttons about pauses in the alert's message."""
    messages = await harness.person("ada", "ops").messages()
    (message,) = [one for one in messages if "1 job failed" in one["text"]]
    blocks = [
        one
        for one in message["blocks"]
        if one["block_id"].startswith(("response.pause", "response.resume"))
    ]
    texts = [one["text"] for block in blocks for one in block["elements"]]
    shown = [one if isinstance(one, str) else one["text"] for one in texts]
    return [re.sub(r"<!date.*?>", "(time)", one) for one in shown]


async def test_resume_from_an_alert(alerted: AppHarness) -> None:
    """Anyone in the channel who may pause agents resumes it in the alert's message."""
    ada = alerted.person("ada", "ops")
    await ada.click("Pause Complaint Agent…")
    await ada.submit(PAUSE)
    await wait(alerted, 5)
    await alerted.person("grace", "ops").click("Resume now")
    await wait(alerted, 5)
    (text,) = await state_of_alert(alerted)
    assert "resumed by <@U0GRACE>" in text
    assert agent(alerted) == (True, 3)


async def test_from_an_opened_job(connected: AppHarness) -> None:
    """An opened job has a button that pauses its agent."""
    fail(connected)
    await connected.ada.command("/emporix failed")
    await connected.ada.click("Open")
    await connected.ada.click("Pause agent…")
    await connected.ada.submit(PAUSE)
    assert agent(connected) == (False, 2)


@pytest.mark.parametrize("reason", ["read_only", "no_consent", "off"])
async def test_without_the_right(reason: str, redis: Any, redis_url: str, clock: FakeClock) -> None:
    """Without the right, private screens have no button, and a click in a channel is refused."""
    actions = "off" if reason == "off" else "on"
    async with open_app(redis, redis_url, clock, agent_actions=actions) as harness:
        key = ACME_READ_ONLY if reason == "read_only" else ACME_OPERATIONS
        await harness.connect(harness.ada, key, with_actions=reason == "read_only")
        add_agents(harness)
        await harness.person("ada", "ops").command("/emporix alerts on")
        fail(harness)
        await later(harness)
        assert "Pause…" not in shown(await harness.ada.command("/emporix agents"))
        await harness.ada.command("/emporix failed")
        await harness.ada.click("Open")
        assert "Pause agent…" not in await view_text(harness)
        await harness.ada.dismiss()
        messages = json.dumps(await harness.person("ada", "ops").messages())
        assert ("agents.ask" in messages) is (reason != "off")
        if reason != "off":
            await harness.person("ada", "ops").click("Pause Complaint Agent…")
            assert "doesn't allow this agent action" in await view_text(harness, channel="ops")
        assert switches(harness) == 0


async def test_two_people_at_once(connected: AppHarness) -> None:
    """If two people pause an agent at once, it is switched once, and one sees who did."""
    people = [connected.ada, connected.grace]
    for person in people:
        await person.command("/emporix agents")
        await person.click("Pause…")
    await asyncio.gather(*(person.submit(PAUSE) for person in people))
    texts = [await view_text(connected, name) for name in ("ada", "grace")]
    assert sorted("Nothing was changed" in text for text in texts) == [False, True]
    assert agent(connected) == (False, 2)
    assert switches(connected) == 1


@pytest.mark.parametrize("end", ["closed", "error"])
async def test_a_result_that_the_modal_does_not_show(end: str, connected: AppHarness) -> None:
    """If the modal was closed while Emporix answered, or Slack fails, the result is a message."""
    slow = Fault("delay", seconds=2.5, method="PATCH")
    connected.emporix_state.faults.add(slow)
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    if end == "closed":
        refused = SlackFault("refuse", method="views.update", error="not_found", times=9)
    else:
        refused = SlackFault("status", method="views.update", status=400, times=9)
    connected.workspace.faults.add(refused)
    exchange = await connected.ada.submit(PAUSE)
    assert agent(connected) == (False, 2)
    assert "is paused" in str(exchange.sent)


async def test_two_people_resume_at_once(connected: AppHarness) -> None:
    """If two people resume an agent at once, it is switched on once."""
    await pause(connected)
    people = [connected.ada, connected.grace]
    for person in people:
        await person.command("/emporix agents")
    await asyncio.gather(*(person.click("Resume now") for person in people))
    assert agent(connected) == (True, 3)
    assert switches(connected) == 2


REFUSALS = [
    Fault("rate_limit", method="PATCH"),
    Fault("quota_500", method="PATCH"),
    Fault("status", status=403, method="PATCH"),
    Fault("status", status=400, method="PATCH"),
    Fault("status", status=409, method="PATCH"),
    Fault("status", status=500, path="/agents/", method="GET", times=3),
]


@pytest.mark.parametrize("fault", REFUSALS, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_refusals(fault: Fault, connected: AppHarness) -> None:
    """A refusal is shown, and nothing happens later."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    connected.emporix_state.faults.add(fault)
    await connected.ada.submit(PAUSE)
    assert "is paused" not in await view_text(connected)
    await wait(connected, 5 * HOUR)
    assert agent(connected) == (True, 1)
    assert await new_messages(connected, "ada") == []


@pytest.mark.parametrize("fault", REFUSALS, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_refusals_to_resume(fault: Fault, connected: AppHarness) -> None:
    """A refusal to resume an agent is shown, and the agent is resumed at the end of its pause."""
    await pause(connected)
    await connected.ada.command("/emporix agents")
    connected.emporix_state.faults.add(fault)
    assert "is on again" not in shown(await connected.ada.click("Resume now"))
    await wait(connected, HOUR)
    assert agent(connected) == (False, 2)
    assert await new_messages(connected, "ada") == []
    await wait(connected, 4 * HOUR)
    assert agent(connected) == (True, 3)


async def test_an_old_button(connected: AppHarness) -> None:
    """A Resume button of an agent that is on again says so, and changes nothing."""
    await pause(connected)
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Resume now")
    assert "is on again" in shown(await connected.ada.click("Resume now"))
    assert switches(connected) == 2


async def test_a_second_click_on_resume(connected: AppHarness) -> None:
    """A click that resumes nothing isn't recorded as one that does."""
    await pause(connected)
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Resume now")
    await connected.ada.click("Resume now")
    log = await AuditLog(connected.redis).latest(Caller(TEAM_ID, "U0ADA"), 10)
    assert [entry.event for entry in log].count("agent.resumed") == 1


async def test_an_old_button_of_an_agent_that_is_off_again(connected: AppHarness) -> None:
    """If someone has switched the agent off after its pause, Resume now doesn't say it's on."""
    await pause(connected)
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Resume now")
    connected.emporix_state.change_agent("acme", AGENT, enabled=False)
    text = shown(await connected.ada.click("Resume now"))
    assert "is on again" not in text
    assert "someone has switched it off in Emporix" in text
    assert agent(connected)[0] is False


async def test_a_change_that_emporix_refuses(connected: AppHarness) -> None:
    """If Emporix refuses to change the agent, the error isn't about filters."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    connected.emporix_state.faults.add(Fault("status", status=400, method="PATCH"))
    await connected.ada.submit(PAUSE)
    text = await view_text(connected)
    assert "doesn't accept this change of the agent" in text
    assert "filters" not in text


async def test_an_error_that_the_modal_does_not_show(connected: AppHarness) -> None:
    """If the modal was closed while Emporix answered, an error is a direct message."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    connected.emporix_state.faults.add(Fault("delay", seconds=2.5, method="GET", path="/agents/"))
    connected.emporix_state.faults.add(Fault("status", status=403, method="PATCH"))
    gone = SlackFault("refuse", method="views.update", error="not_found", times=9)
    connected.workspace.faults.add(gone)
    exchange = await connected.ada.submit(PAUSE)
    assert agent(connected) == (True, 1)
    (sent,) = [one for one in exchange.sent if one["via"] == "chat.postMessage"]
    assert "doesn't let your API key do this" in json.dumps(sent["payload"])


async def test_a_reason_is_needed(connected: AppHarness) -> None:
    """A reason of spaces is refused under its field, and nothing is paused."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    exchange = await connected.ada.submit({**PAUSE, "Reason": " \u200b "})
    assert exchange.field_errors == {"reason": "The reason is missing. Type one."}
    assert agent(connected) == (True, 1)


async def test_a_reason_is_shown_as_it_was_typed(connected: AppHarness) -> None:
    """A reason isn't read as the text of an agent, whose signs would be left out."""
    reason = r"See C:\new\prices, [list](http://example.com)"
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    await connected.ada.submit({**PAUSE, "Reason": reason})
    view = await connected.ada.view()
    assert view
    assert f"“{reason}”" in view["blocks"][0]["text"]["text"]


async def test_audit(connected: AppHarness) -> None:
    """The audit log has pauses and ends, by users and by the app."""
    await pause(connected)
    await wait(connected, 4.1 * HOUR)
    log = shown(await connected.person("ada").command("/emporix audit"))
    assert "<@U0ADA> paused agent `complaint-agent` in tenant `acme` (until 2026" in log
    assert "The app resumed agent `complaint-agent` of <@U0ADA>" in log


async def test_nothing_readable_in_redis(connected: AppHarness) -> None:
    """A pause is encrypted, and its key names only the workspace."""
    await pause(connected)
    (key,) = await connected.redis.keys("*:agent-pause:*")
    assert f":{TEAM_ID}-" in key
    assert "prices" not in json.dumps(await connected.redis.hgetall(key))
