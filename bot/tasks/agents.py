"""Resumes paused agents when they are due, and tells users about pauses."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.accounts import Caller
from bot.domain.agents import AgentPause, covers
from bot.domain.alerts import Alert
from bot.domain.audit import DONE, AuditEvent
from bot.errors import Busy, RetryLater
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.agent_pauses import AgentPauses
from bot.services.alerts.lifecycle import AlertResponder
from bot.slack.posting.notifier import Notifier
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from bot.store.due_index import AgentPauseStore

QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200
BUSY_SECONDS = 5.0


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_pauses(
    now: float, agent_pause_store: AgentPauseStore, queue: TaskQueue
) -> None:
    for pause_id in await agent_pause_store.due.claim(now, MAX_DUE):
        await queue.put("agents.settle", pause_id, pause_id=pause_id)


@task
async def settle(
    pause_id: str,
    context: TaskContext,
    agent_pauses: AgentPauses,
    agent_pause_store: AgentPauseStore,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    notifier: Notifier,
    audit: AuditLog,
) -> None:
    """Resume an agent or find out whether it was switched, and then tell users about it."""
    try:
        pause = await agent_pauses.settle(pause_id)
        if pause and pause.has_news:
            context.owner, context.subject = pause.owner, "a paused agent"
            await _announce(pause, alert_store, alert_responder, notifier, audit)
            await agent_pauses.mark_announced(pause)
    except Busy as error:
        raise RetryLater(BUSY_SECONDS, "another process switches the agent") from error
    await agent_pause_store.settle(pause_id)


async def _announce(
    pause: AgentPause,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    notifier: Notifier,
    audit: AuditLog,
) -> None:
    """Show the state of a pause in its alert's message, and tell its users and owners of alerts."""
    if pause.alert_id and pause.was_paused and await alert_store.load(pause.alert_id):
        await alert_responder.show_pause(pause.alert_id, pause.ts, pause)
    team = await alert_store.of_team(pause.owner.team_id) if pause.was_paused else ()
    alerts = [alert for alert in team if covers(alert.filters, pause)]
    people = [pause.owner, pause.actor, *(alert.owner for alert in alerts)]
    for person in dict.fromkeys(people):
        if person.user_id not in ("", pause.told):
            await _tell(person, pause, alerts, notifier)
    if not pause.told:
        await _record(pause, audit)


async def _tell(person: Caller, pause: AgentPause, alerts: list[Alert], notifier: Notifier) -> None:
    """Send a direct message, once for each change."""
    theirs = [alert for alert in alerts if alert.owner == person]
    facts = {"pause": pause, "alerts": theirs, "is_owner": person == pause.owner}
    name = f"agent-pause:{pause.id}:{pause.at:.3f}:{pause.news}:{person.user_id}"
    await notifier.send_direct(name, person, pause.since, "agents.news", **facts)


async def _record(pause: AgentPause, audit: AuditLog) -> None:
    """Record a change that no click has recorded."""
    event = AuditEvent.AGENT_RESUMED if pause.news > 1 else AuditEvent.AGENT_PAUSED
    result = pause.outcome or (pause.problem if pause.news > 1 else "")
    await audit.try_record(
        event,
        replace(pause.owner, user_id=""),
        DONE if result in ("", "resumed") else result,
        owner_id=pause.owner.user_id,
        tenant=pause.tenant,
        subject=pause.agent_id,
    )
