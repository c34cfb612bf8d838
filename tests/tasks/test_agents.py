"""Agents are resumed when their pause ends, whatever happens meanwhile, and users are told."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot import errors
from bot.domain.accounts import Caller
from bot.domain.agents import AgentPause, AgentVersion
from bot.rendering.renderer import Renderer
from bot.store.due_index import agent_pause_store
from bot.store.encryption import new_key
from bot.store.erasure import Erasure, ErasureSubject
from bot.store.keys import agent_pauses_due
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.test_agents import (
    AGENT,
    HOUR,
    PAUSE,
    add_agents,
    agent,
    connect_people,
    new_messages,
    pause,
    shown,
    state_of_alert,
    switches,
    view_text,
    wait,
    with_alert,
)
from tests.tasks.test_alerts import fail, later, told


@pytest.fixture
async def connected(harness: AppHarness) -> AppHarness:
    return await connect_people(harness)


@pytest.fixture
async def alerted(connected: AppHarness) -> AppHarness:
    return await with_alert(connected)


@pytest.mark.parametrize(
    ("values", "hours"),
    [
        ({"How long": "For 1 hour"}, 1),
        ({"How long": "Until tomorrow at 9:00"}, 21.4),  # it is 11:33 in Berlin
        ({"How long": "Until a date", "Date": "2026-11-25"}, 45.4),
    ],
)
async def test_ends(values: dict[str, str], hours: float, connected: AppHarness) -> None:
    """A pause ends when the user says so, in their time zone."""
    await pause(connected, **values)
    await connected.worker.work_until(connected.clock() + (hours - 0.1) * HOUR)
    assert agent(connected)[0] is False
    await connected.worker.work_until(connected.clock() + 0.3 * HOUR)
    assert agent(connected)[0] is True


async def test_until_resumed(connected: AppHarness) -> None:
    """A pause without an end lasts until a person who may pause agents resumes it."""
    await pause(connected, **{"How long": "Until someone resumes it"})
    await connected.worker.work_until(connected.clock() + 40 * 24 * HOUR, step=HOUR)
    assert agent(connected)[0] is False
    await connected.grace.command("/emporix agents")
    assert "resumed by <@U0GRACE>" in shown(await connected.grace.click("Resume now"))
    assert agent(connected) == (True, 3)
    await wait(connected, 5)
    assert "resumed by <@U0GRACE>" in (await new_messages(connected, "ada"))[-1]


async def test_someone_changed_the_agent(connected: AppHarness) -> None:
    """An agent that was changed during its pause stays off, and its owner gets a message."""
    await pause(connected)
    connected.emporix_state.change_agent("acme", AGENT, name="Complaint Agent")
    await wait(connected, 4.1 * HOUR)
    assert agent(connected) == (False, 3)
    (message,) = await new_messages(connected, "ada")
    assert "because someone changed it in Emporix during the pause" in message
    await connected.person("ada", "dm").click("Resume now")
    assert agent(connected) == (True, 4)
    assert switches(connected) == 2


async def test_someone_switched_the_agent_on(connected: AppHarness) -> None:
    """An agent that someone switched on in Emporix isn't touched, and can be paused again."""
    await pause(connected)
    connected.emporix_state.change_agent("acme", AGENT, enabled=True)
    connected.clock.forward(1)
    assert "has just ended" in await pause(connected)
    await wait(connected, 5)
    assert "someone switched it on in Emporix" in (await new_messages(connected, "ada"))[-1]
    assert "is paused" in await pause(connected)
    assert agent(connected) == (False, 4)


async def test_audit_of_ends(connected: AppHarness) -> None:
    """The audit log has ends that no click has caused, also those that change nothing."""
    await pause(connected)
    await wait(connected, 4.1 * HOUR)
    await pause(connected)
    connected.emporix_state.change_agent("acme", AGENT, name="Complaint Agent")
    await wait(connected, 4.1 * HOUR)
    log = shown(await connected.ada.command("/emporix audit"))
    name = "agent `complaint-agent` of <@U0ADA> in tenant `acme`"
    assert f"The app resumed {name}" in log
    assert f"The app tried to resume {name} (not done: someone changed it in Emporix)" in log


