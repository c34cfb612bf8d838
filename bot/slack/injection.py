"""What a listener can take as a parameter, beside the services of `bot.wiring`.

The parameter's annotation must equal the type that is declared here, or that of the service's
field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

import aiohttp

from bot.models import Account, Caller
from bot.say.render import Say
from bot.services.filters import LocalClock
from bot.services.homes.overview import Overviews
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.files import Files
from bot.slack.hear import Afterwards
from bot.slack.home import HomeTab
from bot.slack.incoming import Incoming, submitted
from bot.slack.modals import Modal, Offer, SubmittedModal
from bot.slack.people import People
from bot.slack.place import Place
from bot.slack.reply import Reply
from bot.slack.zones import CallersClock
from bot.store.cursors import Cursor
from bot.store.zones import ZoneStore


class Values(TypedDict, total=False):
    """Values from the dispatcher. `audit_entry`: for a listener that declares an audit event."""

    audit_entry: AuditDraft


class ValuesAfterAck(Values, total=False):
    """For commands, buttons, shortcuts and events, which run after the ack.

    `cursor`: the list of the clicked button; None if it expired or belongs to another user.
    """

    account: Account
    cursor: Cursor | None
    modal: Modal
    reply: Reply
    home: HomeTab


class CommandValues(ValuesAfterAck, total=False):
    """`text`: what follows the words of the command."""

    text: str


class ActionValues(ValuesAfterAck, total=False):
    """`value`: the value of the button."""

    value: str


class EventValues(ValuesAfterAck, total=False):
    """`afterwards`: for an event that is acknowledged after its listener."""

    afterwards: Afterwards


class SubmissionValues(Values, total=False):
    """`value`: the modal's private_metadata; `choices`: the checked options by block_id."""

    modal: SubmittedModal
    reply: Reply
    value: str
    choices: Mapping[str, tuple[str, ...]]


class SuggestionValues(Values, total=False):
    """`typed`: the text in the external select."""

    typed: str
    offer: Offer


class Providers:
    """Create what belongs to one request: each public method the parameter of its name."""

    def __init__(
        self,
        say: Say,
        session: aiohttp.ClientSession,
        overviews: Overviews,
        zones: ZoneStore,
        now: Callable[[], float],
    ) -> None:
        self._say, self._session, self._overviews = say, session, overviews
        self._zones, self._now = zones, now

    def caller(self, incoming: Incoming) -> Caller:
        return incoming.caller

    def channel(self, incoming: Incoming) -> Channel:
        return Channel(self._say, self._session, incoming)

    def clock(self, incoming: Incoming) -> LocalClock:
        return CallersClock(self._zones, self._now, incoming)

    def event(self, incoming: Incoming) -> Mapping[str, Any]:
        return incoming.event

    def files(self, incoming: Incoming) -> Files:
        return Files(incoming.client, incoming.caller.user_id)

    def home(self, incoming: Incoming) -> HomeTab:
        return HomeTab(self._say, self._overviews, incoming)

    def memory(self, incoming: Incoming) -> str:
        """The private_metadata of the modal; empty if there is none."""
        return incoming.memory

    def people(self, incoming: Incoming) -> People:
        return People(self._say, incoming)

    def place(self, incoming: Incoming) -> Place:
        return Place(self._say, self._session, incoming)

    def values(self, incoming: Incoming) -> Mapping[str, str]:
        """The fields of the modal by block_id."""
        return submitted(incoming.view or {})


def arguments(
    names: Iterable[str],
    incoming: Incoming,
    values: Mapping[str, object],
    providers: Providers,
    services: object,
) -> dict[str, object]:
    """The arguments of a listener: from `values`, else from `providers`, else a service."""

    def argument(name: str) -> object:
        if name in values:
            return values[name]
        provide = getattr(providers, name, None)
        return provide(incoming) if provide else getattr(services, name)

    return {name: argument(name) for name in names}
