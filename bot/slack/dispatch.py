"""From a request to its listener: acknowledge at once, then run it as tracked work.

Bolt hands every command, button and submission to one of three methods here. A listener is given
what it names as parameters: `PARAMETERS` lists all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import aiohttp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import BotError, Busy, OutdatedButton
from bot.models import Caller
from bot.say.render import Say
from bot.say.state import cursor_in
from bot.slack.channel import Channel
from bot.slack.failures import Failures
from bot.slack.files import Files
from bot.slack.hear import Action, Command, Heard, Submission
from bot.slack.incoming import Incoming, first_input, read, submitted
from bot.slack.modals import Ack, Modal, SubmittedModal
from bot.slack.patience import PATIENCE_SECONDS, PatientReply, Pressed, pressed
from bot.slack.people import People
from bot.slack.registry import Registry
from bot.slack.reply import Reply, ReplyInAck, ReplyLater
from bot.slack.work import Work
from bot.store.arrivals import Arrival

PARAMETERS = {
    "caller": "who acts",
    "account": "their connections; not in the ack",
    "cursor": "the list that the pressed button stands in, None where it is not theirs or is gone",
    "text": "what was typed behind the words of the command",
    "value": "what the pressed button or the submitted modal remembers, packed",
    "values": "what was filled into the submitted modal, by block_id",
    "reply": "answers with a template",
    "modal": "opens a modal, or changes the one that the request came from",
    "files": "shares a text with the person as a file",
    "channel": "where it happens: who reads it, and what all of them see",
    "people": "what Slack knows about who acts",
    "registry": "all commands",
    "clock": "the time, and the zone of who acts",
    "accounts": "the service of connections",
    "jobs": "the service of jobs",
    "deletes": "the service that deletes jobs and records it",
    "sharing": "the service of lists and jobs shown to a channel",
    "shared_deletes": "the service of deletes that a channel sees",
    "audit": "the record of deletes",
    "asking": "the service that reads filters",
    "cleaning": "the service that counts jobs, and lets them be deleted in the background",
}


class TakesDeliveries(Protocol):
    """Redis, as seen from here: is this delivery new, who is asking, and in which list?"""

    async def take(self, caller: Caller, delivery: str, cursor_id: str) -> Arrival | None: ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Hands requests to listeners; `services` are offered to them by name.

    So are the `helpers`, made anew for each request.
    """

    registry: Registry
    say: Say
    session: aiohttp.ClientSession
    work: Work
    failures: Failures
    arrivals: TakesDeliveries
    services: Mapping[str, object]
    helpers: Mapping[str, Callable[[Incoming], object]] = field(default_factory=dict)
    patience_seconds: float = PATIENCE_SECONDS

    async def command(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """/emporix …"""
        incoming = read(request)
        try:
            heard, text = self.registry.find(str(request.body.get("text") or ""))
            if heard.in_ack:
                reply = ReplyInAck(self.say.render_once, ack)
                await self._call(heard, incoming, {"text": text, "reply": reply})
                return
            self._start(heard, incoming, {"text": text})
        except Exception as error:  # noqa: BLE001 - the one door for errors
            surface = ReplyInAck(self.say.render, ack)
            await self.failures.tell(error, incoming.reference, surface)
            return
        await ack()

    async def action(self, ack: Ack, request: AsyncBoltRequest, payload: Mapping[str, Any]) -> None:
        """A button, in a message or a modal."""
        incoming = read(request)
        await ack()
        try:
            heard = self._pressed(str(payload.get("action_id")))
            replaced = pressed(request.body) if heard.replaces else None
            self._start(heard, incoming, {"value": str(payload.get("value") or "")}, replaced)
        except BotError as error:
            surface = self._surface(Modal(self.say, incoming), self._reply(incoming))
            self.work.track(self.failures.tell(error, incoming.reference, surface))

    async def submission(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """A submitted modal: its listener gives the ack, and may go on after that."""
        incoming, view = read(request), request.body["view"]
        modal = SubmittedModal(self.say, incoming, ack)
        try:
            heard = self._submitted(str(view.get("callback_id")))
            remembered = str(view.get("private_metadata") or "")
            extra = {"values": submitted(view), "value": remembered, "modal": modal}
            run = partial(self._run_submission, heard, incoming, modal, extra)
            self.work.start(incoming.caller, run, at_once=True)
        except Busy as error:
            await self._keep_form(error, incoming, modal)
            return
        except BotError as error:
            await self.failures.tell(error, incoming.reference, modal)
            return
        await modal.answered.wait()

    def _pressed(self, action_id: str) -> Action:
        heard = self.registry.actions.get(action_id)
        if heard is None:
            raise OutdatedButton
        return heard

    def _submitted(self, callback_id: str) -> Submission:
        heard = self.registry.submissions.get(callback_id)
        if heard is None:
            raise OutdatedButton
        return heard

    def _start(
        self,
        heard: Command | Action,
        incoming: Incoming,
        extra: Mapping[str, object],
        replaced: Pressed | None = None,
    ) -> None:
        """Let a listener run when its turn comes; raises Busy."""
        reply = PatientReply(self.say, self._reply(incoming), replaced)
        run = partial(self._run, heard, incoming, reply, extra)
        self.work.start(incoming.caller, run, at_once=heard.at_once)
        if incoming.response_url and not heard.at_once:
            reply.begin(self.patience_seconds)

    async def _run(
        self, heard: Heard, incoming: Incoming, reply: PatientReply, extra: Mapping[str, object]
    ) -> None:
        modal = Modal(self.say, incoming)
        extra = {"modal": modal, "reply": reply, **extra}
        await incoming.until_answered()
        try:
            cursor_id = cursor_in(str(extra.get("value", "")))
            arrival = await self.arrivals.take(incoming.caller, incoming.delivery, cursor_id)
            if arrival is not None:  # None: Slack repeats itself
                found = {"account": arrival.account, "cursor": arrival.cursor}
                await self._call(heard, incoming, {**found, **extra})
        except Exception as error:  # noqa: BLE001 - the one door for errors
            surface = self._surface(modal, reply)
            await self.failures.tell(error, incoming.reference, surface)
        finally:
            await reply.end()

    async def _keep_form(self, error: Busy, incoming: Incoming, modal: SubmittedModal) -> None:
        """What was typed stays where it is, to be submitted again; Slack names no other way."""
        if name := first_input(incoming.view or {}):
            await modal.errors("busy.form", block_id=name)
        else:
            await self.failures.tell(error, incoming.reference, modal)

    async def _run_submission(
        self, heard: Heard, incoming: Incoming, modal: SubmittedModal, extra: Mapping[str, object]
    ) -> None:
        try:
            await self._call(heard, incoming, extra)
        except Exception as error:  # noqa: BLE001 - the one door for errors
            await self.failures.tell(error, incoming.reference, modal)
        finally:
            await modal.close()

    async def _call(self, heard: Heard, incoming: Incoming, extra: Mapping[str, object]) -> None:
        offered: dict[str, object] = {
            "caller": incoming.caller,
            "reply": self._reply(incoming),
            "channel": Channel(self.say, self.session, incoming),
            "files": Files(incoming),
            "people": People(incoming),
            "registry": self.registry,
            **{name: make(incoming) for name, make in self.helpers.items()},
            **self.services,
            **extra,
        }
        await heard.listener(**{name: offered[name] for name in heard.parameters})

    @staticmethod
    def _surface(modal: Modal, reply: Reply) -> Reply | Modal:
        """What the person looks at: a modal, also one opened meanwhile, or messages."""
        return modal if modal.is_open else reply

    def _reply(self, incoming: Incoming) -> ReplyLater:
        return ReplyLater(self.say, self.session, incoming)