async def test_deleted_during_the_pause(connected: AppHarness) -> None:
    """If the agent is deleted during its pause, its owner gets a message at the end."""
    await pause(connected)
    connected.emporix_state.tenant("acme").agents.remove(AGENT)
    await wait(connected, 4.1 * HOUR)
    assert "was deleted in Emporix" in (await new_messages(connected, "ada"))[-1]


async def test_the_key_lost_its_rights(connected: AppHarness) -> None:
    """If the key may no longer change agents, its owner gets a message, and others resume."""
    await pause(connected)
    await connected.connect(connected.ada, ACME_READ_ONLY)
    await wait(connected, 4.1 * HOUR)
    assert agent(connected) == (False, 2)
    assert "no longer allows agent actions" in (await new_messages(connected, "ada"))[-1]
    await connected.grace.command("/emporix agents")
    await connected.grace.click("Resume now")
    assert agent(connected) == (True, 3)


async def test_from_an_alert(alerted: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The alert's message shows who paused the agent, until when and why, and then that it's over.

    The owners of alerts about the agent get a direct message about both, once.
    """
    ada = alerted.person("ada", "ops")
    await ada.click("Pause Complaint Agent…")
    await ada.submit(PAUSE)
    await wait(alerted, 5)
    text, button = await state_of_alert(alerted)
    assert (
        text == "⏸️ *Complaint Agent* is paused by <@U0ADA> (time): “`Wrong &lt;!here&gt; *prices*`”"
    )
    assert button == "Resume now"
    paused, *_ = [one for one in await told(alerted, "grace") if "is paused" in one["text"]]
    assert re.sub(r"[0-9a-f]{16,}", "id", json.dumps(paused["blocks"])) == snapshot
    await wait(alerted, 4.1 * HOUR)
    assert await state_of_alert(alerted) == [
        "▶️ *Complaint Agent* is on again: its pause is over · (time)"
    ]
    assert len(await new_messages(alerted, "grace")) == 2
    assert len(await new_messages(alerted, "ada")) == 1


async def test_long_ids_in_a_menu(connected: AppHarness) -> None:
    """An agent whose id and name are long can be paused from an alert's menu, too."""
    agent_id = "a" * 70
    connected.emporix_state.add_agent("acme", id=agent_id, name="Complaint Agent " * 5)
    await connected.person("grace", "ops").command("/emporix alerts on")
    fail(connected, agentId=agent_id)
    await later(connected)
    messages = json.dumps(await connected.person("grace", "ops").messages())
    assert agent_id in messages
    assert "agents.ask" in messages


async def test_alerts_about_other_agents(connected: AppHarness) -> None:
    """Owners of alerts about other agents or tenants aren't told."""
    await connected.person("grace", "ops").command("/emporix alerts on agent:returns")
    await pause(connected)
    await wait(connected, 5)
    assert await new_messages(connected, "grace") == []


async def test_switched_off_during_a_pause(redis: Any, redis_url: str, clock: FakeClock) -> None:
    """If agent actions are turned off during a pause, the app resumes nothing, and says so."""
    key = new_key()
    async with open_app(redis, redis_url, clock, encryption_keys=key) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS, with_actions=True)
        add_agents(harness)
        await pause(harness)
    async with open_app(
        redis, redis_url, clock, encryption_keys=key, agent_actions="off"
    ) as harness:
        add_agents(harness)
        await wait(harness, 4.1 * HOUR)
        assert switches(harness) == 0
        assert "agent actions are turned off" in (await new_messages(harness, "ada"))[-1]


TROUBLE = [
    Fault("cut_before", method="PATCH"),
    Fault("cut_after", method="PATCH"),
    Fault("html", method="PATCH"),
    Fault("status", status=500, method="PATCH"),
    Fault("status", status=503, method="PATCH"),
    Fault("empty", method="PATCH"),
    Fault("truncated", method="PATCH"),
    Fault("cut_after", times=2, method="PATCH"),
]


