"""Resumes paused agents when they are due, and tells users about pauses."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.domain.accounts import DELETE_SCOPE, Caller
from bot.domain.agents import AgentPause, covers
from bot.domain.alerts import Alert
from bot.domain.audit import DONE, AuditEvent
from bot.errors import Busy, RetryLater
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.agent_pauses import AgentPauses
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.sharing import SharingService
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import OutgoingMessage
from bot.store.accounts import AccountStore
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from bot.store.due_index import AgentPauseStore

QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200
BUSY_SECONDS = 5.0

UNREADABLE_PAUSE_RETRY_SECONDS = 60.0
"""Until a pause that can't be decrypted is read again: its key may be restored."""

MAX_SUBSTITUTES = 20
"""Users who get a message if the user who paused an agent gets none."""

logger = logging.getLogger(__name__)


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_pauses(
    now: float, agent_pause_store: AgentPauseStore, queue: TaskQueue
) -> None:
    for pause_id in await agent_pause_store.due.claim(now, MAX_DUE):
        await queue.put("agents.settle", pause_id, pause_id=pause_id)


@task
async def settle(
    pause_id: str,
    now: float,
    context: TaskContext,
    agent_pauses: AgentPauses,
    agent_pause_store: AgentPauseStore,
    account_store: AccountStore,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    sharing: SharingService,
    notifier: Notifier,
    audit: AuditLog,
) -> None:
    """Resume an agent or find out whether it was switched, and then tell users about it."""
    try:
        pause = await agent_pauses.settle(pause_id)
        if pause is None:  # deleted, or unreadable
            retry_at = now + UNREADABLE_PAUSE_RETRY_SECONDS
            await agent_pause_store.due.schedule(pause_id, retry_at)
            return
        if pause.has_news:
            if pause.owner.user_id:  # empty once the user's data was deleted
                context.owner, context.subject = pause.owner, "a paused agent"
            if pause.alert_id and pause.was_paused and await alert_store.load(pause.alert_id):
                await alert_responder.show_pause(pause.alert_id, pause.ts, pause)
            news = PauseNews(pause, account_store, alert_store, sharing, notifier)
            await news.announce()
            if not pause.seen_by:
                await _record(pause, audit)
            await agent_pauses.mark_announced(pause)
    except Busy as error:
        raise RetryLater(BUSY_SECONDS, "another process switches the agent") from error
    await agent_pause_store.settle(pause_id)


@dataclass(frozen=True, slots=True)
class PauseNews:
    """Tells users about a pause; of an agent that may be off, at least one person hears."""

    pause: AgentPause
    accounts: AccountStore
    alerts: AlertStore
    sharing: SharingService
    notifier: Notifier

    async def announce(self) -> None:
        """Tell the users of the pause, and owners of alerts; if they can't be reached, others."""
        pause = self.pause
        team = await self.alerts.of_team(pause.owner.team_id) if pause.was_paused else ()
        alerts = [alert for alert in team if covers(alert.filters, pause)]
        people = [pause.owner, pause.actor, *(alert.owner for alert in alerts)]
        is_heard = await self._tell_each(people, alerts)
        if is_heard or pause.seen_by or not pause.may_be_off:
            return
        if not (await self._tell_channel() or await self._tell_substitutes()):
            logger.error(
                "an agent may stay off, and no one could be told: tenant %r, agent %r",
                pause.tenant,
                pause.agent_id,
            )

    async def _tell_each(self, people: Iterable[Caller], alerts: list[Alert]) -> bool:
        """Send direct messages, once for each change; returns whether someone gets one."""
        is_heard = False
        for person in dict.fromkeys(people):
            if person.user_id in ("", self.pause.seen_by):
                continue
            if self.pause.may_be_off and await self.notifier.has_left(person.user_id):
                continue
            theirs = [alert for alert in alerts if alert.owner == person]
            facts = self._facts(is_owner=person == self.pause.owner, alerts=theirs)
            is_heard |= await self.notifier.send_direct(
                self._key(person.user_id), person, self.pause.since, "agents.news", **facts
            )
        return is_heard

    async def _tell_channel(self) -> bool:
        """Post in the channel of the alert in which the agent was paused."""
        pause = self.pause
        if not pause.channel_id:
            return False
        key, team_id = self._key("channel"), pause.owner.team_id
        post = OutgoingMessage(key, team_id, pause.channel_id, pause.since)
        facts = self._facts(substitute="channel")
        return await self.notifier.post_admitted(post, self.sharing.admit, "agents.news", **facts)

    async def _tell_substitutes(self) -> bool:
        """Tell the users who may resume the agent."""
        pause, is_heard = self.pause, False
        users = await self.accounts.allowing(pause.owner.team_id, pause.tenant, DELETE_SCOPE)
        for user in users[:MAX_SUBSTITUTES]:
            if not await self.notifier.has_left(user.user_id):
                facts = self._facts(substitute="user")
                is_heard |= await self.notifier.send_direct(
                    self._key(user.user_id), user, pause.since, "agents.news", **facts
                )
        return is_heard

    def _key(self, reader: str) -> str:
        pause = self.pause
        return f"agent-pause:{pause.id}:{pause.at:.3f}:{pause.news}:{reader}"

    def _facts(
        self, *, is_owner: bool = False, alerts: Iterable[Alert] = (), substitute: str = ""
    ) -> dict[str, object]:
        return {
            "pause": self.pause,
            "is_owner": is_owner,
            "alerts": list(alerts),
            "substitute": substitute,
        }


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
