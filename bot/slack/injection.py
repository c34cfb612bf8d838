"""Parameters that listeners can declare, in addition to the services of `bot.wiring`.

A parameter's annotation must equal the type declared here, or that of the service's field. `button`
and `metadata` may have any class of `bot.rendering.buttons`, see `Listener.states`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypedDict

import aiohttp

from bot.domain.accounts import Account, Caller
from bot.domain.lists import ListCursor
from bot.errors import Proposal
from bot.rendering.renderer import Renderer
from bot.services.filters.parser import LocalClock
from bot.services.home import HomeService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel, Files, Origin
from bot.slack.decorators import RunAfterAck
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.slack.reply import Reply
from bot.slack.request import SlackRequest, checked_options, form_values
from bot.slack.users import CurrentUser, UserClock, UserGroups, user_group_cache
from bot.store.slack_cache import TimeZoneCache

RunCommand: TypeAlias = Callable[[str], Awaitable[None]]
"""Runs a line as if it were typed after /emporix, with the same reply."""


class Values(TypedDict, total=False):
    """Values from the dispatcher.

    `audit_entry`: for listeners that declare an audit event.
    """

    audit_entry: AuditDraft


class ValuesAfterAck(Values, total=False):
    """For commands, buttons, shortcuts and events, which run after the ack.

    `cursor`: the list of the clicked button; None if it has expired or belongs to another user.
    """

    account: Account
    cursor: ListCursor | None
    modal: Modal
    reply: Reply
    home: HomeTab
    run_command: RunCommand


class CommandValues(ValuesAfterAck, total=False):
    """For commands. `text`: the text after the command; `proposal`: a likely alternative."""

    text: str
    proposal: Proposal | None


class EventValues(ValuesAfterAck, total=False):
    """For events. `run_after_ack`: starts work after the ack of an event with `before_ack`."""

    run_after_ack: RunAfterAck


class SubmissionValues(Values, total=False):
    """For submitted modals. `choices`: the selected options by block_id."""

    modal: SubmittedModal
    reply: Reply
    choices: Mapping[str, tuple[str, ...]]


class OptionsValues(Values, total=False):
    """For external selects. `typed`: the text in the field."""

    typed: str
    options_reply: OptionsReply


class Providers:
    """Creates parameters that depend on the request; each method is named after its parameter."""

    def __init__(
        self,
        renderer: Renderer,
        session: aiohttp.ClientSession,
        home_service: HomeService,
        zones: TimeZoneCache,
        now: Callable[[], float],
    ) -> None:
        self._renderer, self._session, self._home_service = renderer, session, home_service
        self._zones, self._now = zones, now
        self._user_groups = user_group_cache(now)

    def caller(self, request: SlackRequest) -> Caller:
        return request.caller

    def channel(self, request: SlackRequest) -> Channel:
        return Channel(self._renderer, self._session, request)

    def choices(self, request: SlackRequest) -> Mapping[str, tuple[str, ...]]:
        """The checked options of the modal by block_id."""
        return checked_options(request.view or {})

    def clock(self, request: SlackRequest) -> LocalClock:
        return UserClock(self._zones, self._now, request)

    def event(self, request: SlackRequest) -> Mapping[str, Any]:
        return request.event

    def files(self, request: SlackRequest) -> Files:
        return Files(request.client, request.caller.user_id)

    def home(self, request: SlackRequest) -> HomeTab:
        return HomeTab(self._renderer, self._home_service, request)

    def user(self, request: SlackRequest) -> CurrentUser:
        return CurrentUser(self._renderer, request)

    def user_groups(self, request: SlackRequest) -> UserGroups:
        return UserGroups(self._user_groups, request)

    def origin(self, request: SlackRequest) -> Origin:
        return Origin(self._renderer, self._session, request)

    def values(self, request: SlackRequest) -> Mapping[str, str]:
        """The values of the modal's fields by block_id."""
        return form_values(request.view or {})


def arguments(
    names: Iterable[str],
    request: SlackRequest,
    values: Mapping[str, object],
    providers: Providers,
    services: object,
) -> dict[str, object]:
    """The listener's arguments, from `values`, `providers` or `services`, in this order."""

    def argument(name: str) -> object:
        if name in values:
            return values[name]
        provide = getattr(providers, name, None)
        return provide(request) if provide else getattr(services, name)

    return {name: argument(name) for name in names}