@pytest.mark.parametrize("fault", TROUBLE, ids=lambda fault: f"{fault.kind}-{fault.status}")
async def test_lost_responses(fault: Fault, connected: AppHarness) -> None:
    """After a lost or odd response, the agent is read, and switched again only if needed."""
    connected.emporix_state.faults.add(fault)
    assert "is paused" in await pause(connected)
    assert agent(connected) == (False, 2)
    connected.emporix_state.faults.clear()
    connected.emporix_state.faults.add(fault)
    await wait(connected, 4.1 * HOUR)
    assert agent(connected) == (True, 3)


async def test_unknown_for_a_while(connected: AppHarness) -> None:
    """If Emporix doesn't say whether it worked, a worker finds out, and tells the user once."""
    await connected.ada.command("/emporix agents")
    await connected.ada.click("Pause…")
    connected.emporix_state.faults.add(Fault("cut_after", method="PATCH"))
    down = Fault("status", status=503, path="/agents/", method="GET", times=50)
    connected.emporix_state.faults.add(Fault("delay"))  # the first read is answered
    connected.emporix_state.faults.add(down)
    await connected.ada.submit(PAUSE)
    assert "I don't know yet whether" in await view_text(connected)
    await wait(connected, 120)
    assert await new_messages(connected, "ada") == []
    connected.emporix_state.faults.clear()
    await wait(connected, 120)
    (message,) = await new_messages(connected, "ada")
    assert "is paused by <@U0ADA> (time)" in message
    assert agent(connected) == (False, 2)
    assert switches(connected) == 1


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("times", [4, 500])
async def test_refused_at_the_end(status: int, times: int, connected: AppHarness) -> None:
    """If Emporix refuses the key at the end, the app tries for minutes, and then says so."""
    await pause(connected)
    connected.emporix_state.faults.add(Fault("status", status=status, times=times, path="/agents/"))
    await connected.worker.work_until(connected.clock() + 4.2 * HOUR, step=30)
    is_brief = times == 4
    assert agent(connected)[0] is is_brief
    (message,) = await new_messages(connected, "ada")
    assert ("its pause is over" in message) is is_brief


async def test_emporix_is_down_at_the_end(connected: AppHarness) -> None:
    """If Emporix is down when a pause ends, the agent is resumed as soon as it answers."""
    await pause(connected)
    connected.emporix_state.faults.add(Fault("status", status=503, times=500))
    await wait(connected, 4.2 * HOUR)
    assert agent(connected) == (False, 2)
    connected.emporix_state.faults.clear()
    await wait(connected, 60)
    assert agent(connected) == (True, 3)


async def test_emporix_is_down_for_an_hour(connected: AppHarness) -> None:
    """After an hour without success, the app gives up, and tells the owner, who can resume."""
    await pause(connected)
    connected.emporix_state.faults.add(Fault("status", status=503, times=5000))
    await wait(connected, 5.2 * HOUR)
    connected.emporix_state.faults.clear()
    await wait(connected, HOUR)
    assert agent(connected) == (False, 2)
    (message,) = await new_messages(connected, "ada")
    assert "because Emporix couldn't do it for an hour" in message
    await connected.person("ada", "dm").click("Resume now")
    assert agent(connected) == (True, 3)


@pytest.mark.parametrize("has_effect", [True, False])
async def test_a_crash_after_saving(connected: AppHarness, *, has_effect: bool) -> None:
    """If the process dies while it switches an agent, a worker reads the agent and continues."""
    await pause(connected)
    store = agent_pause_store(connected.redis, connected.cipher)
    (id_,) = [key.rpartition(":")[2] for key in await connected.redis.keys("*:agent-pause:*")]
    found = connected.emporix_state.change_agent("acme", AGENT, enabled=not has_effect)
    version = AgentVersion(found["metadata"]["version"] - (1 if has_effect else 0))

    def as_before(one: AgentPause | None) -> AgentPause | None:
        assert one
        return replace(one, state="pausing", is_tried=True, version=version, seen_by="")

    await store.update(id_, connected.clock(), as_before)
    await wait(connected, 60)
    assert agent(connected)[0] is False
    assert switches(connected) == (1 if has_effect else 2)
    assert len([one for one in await new_messages(connected, "ada") if "is paused" in one]) == 1


