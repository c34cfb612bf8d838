"""/emporix digest new [name] — opens the form for a new digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.listeners.digest import views
from bot.rendering import buttons
from bot.rendering.buttons import ChannelButton, DigestButton
from bot.services.digests.form import DigestFormService, parse_form
from bot.services.filters.parser import LocalClock
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command, submission
from bot.slack.modals import Modal


@command(
    "digest new",
    "[name]",
    "Set up a daily summary of jobs and failures in a channel, as in digest weekdays 8:30.",
    also=("digest",),
    at_once=True,
    audit=None,
)
async def open_form(
    text: str,
    account: Account,
    clock: LocalClock,
    digest_form: DigestFormService,
    channel: Channel,
    modal: Modal,
) -> None:
    await views.open_loading(modal)
    proposal = await digest_form.new_draft(account, clock, text)
    channel_id = "" if channel.is_direct else channel.id  # the form doesn't offer direct messages
    await views.show_form(modal, account, replace(proposal, channel_id=channel_id))


@action(buttons.DIGEST_NEW_OPEN, at_once=True, audit=None)
async def open_form_from_button(
    button: ChannelButton,
    account: Account,
    clock: LocalClock,
    digest_form: DigestFormService,
    modal: Modal,
) -> None:
    await views.open_loading(modal)
    proposal = await digest_form.new_draft(account, clock)
    await views.show_form(modal, account, replace(proposal, channel_id=_channel(button.channel_id)))


@action(buttons.DIGEST_NEW_DAYS, audit=None)
async def choose_days(
    values: Mapping[str, str], account: Account, metadata: DigestButton, modal: Modal
) -> None:
    """Show the form with or without individual days, keeping the user's input."""
    draft = parse_form(values, metadata.tenant).proposal
    await views.show_form(modal, account, draft, metadata.digest_id)


set_up = submission(buttons.DIGEST_NEW_SUBMIT, audit=AuditEvent.DIGEST_CREATED)(views.save)


def _channel(channel_id: str) -> str:
    """The channel's id, or "" for a direct message, which can't be chosen in the form."""
    return "" if channel_id.startswith("D") else channel_id
