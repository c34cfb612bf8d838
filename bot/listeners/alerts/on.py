"""/emporix alerts on [filters] — posts failed or matching jobs in the channel within a minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.accounts import Account, require_connection
from bot.domain.audit import AuditEvent
from bot.domain.filters import Filters
from bot.errors import BotError, InvalidInput, InvalidRequest, NotConnected, OutdatedButton
from bot.listeners.alerts import views
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton, ChannelButton
from bot.services.accounts import AccountService
from bot.services.alerts.alerts import AlertService, TurnedOn
from bot.services.alerts.condition_text import parse_condition
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.filters.tokens import quoted_if_needed
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel, Origin
from bot.slack.decorators import action, command, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser

REPORTS: Mapping[str, Mapping[str, str]] = {
    "each": {},
    "stuck": {"duration": "stuck"},
    "burst": {"failures": "at-least", "window": "within"},
    "silent": {"duration": "silent", "hours": "between"},
}
"""What the form can choose: the fields of each condition, and the filters that they stand for."""

CONDITION_FIELDS = ("duration", "failures", "window", "hours")
OPTIONAL_FIELDS = ("window", "hours")
EMPTY_FORM = {"filters": "", "report": "each"} | dict.fromkeys(CONDITION_FIELDS, "")


class AlertRefused(Exception):
    """Raised if nothing was turned on; `problems` are errors by the block_id of the field."""

    def __init__(self, problems: Mapping[str, BotError]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


@command(
    "alerts on",
    "[filters]",
    "Post failed jobs, or those that match the filters, here within a minute. stuck:30m posts jobs "
    "that run longer, at-least:5 within:10m bursts, and silent:2h between:08-20 a lack of jobs.",
    audit=AuditEvent.ALERT_ON,
)
async def turn_on(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    sharing: SharingService,
    channel: Channel,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> None:
    services = account, clock, filter_resolver, alerts, sharing
    turned_on, filters = await _turn_on(text, channel, *services)
    await views.post_turned_on(turned_on, channel, clock, user, audit_entry, filters)


async def _turn_on(
    text: str,
    channel: Channel,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    sharing: SharingService,
) -> tuple[TurnedOn, Filters]:
    """Turn on the alert for a text after `alerts on`; returns it with the typed filters."""
    sharing.admit(await channel.audience())
    condition, part, typed = parse_condition(text)
    try:
        filters = await filter_resolver.parse(typed, account, clock, date_words=False)
    except BotError as error:
        if part:
            error.surround_proposals(f"{part} ")
        raise
    if condition.silent:
        condition = replace(condition, zone=str(await clock.zone() or condition.zone))
    await channel.join()
    return await alerts.turn_on(account, channel.id, filters, condition), filters


@action(buttons.ALERTS_ON_OPEN, at_once=True, audit=None)
async def open_form(
    account: Account, sharing: SharingService, channel: Channel, modal: Modal
) -> None:
    await modal.open("loading", step="alert_on")
    sharing.admit(await channel.audience())
    require_connection(account)
    await _show(modal, channel.id, EMPTY_FORM, {})


@submission(buttons.ALERTS_ON_SUBMIT, audit=AuditEvent.ALERT_ON)
async def turn_on_from_form(
    values: Mapping[str, str],
    metadata: ChannelButton,
    accounts: AccountService,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    sharing: SharingService,
    origin: Origin,
    user: CurrentUser,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    """Do what the command does; problems appear under their fields or, after the ack, above."""
    audit_entry.channel_id = metadata.channel_id
    channel = origin.channel_at(metadata.channel_id)
    services = clock, filter_resolver, alerts, sharing
    saving = _turn_on_form(values, channel, user, accounts, *services)
    try:
        turned_on, filters = await modal.within_ack(saving, "loading", step="alert_on_save")
    except AlertRefused as refused:
        audit_entry.refuse()
        if modal.answered.is_set():
            await _show(modal, channel.id, values, refused.problems)
        else:
            await modal.errors("form_errors", problems=refused.problems)
        return
    audit_entry.mark_made()
    await modal.update("alerts/on.done", alert=turned_on.alert)
    await views.post_turned_on(turned_on, channel, clock, user, audit_entry, filters)


async def _turn_on_form(
    values: Mapping[str, str],
    channel: Channel,
    user: CurrentUser,
    accounts: AccountService,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    sharing: SharingService,
) -> tuple[TurnedOn, Filters]:
    """Raises AlertRefused, and the errors of the command that no field can correct."""
    text = typed_alert(values)
    await user.must_be_in(channel.id)
    account = await accounts.load(user.caller)
    try:
        return await _turn_on(text, channel, account, clock, filter_resolver, alerts, sharing)
    except (InvalidInput, InvalidRequest, NotConnected) as error:
        raise AlertRefused({"filters": error}) from error


def typed_alert(values: Mapping[str, str]) -> str:
    """The form's values as they would be typed after `alerts on`; raises AlertRefused.

    The condition is parsed after each field, so that an error belongs to the field just added.
    """
    if (names := REPORTS.get(values["report"])) is None:
        raise OutdatedButton("/emporix alerts list")
    problems: dict[str, BotError] = {
        field: InvalidInput(
            "This report doesn't use it", advice="Leave it empty, or choose another report."
        )
        for field in CONDITION_FIELDS
        if values[field] and field not in names
    }
    given = {field: name for field, name in names.items() if values[field]}
    needed = {field: name for field, name in names.items() if field not in OPTIONAL_FIELDS}
    typed = ""
    for field, name in (needed | given).items():
        typed += f"{name}:{quoted_if_needed(values[field])} "
        if error := _condition_error(typed):
            problems[field] = error
            break
    else:
        typed += values["filters"]
        if error := _condition_error(typed):
            problems["filters"] = error
    if problems:
        raise AlertRefused(problems)
    return typed


def _condition_error(typed: str) -> InvalidInput | None:
    try:
        parse_condition(typed)
    except InvalidInput as error:
        return error
    return None


async def _show(
    modal: Modal, channel_id: str, values: Mapping[str, str], problems: Mapping[str, BotError]
) -> None:
    form = {name: values[name] for name in EMPTY_FORM}
    await modal.update("alerts/on.form", channel_id=channel_id, form=form, problems=problems)


@action(buttons.ALERTS_ON_AGENT, audit=AuditEvent.ALERT_ON)
async def use_agent(
    button: AlertButton,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> None:
    """Make an alert watch an agent that exists, instead of a name that no agent has."""
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    typed = f"agent:{quoted_if_needed(button.agent)}"
    agent = await filter_resolver.parse(typed, account, clock, tenant=alert.tenant)
    changed = await alerts.set_agent(account, alert, agent)
    turned_on = TurnedOn(changed, "changed")
    await views.post_turned_on(turned_on, channel, clock, user, audit_entry)


@action(buttons.ALERTS_ON_RESUME, audit=AuditEvent.ALERT_RESUMED)
async def resume(
    button: AlertButton,
    account: Account,
    clock: LocalClock,
    alerts: AlertService,
    sharing: SharingService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    services = alerts, sharing, channel, user, reply, audit_entry
    await views.resume(button.alert_id, account, clock, *services)