@pytest.mark.parametrize("status", [403, 503])
async def test_a_failed_early_end_keeps_the_end(status: int, connected: AppHarness) -> None:
    """If another user can't resume the agent early, it is resumed at its end all the same."""
    await pause(connected)
    await wait(connected, 5)
    await connected.grace.command("/emporix agents")
    connected.emporix_state.faults.add(Fault("status", status=504, times=1, method="PATCH"))
    connected.emporix_state.faults.add(Fault("status", status=status, times=300, method="PATCH"))
    await connected.grace.click("Resume now")
    await wait(connected, 2 * HOUR)
    assert agent(connected) == (False, 2)
    for name in ("ada", "grace"):
        (message,) = await new_messages(connected, name)
        assert "I'll do it at the end of the pause." in message
    connected.emporix_state.faults.clear()
    await wait(connected, 3 * HOUR)
    assert agent(connected) == (True, 3)


async def test_tells_the_user_who_resumed(connected: AppHarness) -> None:
    """A user who was promised the result of resuming another person's agent gets a message."""
    await pause(connected)
    await wait(connected, 5)
    await connected.grace.command("/emporix agents")
    connected.emporix_state.faults.add(Fault("status", status=504, method="PATCH"))
    connected.emporix_state.faults.add(Fault("status", status=503, times=9, method="PATCH"))
    await connected.grace.click("Resume now")
    connected.emporix_state.faults.clear()
    await wait(connected, 60)
    assert agent(connected) == (True, 3)
    (message,) = await new_messages(connected, "grace")
    assert "resumed by <@U0GRACE>" in message


async def test_audit_of_a_late_resume(connected: AppHarness) -> None:
    """Resuming an agent that the app left off is recorded as done."""
    await pause(connected)
    connected.emporix_state.change_agent("acme", AGENT, name="Complaint Agent")
    await wait(connected, 4.1 * HOUR)
    await connected.person("ada", "dm").click("Resume now")
    assert agent(connected)[0] is True
    log = shown(await connected.ada.command("/emporix audit"))
    assert "<@U0ADA> resumed agent `complaint-agent`" in log


async def forget_ada(harness: AppHarness) -> None:
    erasure = Erasure(harness.redis, harness.cipher)
    await erasure.erase(ErasureSubject(TEAM_ID, ADA.id))


async def leave(harness: AppHarness) -> None:
    """Ada's account was deactivated, and Slack's event deleted her API keys."""
    await harness.ada.leave_company()


@pytest.mark.parametrize("depart", [forget_ada, leave])
async def test_the_user_who_paused_is_gone(
    depart: Callable[[AppHarness], Awaitable[object]], connected: AppHarness
) -> None:
    """If the user who paused an agent is gone at the end, users who may resume it are told."""
    await pause(connected)
    await wait(connected, 5)
    await depart(connected)
    await wait(connected, 4.1 * HOUR)
    assert agent(connected) == (False, 2)
    (message,) = await new_messages(connected, "grace")
    assert "is still off. I haven't switched it on, because the user who paused it" in message
    assert "Wrong" not in message
    shown_to = json.dumps(await told(connected, "grace"), ensure_ascii=False)
    assert "because you allowed agent actions in this tenant, and I couldn't reach" in shown_to
    await connected.person("grace", "dm").click("Resume now")
    assert agent(connected) == (True, 3)


async def test_the_user_who_paused_has_disconnected(connected: AppHarness) -> None:
    """If the user who paused an agent has disconnected, they are told that it stays off."""
    await pause(connected)
    await connected.ada.command("/emporix disconnect acme")
    await connected.ada.click("Disconnect")
    await wait(connected, 4.1 * HOUR)
    assert agent(connected) == (False, 2)
    (message,) = await new_messages(connected, "ada")
    assert "is no longer connected to the tenant" in message
    assert await new_messages(connected, "grace") == []


