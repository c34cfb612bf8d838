"""Notify… button of an alert — sets whom it mentions when a new kind of failure appears."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.domain.accounts import Account, Caller
from bot.domain.alerts import Alert, MentionRule, MentionSettings
from bot.domain.audit import AuditEvent
from bot.domain.digests import QuietHours
from bot.errors import BotError, InvalidInput, NotConnected
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.accounts import AccountService
from bot.services.alerts.alerts import AlertService
from bot.services.concurrency import gather_all
from bot.services.digests.form import parse_minute, parse_zone
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.pagination import short_hash
from bot.services.references import normalize
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, options, submission
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.slack.users import CurrentUser, FoundUserGroups, UserGroups

MAX_MENTION_RULES = 20
MAX_REMINDER_MINUTES = 24 * 60
MAX_OFFERED_GROUPS = 100  # Slack: the maximum number of options

_USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class NotifyForm:
    """The values of the form: the rule for one agent, or for any agent if `agent_id` is ""."""

    agent_id: str = ""
    agent_name: str = ""
    user_id: str = ""
    group_id: str = ""
    remind_after: str = ""
    begin: int | None = None
    end: int | None = None
    zone: str = ""

    @property
    def suffix(self) -> str:
        """The end of the block ids of an agent's fields.

        Slack keeps the user's input in a field with the same block_id.
        """
        return f".{short_hash(self.agent_id)}" if self.agent_id else ""


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
    begin, end = _parse_time(values["begin"]), _parse_time(values["end"])
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
    form, read, problems = parse_notify_form(values, metadata, name, alert.mentions, groups)
    if form.user_id and not await user.is_member(alert.channel_id, form.user_id):
        problems[f"person{form.suffix}"] = InvalidInput(
            "That person isn't in this channel", advice="Invite them first, or choose someone else."
        )
    if problems:
        raise NotifyRefused(alert, form, groups, problems)
    return alert, await alerts.set_mentions(alert, lambda now: _with_rule(now, form, read))


def form_of(settings: MentionSettings, chosen: MentionRule, zone: str) -> NotifyForm:
    """The form with the current settings; `zone` is used if there are no quiet hours."""
    rules = (rule for rule in settings.rules if rule.agent_id == chosen.agent_id)
    rule, quiet = next(rules, chosen), settings.quiet
    return NotifyForm(
        agent_id=rule.agent_id,
        agent_name=rule.agent_name or chosen.agent_name,
        user_id=rule.user_id,
        group_id=rule.group_id,
        remind_after=str(settings.remind_after or ""),
        begin=quiet.begin if quiet else None,
        end=quiet.end if quiet else None,
        zone=quiet.zone if quiet else zone,
    )


def parse_notify_form(
    values: Mapping[str, str],
    metadata: AlertButton,
    agent_name: str,
    before: MentionSettings,
    groups: FoundUserGroups,
) -> tuple[NotifyForm, MentionSettings, dict[str, BotError]]:
    """The values of the form, its reminder and quiet hours, and errors by block_id.

    If the user groups are not known, the form has no field for them, and the rule's is kept.
    """
    problems: dict[str, BotError] = {}
    shown = NotifyForm(metadata.agent).suffix
    form = form_of(before, MentionRule(values["agent"], agent_name), "")
    if not groups.problem and f"group{shown}" in values:
        group_id = _field(problems, f"group{shown}", values, _group_parser(groups), "")
        form = replace(form, group_id=group_id)
    form = replace(
        form,
        user_id=_field(problems, f"person{shown}", values, _parse_user, ""),
        remind_after=values["remind"],
        begin=_field(problems, "begin", values, _parse_time, None),
        end=_field(problems, "end", values, _parse_time, None),
        zone=values["zone"],
    )
    minutes = _field(problems, "remind", values, _parse_minutes, 0)
    others = {rule.agent_id for rule in before.rules} - {form.agent_id}
    if len(others) >= MAX_MENTION_RULES:
        problems["agent"] = InvalidInput(
            f"An alert can have rules for at most {MAX_MENTION_RULES} agents",
            advice="Remove one first.",
        )
    quiet = _parse_quiet_hours(form, values, problems)
    return form, MentionSettings((), minutes, quiet), problems


def _parse_quiet_hours(
    form: NotifyForm, values: Mapping[str, str], problems: dict[str, BotError]
) -> QuietHours | None:
    """The quiet hours of the form; None if it has none, or an error."""
    begin, end = form.begin, form.end
    if begin is None and end is None:
        return None
    if begin is None or end is None:
        problems["begin" if begin is None else "end"] = InvalidInput(
            "Quiet hours need both times", advice="Choose this one, or remove the other."
        )
        return None
    if begin == end:
        problems["end"] = InvalidInput("Quiet hours can't be empty", advice="Choose another time.")
    zone = _field(problems, "zone", values, parse_zone, "")
    return QuietHours(begin, end, zone)


def changed_mentions(before: MentionSettings, after: MentionSettings) -> list[str]:
    """The names of the settings that changed, for the audit log."""
    names = {"rules": "mentions", "remind_after": "reminder", "quiet": "quiet hours"}
    return [words for name, words in names.items() if getattr(before, name) != getattr(after, name)]


def _with_rule(now: MentionSettings, form: NotifyForm, read: MentionSettings) -> MentionSettings:
    """The settings with the form's rule, which is removed if it mentions nobody."""
    rules = {rule.agent_id: rule for rule in now.rules}
    rules.pop(form.agent_id, None)
    if form.user_id or form.group_id:
        rules[form.agent_id] = MentionRule(
            form.agent_id, form.agent_name, form.user_id, form.group_id
        )
    ordered = sorted(rules.values(), key=lambda rule: (rule.agent_id != "", rule.agent_name))
    return replace(read, rules=tuple(ordered))


Parsed = TypeVar("Parsed")


def _field(
    problems: dict[str, BotError],
    name: str,
    values: Mapping[str, str],
    parse: Callable[[str], Parsed],
    otherwise: Parsed,
) -> Parsed:
    try:
        return parse(values[name])
    except InvalidInput as error:
        problems[name] = error
        return otherwise


def _parse_user(text: str) -> str:
    if text and not _USER_ID.fullmatch(text):
        raise InvalidInput("That isn't a person", advice="Choose one from the list.")
    return text


def _group_parser(groups: FoundUserGroups) -> Callable[[str], str]:
    """A parser of user group ids, which accepts only those of the workspace."""

    def parse(text: str) -> str:
        if text and not (_GROUP_ID.fullmatch(text) and text in groups.names):
            raise InvalidInput("That isn't a user group", advice="Choose one from the list.")
        return text

    return parse


def _parse_minutes(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= MAX_REMINDER_MINUTES:
        raise InvalidInput(
            "That isn't a number of minutes", text, f"Type 1 to {MAX_REMINDER_MINUTES:,}."
        )
    return int(text)


def _parse_time(text: str) -> int | None:
    return parse_minute(text) if text else None


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
