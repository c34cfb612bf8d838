"""Notify… button of an alert — sets whom it mentions when a new kind of failure appears."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

from bot.domain.accounts import Account, Caller
from bot.domain.alerts import Alert, MentionRule
from bot.domain.audit import AuditEvent
from bot.errors import BotError, InvalidInput, NotConnected
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.accounts import AccountService
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.mentions import (
    NotifyForm,
    changed_mentions,
    form_of,
    parse_notify_form,
    parse_time,
    with_rule,
)
from bot.services.concurrency import gather_all
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.references import normalize
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, options, submission
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.slack.users import CurrentUser, FoundUserGroups, UserGroups

MAX_OFFERED_GROUPS = 100  # Slack: the maximum number of options


class NotifyRefused(Exception):
    """Raised if nothing was saved; `problems` are errors by the block_id of the field."""

    def __init__(
        self,
        alert: Alert,
        form: NotifyForm,
        groups: FoundUserGroups,
        problems: Mapping[str, BotError],
    ) -> None:
        super().__init__(", ".join(problems))
        self.alert, self.form, self.groups, self.problems = alert, form, groups, problems


@action(buttons.ALERTS_NOTIFY_OPEN, at_once=True, audit=None)
async def open_form(
    button: AlertButton,
    channel: Channel,
    clock: LocalClock,
    alerts: AlertService,
    user_groups: UserGroups,
    modal: Modal,
) -> None:
    await modal.open("loading", step="alert_notify")
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    form = form_of(alert.mentions, MentionRule(), str(await clock.zone() or ""))
    await _show(modal, alert, form, await user_groups.find())


@action(buttons.ALERTS_NOTIFY_AGENT, audit=None)
async def choose_agent(
    values: Mapping[str, str],
    metadata: AlertButton,
    account: Account,
    alerts: AlertService,
    filter_resolver: FilterResolver,
    user_groups: UserGroups,
    modal: Modal,
) -> None:
    """Show the rule of the chosen agent, keeping the user's input in the other fields."""
    alert = await alerts.get_in_channel(metadata.channel_id, metadata.alert_id)
    name = await _agent_name(account, alert.tenant, values["agent"], filter_resolver)
    form = form_of(alert.mentions, MentionRule(values["agent"], name), "")
    begin, end = parse_time(values["begin"]), parse_time(values["end"])
    kept = replace(form, remind_after=values["remind"], begin=begin, end=end, zone=values["zone"])
    await _show(modal, alert, kept, await user_groups.find())


@options(buttons.ALERTS_NOTIFY_AGENT, audit=None)
async def offer_agents(
    typed: str,
    metadata: AlertButton,
    caller: Caller,
    accounts: AccountService,
    filter_resolver: FilterResolver,
    options_reply: OptionsReply,
) -> None:
    """Offer the agents that the user may read; if none matches, the text can be used as an id."""
    account = await accounts.load(caller)
    try:
        agents = await filter_resolver.suggest_agents(account, metadata.tenant, typed)
    except NotConnected:  # another person's alert
        agents = {}
    await options_reply("jobs/filter.agents", typed="" if agents else typed, agents=agents)


@options(buttons.ALERTS_NOTIFY_GROUP, audit=None)
async def offer_groups(typed: str, user_groups: UserGroups, options_reply: OptionsReply) -> None:
    names = (await user_groups.find()).names
    like = {id_: name for id_, name in names.items() if normalize(typed) in normalize(name)}
    await options_reply("alerts/notify.groups", groups=dict([*like.items()][:MAX_OFFERED_GROUPS]))


@submission(buttons.ALERTS_NOTIFY_SUBMIT, audit=AuditEvent.ALERT_MENTIONS)
async def save(
    values: Mapping[str, str],
    metadata: AlertButton,
    user: CurrentUser,
    accounts: AccountService,
    alerts: AlertService,
    filter_resolver: FilterResolver,
    user_groups: UserGroups,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    """Save the form; problems appear under their fields or, after the ack, above the form."""
    naming = _load_agent_name(values["agent"], metadata, user, accounts, filter_resolver)
    saving = _save(values, metadata, naming, user, alerts, user_groups)
    try:
        before, alert = await modal.within_ack(saving, "loading", step="alert_notify_save")
    except NotifyRefused as refused:
        audit_entry.refuse()
        if modal.answered.is_set():
            await _show(modal, refused.alert, refused.form, refused.groups, refused.problems)
        else:
            await modal.errors("form_errors", problems=refused.problems)
        return
    audit_entry.about_alerts([alert])
    audit_entry.detail = ", ".join(changed_mentions(before.mentions, alert.mentions))
    await modal.update("alerts/notify.done", alert=alert)
    await user.notify(alert.owner, "alerts/off.owner", what="mentions", alerts=[alert])


async def _save(
    values: Mapping[str, str],
    metadata: AlertButton,
    naming: Awaitable[str],
    user: CurrentUser,
    alerts: AlertService,
    user_groups: UserGroups,
) -> tuple[Alert, Alert]:
    """The alert before and after the change; raises NotifyRefused and NotInChannel."""
    name, groups = await gather_all(naming, user_groups.find())
    alert = await alerts.get_in_channel(metadata.channel_id, metadata.alert_id)
    await user.must_be_in(alert.channel_id)
    names = None if groups.problem else groups.names
    form, read, problems = parse_notify_form(values, metadata.agent, name, alert.mentions, names)
    if form.user_id and not await user.is_member(alert.channel_id, form.user_id):
        problems[f"person{form.suffix}"] = InvalidInput(
            "That person isn't in this channel", advice="Invite them first, or choose someone else."
        )
    if problems:
        raise NotifyRefused(alert, form, groups, problems)
    return alert, await alerts.set_mentions(alert, lambda now: with_rule(now, form, read))


async def _load_agent_name(
    agent_id: str,
    metadata: AlertButton,
    user: CurrentUser,
    accounts: AccountService,
    filter_resolver: FilterResolver,
) -> str:
    account = await accounts.load(user.caller)
    return await _agent_name(account, metadata.tenant, agent_id, filter_resolver)


async def _agent_name(
    account: Account, tenant: str, agent_id: str, filter_resolver: FilterResolver
) -> str:
    """The agent's name; "" if it is unknown, or the user isn't connected to the tenant."""
    if not agent_id:
        return ""
    try:
        agents = await filter_resolver.suggest_agents(account, tenant, agent_id)
    except NotConnected:
        return ""
    return agents.get(agent_id, "")


async def _show(
    modal: Modal,
    alert: Alert,
    form: NotifyForm,
    groups: FoundUserGroups,
    problems: Mapping[str, BotError] | None = None,
) -> None:
    facts: dict[str, Any] = {"alert": alert, "form": form, "groups": groups}
    await modal.update("alerts/notify", problems=problems or {}, **facts)