async def in_ops(harness: AppHarness) -> list[dict[str, Any]]:
    """The messages in #ops that say that the agent is still off."""
    messages = await harness.person("grace", "ops").messages()
    return [one for one in messages if "is still off" in one["text"]]


async def pause_from_alert(harness: AppHarness) -> None:
    """Ada pauses the agent in the message of an alert, which is then turned off."""
    await harness.person("ada", "ops").click("Pause Complaint Agent…")
    await harness.person("ada", "ops").submit(PAUSE)
    await wait(harness, 5)
    await harness.person("grace", "ops").command("/emporix alerts off")


async def test_the_channel_is_told(alerted: AppHarness, snapshot: SnapshotAssertion) -> None:
    """If no user of a pause or an alert can be told, the channel where it was paused is."""
    await pause_from_alert(alerted)
    before = await new_messages(alerted, "grace")
    await leave(alerted)
    await wait(alerted, 4.1 * HOUR)
    (message,) = await in_ops(alerted)
    assert [message["text"], message["blocks"]] == snapshot
    assert await new_messages(alerted, "grace") == before
    await alerted.person("grace", "ops").click("Resume now")
    assert agent(alerted) == (True, 3)


async def test_no_other_organization_is_told(alerted: AppHarness) -> None:
    """If people from other organizations read that channel, users who may resume are told."""
    await pause_from_alert(alerted)
    before = await new_messages(alerted, "grace")
    await alerted.person("ada", "ops").share_channel()
    await leave(alerted)
    await wait(alerted, 4.1 * HOUR)
    assert await in_ops(alerted) == []
    assert len(await new_messages(alerted, "grace")) == len(before) + 1


async def test_no_one_can_be_told(connected: AppHarness, caplog: Any) -> None:
    """If no one can be told, the log says so, and /emporix agents shows the agent as off."""
    await connected.connect(connected.grace, ACME_READ_ONLY)
    await pause(connected)
    await leave(connected)
    await wait(connected, 4.1 * HOUR)
    said = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
    assert said == [
        "an agent may stay off, and no one could be told: tenant 'acme', agent 'complaint-agent'"
    ]
    listed = shown(await connected.grace.command("/emporix agents"))
    assert "*Complaint Agent* is still off. I haven't switched it on, because" in listed


def words_about(problem: str) -> str:
    """What users read if the app has not resumed an agent."""
    owner = Caller(TEAM_ID, ADA.id)
    pause = AgentPause("p", owner, "acme", AGENT, "Agent", 0, 1, "x", 0, 0, "paused")
    facts = {"pause": replace(pause, problem=problem), "is_owner": True, "alerts": []}
    return str(Renderer.default().render("agents.news", **facts)["text"])


OTHER_ERRORS = {errors.EmporixError, errors.ExportUnusable}


@pytest.mark.parametrize(
    "error",
    sorted(errors._with_subclasses(errors.EmporixError) - OTHER_ERRORS, key=lambda one: str(one)),
)
def test_says_how_long_the_app_tried(error: type[errors.EmporixError]) -> None:
    """The app tries for an hour after temporary errors only, and says so only then."""
    assert ("for an hour" in words_about(error.template)) is error.is_temporary


async def test_an_unreadable_pause(connected: AppHarness) -> None:
    """A pause that can't be decrypted is read again once a minute, and ends when it can be."""
    await pause(connected)
    (key,) = await connected.redis.keys("*:agent-pause:*")
    readable = await connected.redis.hget(key, "record")
    await connected.redis.hset(key, "record", "damaged")
    await wait(connected, 4.1 * HOUR)
    ((_, due),) = await connected.redis.zrange(agent_pauses_due(), 0, -1, withscores=True)
    assert due > connected.clock()
    assert agent(connected) == (False, 2)
    await connected.redis.hset(key, "record", readable)
    await wait(connected, 120)
    assert agent(connected) == (True, 3)
