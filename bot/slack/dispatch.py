"""From a request to its listener: acknowledge at once, then run it as tracked work.

Bolt hands every command, button and submission to one of three methods here. A listener is given
what it names as parameters: `PARAMETERS` lists all there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import BotError, Busy, OutdatedButton
from bot.models import Account, Caller
from bot.say.render import Say
from bot.slack.failures import Failures
from bot.slack.hear import Action, Heard, Submission
from bot.slack.incoming import Incoming, read, submitted
from bot.slack.modals import Ack, Modal, SubmittedModal
from bot.slack.registry import Registry
from bot.slack.reply import Reply, ReplyInAck, ReplyLater
from bot.slack.work import Work

PARAMETERS = {
    "caller": "who acts",
    "account": "their connections; not in the ack",
    "text": "what was typed behind the words of the command",
    "value": "what the pressed button remembers, packed",
    "values": "what was filled into the submitted modal, by block_id",
    "reply": "answers with a template",
    "modal": "opens a modal, or changes the one that the request came from",
    "registry": "all commands",
    "clock": "the time, and the zone of who acts",
    "accounts": "the service of connections",
    "jobs": "the service of jobs",
    "asking": "the service that reads filters",
}


class TakesDeliveries(Protocol):
    """Redis, as seen from here: is this delivery new, and who is asking?"""

    async def take(self, caller: Caller, delivery: str) -> Account | None: ...


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

    async def command(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """/emporix …"""
        incoming = read(request)
        in_ack = ReplyInAck(self.say, ack)
        try:
            heard, text = self.registry.find(str(request.body.get("text") or ""))
            if heard.in_ack:
                await self._call(heard, incoming, {"text": text, "reply": in_ack})
                return
            self._refuse_when_full()
        except Exception as error:  # noqa: BLE001 - the one door for errors
            await self.failures.tell(error, incoming.reference, in_ack)
            return
        await ack()
        self.work.start(self._run(heard, incoming, {"text": text}), at_once=heard.at_once)

    async def action(self, ack: Ack, request: AsyncBoltRequest, payload: Mapping[str, Any]) -> None:
        """A button, in a message or a modal."""
        incoming = read(request)
        await ack()
        try:
            heard = self._pressed(str(payload.get("action_id")))
            self._refuse_when_full()
        except BotError as error:
            self.work.track(self.failures.tell(error, incoming.reference, self._surface(incoming)))
            return
        extra = {"value": str(payload.get("value") or "")}
        self.work.start(self._run(heard, incoming, extra), at_once=heard.at_once)

    async def submission(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """A submitted modal: its listener gives the ack, and may go on after that."""
        incoming, view = read(request), request.body["view"]
        modal = SubmittedModal(self.say, incoming, ack)
        try:
            heard = self._submitted(str(view.get("callback_id")))
            self._refuse_when_full()
        except BotError as error:
            await self.failures.tell(error, incoming.reference, modal)
            return
        extra = {"values": submitted(view), "modal": modal}
        self.work.track(self._run_submission(heard, incoming, modal, extra))
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

    def _refuse_when_full(self) -> None:
        if self.work.is_full:
            raise Busy

    async def _run(self, heard: Heard, incoming: Incoming, extra: Mapping[str, object]) -> None:
        await incoming.until_answered()
        try:
            account = await self.arrivals.take(incoming.caller, incoming.delivery)
            if account is not None:  # None: Slack repeats itself
                await self._call(heard, incoming, {"account": account, **extra})
        except Exception as error:  # noqa: BLE001 - the one door for errors
            await self.failures.tell(error, incoming.reference, self._surface(incoming))

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
            "modal": Modal(self.say, incoming),
            "registry": self.registry,
            **{name: make(incoming) for name, make in self.helpers.items()},
            **self.services,
            **extra,
        }
        await heard.listener(**{name: offered[name] for name in heard.parameters})

    def _surface(self, incoming: Incoming) -> Reply | Modal:
        return Modal(self.say, incoming) if incoming.is_in_modal else self._reply(incoming)

    def _reply(self, incoming: Incoming) -> Reply:
        return ReplyLater(self.say, self.session, incoming)
