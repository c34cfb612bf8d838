"""/emporix agents [tenant] — a tenant's agents with their failures; buttons that pause them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain.accounts import Account, Caller
from bot.domain.agents import SWITCH_RETRY_SECONDS, AgentPause, pause_id
from bot.domain.alerts import Alert
from bot.domain.audit import AuditEvent
from bot.errors import InvalidInput
from bot.rendering import buttons
from bot.rendering.buttons import AgentButton
from bot.services.accounts import AccountService
from bot.services.agent_pauses import AgentPauses
from bot.services.alerts.alerts import AlertService, snooze_end
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.filters.parser import LocalClock
from bot.slack.audit import OUTCOME_UNKNOWN, AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.posting.alerts import AlertMessages
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser
from bot.store.alerts import AlertStore

UNTIL_DATE, UNTIL_RESUMED = "date", "resumed"
CANNOT_PAUSE = "An agent can't be paused until then"
MAX_REASON_LENGTH = 150


@command(
    "agents", "[tenant]", "A tenant's agents and their failures; pause and resume them.", audit=None
)
async def list_agents(text: str, account: Account, agent_pauses: AgentPauses, reply: Reply) -> None:
    await reply("agents", listing=await agent_pauses.list(account, text.strip().lower(), 1))


@action(*buttons.AGENTS_PAGES, replaces=True, audit=None)
async def turn_page(
    button: AgentButton, account: Account, agent_pauses: AgentPauses, reply: Reply
) -> None:
    listing = await agent_pauses.list(account, button.tenant, button.page)
    await reply("agents", replace=True, listing=listing)


@action(buttons.AGENTS_ASK, at_once=True, audit=None)
async def ask(
    button: AgentButton,
    account: Account,
    alerts: AlertService,
    agent_pauses: AgentPauses,
    channel: Channel,
    modal: Modal,
) -> None:
    """Ask for a reason and an end; from an alert's message, the tenant is that of the alert."""
    await modal.open("loading", step="agent")
    if button.alert_id:
        alert = await alerts.get_in_channel(channel.id, button.alert_id)
        button = replace(button, tenant=alert.tenant, ts=channel.message_ts)
    agent = await agent_pauses.find(account, button.tenant, button.agent_id)
    await modal.update("agents.pause", state=button, agent=agent)


@submission(buttons.AGENTS_PAUSE, audit=AuditEvent.AGENT_PAUSED)
async def pause(
    metadata: AgentButton,
    values: Mapping[str, str],
    caller: Caller,
    clock: LocalClock,
    user: CurrentUser,
    accounts: AccountService,
    alerts: AlertService,
    agent_pauses: AgentPauses,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    modal: SubmittedModal,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant, audit_entry.subject = metadata.tenant, metadata.agent_id
    alert = await alerts.get(metadata.alert_id) if metadata.alert_id else None
    if alert:
        await user.must_be_in(alert.channel_id)
        audit_entry.channel_id = alert.channel_id
    try:
        reason, until = _reason(values), await _end(values, clock)
    except InvalidInput as error:
        audit_entry.refuse()
        await modal.errors("form_errors", problems={error.field: error})
        return
    asked = _asked(metadata, caller, clock.now(), until, reason)
    asked = replace(asked, channel_id=alert.channel_id if alert else "")
    account = await accounts.load(caller)
    result = await modal.within_ack(agent_pauses.pause(account, asked), "loading", step="pausing")
    audit_entry.detail = _end_words(until)
    _audit(audit_entry, result.pause, is_new=result.is_new)
    if not await modal.try_update("agents.paused", pause=result.pause, is_new=result.is_new):
        await reply("agents.resumed", pause=result.pause, is_own=False)  # the modal was closed
    if alert and result.is_new:
        await _show(result.pause, alert, alert_responder, alert_messages)


@action(buttons.AGENTS_RESUME, audit=AuditEvent.AGENT_RESUMED)
async def resume(
    button: AgentButton,
    account: Account,
    agent_pauses: AgentPauses,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant, audit_entry.subject = button.tenant, button.agent_id
    result = await agent_pauses.resume(account, button.tenant, button.agent_id)
    resumed = result.pause
    _audit(audit_entry, resumed, is_new=result.is_new)
    await reply("agents.resumed", pause=resumed, is_own=result.is_new)
    alert = await alert_store.load(resumed.alert_id) if resumed.alert_id else None
    if alert and result.is_new:
        await _show(resumed, alert, alert_responder, alert_messages)


async def _show(
    pause: AgentPause, alert: Alert, responder: AlertResponder, messages: AlertMessages
) -> None:
    """Show a pause in the alert's message at once; if that fails, a worker does it."""
    if pause.was_paused:
        await responder.show_pause(alert.id, pause.ts, pause)
        await messages.try_to_show_state(alert, pause.ts)


def _reason(values: Mapping[str, str]) -> str:
    """Why an agent is paused, on one line; raises InvalidInput if that is blank."""
    if reason := " ".join(values["reason"].split())[:MAX_REASON_LENGTH]:
        return reason
    raise InvalidInput("The reason is missing", advice="Type one.", field="reason")


async def _end(values: Mapping[str, str], clock: LocalClock) -> float:
    """When a pause ends; 0 if it lasts until someone resumes the agent. Raises InvalidInput."""
    until, day = values.get("until", ""), values.get("date", "")
    if until == UNTIL_RESUMED:
        return 0.0
    is_day = until == UNTIL_DATE
    try:
        now, zone = clock.now(), await clock.zone()
        return snooze_end(day if is_day else until, now, zone, CANNOT_PAUSE)
    except InvalidInput as error:
        error.field = "date" if is_day else "until"
        raise


def _asked(
    button: AgentButton, caller: Caller, now: float, until: float, reason: str
) -> AgentPause:
    return AgentPause(
        id=pause_id(caller.team_id, button.tenant, button.agent_id),
        owner=caller,
        tenant=button.tenant,
        agent_id=button.agent_id,
        agent_name="",
        at=now,
        until=until,
        reason=reason,
        retry_at=now + SWITCH_RETRY_SECONDS,
        since=now,
        alert_id=button.alert_id,
        ts=button.ts,
    )


def _end_words(until: float) -> str:
    moment = datetime.fromtimestamp(until, UTC)
    return f"until {moment:%Y-%m-%d %H:%M} UTC" if until else "until resumed"


def _audit(entry: AuditDraft, pause: AgentPause, *, is_new: bool) -> None:
    """Record what a click has changed, or why it has changed nothing."""
    if not is_new:
        entry.skip()
    elif pause.is_switching:
        entry.result = OUTCOME_UNKNOWN
    elif pause.outcome not in ("", "resumed"):
        entry.result = pause.outcome
    elif pause.problem and entry.event is AuditEvent.AGENT_RESUMED:
        entry.result = pause.problem
    entry.mark_made()
