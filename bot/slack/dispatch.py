"""From a request to its listener: acknowledge at once, then run it as tracked work.

Bolt calls one of six methods here. The parameters of a listener are services, or belong to the
request (`bot.slack.injection`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import BotError, Busy, NotOurs, OutdatedButton, StoreUnavailable
from bot.rendering.buttons import cursor_in
from bot.rendering.renderer import Renderer
from bot.slack.audit import AuditDraft, draft_of
from bot.slack.background import BackgroundTasks
from bot.slack.decorators import (
    ActionListener,
    CommandListener,
    EventListener,
    Listener,
    Registry,
    ShortcutListener,
    known,
)
from bot.slack.error_handler import ErrorHandler
from bot.slack.home import HomeTab
from bot.slack.injection import (
    CommandValues,
    EventValues,
    Providers,
    SubmissionValues,
    SuggestionValues,
    Values,
    ValuesAfterAck,
    arguments,
)
from bot.slack.installation import Installation
from bot.slack.loading import (
    LOADING_AFTER_SECONDS,
    LoadingModal,
    LoadingReply,
    Pressed,
    Sends,
    pressed,
)
from bot.slack.modals import Ack, Modal, Offer, SubmittedModal
from bot.slack.reply import Reply, ReplyInAck, ReplyLater
from bot.slack.request import SlackRequest, chosen, last_input, normalized, read, unescaped
from bot.store.audit import AuditLog
from bot.store.idempotency import Deliveries, Delivery
from bot.store.slack_cache import ChartSupport

logger = logging.getLogger(__name__)

SUGGEST_SECONDS = 2.0  # Slack waits 3 s; the rest is for the way there and back


EVENT_SECONDS = 2.5
"""For an event that is acknowledged when its listener has succeeded: Slack waits 3 s."""


class NotAcknowledged(Exception):
    """Slack gets no 200 for an event, and sends it again."""


async def _say_outdated() -> None:
    raise OutdatedButton


OUTDATED = ActionListener(_say_outdated, None, ())
"""Hears what no other does: as a listener it runs once, however often Slack delivers a press."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Passes requests to listeners; `services` is a dataclass with a field for each service."""

    registry: Registry
    renderer: Renderer
    session: aiohttp.ClientSession
    work: BackgroundTasks
    failures: ErrorHandler
    arrivals: Deliveries
    installation: Installation
    audit: AuditLog
    services: object
    providers: Providers
    patience_seconds: float = LOADING_AFTER_SECONDS
    charts: ChartSupport | None = None

    async def command(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """/emporix …"""
        incoming = read(request)
        try:
            typed = normalized(unescaped(str(request.body.get("text") or "")))
            await self._admit(request.body, incoming, lambda: self.registry.find(typed)[0])
            heard, text = self.registry.find(typed)
            if heard.in_ack:
                reply = ReplyInAck(self.renderer.private_text_once, ack)
                await self._call(heard, incoming, CommandValues(text=text, reply=reply))
                return
            self._start(heard, incoming, CommandValues(text=text))
        except Exception as error:  # noqa: BLE001 - the one door for errors
            surface = ReplyInAck(self.renderer.private_text, ack)
            await self.failures.tell(error, incoming.reference, surface)
            return
        await ack()

    async def action(self, ack: Ack, request: AsyncBoltRequest, payload: Mapping[str, Any]) -> None:
        """A button, in a message or a modal."""
        incoming = replace(read(request), value=str(payload.get("value") or ""))
        await ack()
        try:
            heard = self.registry.actions.get(str(payload.get("action_id"))) or OUTDATED
            await self._admit(request.body, incoming, lambda: heard)
            replaced = pressed(request.body) if heard.replaces else None
            self._start(heard, incoming, ValuesAfterAck(), replaced)
        except BotError as error:
            self._explain(error, incoming)

    async def shortcut(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """A shortcut, of a message or of the workspace."""
        incoming = read(request)
        await ack()
        try:
            await self.installation.admit(request.body)
            heard = self.registry.shortcuts.get(str(request.body.get("callback_id"))) or OUTDATED
            self._start(heard, incoming, ValuesAfterAck())
        except BotError as error:
            self._explain(error, incoming)

    async def event(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """What Slack tells by itself: where there is too much to do, nobody waits for it."""
        incoming = read(request)
        heard = self.registry.events.get(str(incoming.event.get("type")))
        if heard and heard.before_ack:
            if heard.concerns(incoming.event):
                await self._run_before_ack(heard, incoming, request.body)
            await ack()
            return
        await ack()
        try:
            await self.installation.admit(request.body)
            heard = known(self.registry.events, request.body["event"].get("type"))
            if heard.concerns(incoming.event):
                self._start(heard, incoming, EventValues())
        except BotError as error:
            self.failures.note(error)

    async def _run_before_ack(
        self, heard: EventListener, incoming: SlackRequest, body: Mapping[str, Any]
    ) -> None:
        """Raises NotAcknowledged where it did not succeed in time."""
        todo: list[Callable[[], Coroutine[Any, Any, None]]] = []
        try:
            async with asyncio.timeout(EVENT_SECONDS):
                await self.installation.admit(body)
                await self._call(heard, incoming, EventValues(afterwards=todo.append))
        except (BotError, TimeoutError) as error:
            if isinstance(error, NotOurs) and error.reason != "unknown":
                self.failures.note(error)
                return
            reason = error.template if isinstance(error, BotError) else type(error).__name__
            logger.warning("%s is not acknowledged: %s", heard.event_type, reason)
            raise NotAcknowledged from error
        for doing in todo:
            try:
                self.work.start(incoming.caller, partial(self._run_afterwards, doing))
            except Busy as error:
                self.failures.note(error)

    async def _run_afterwards(self, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await doing()
        except Exception as error:  # noqa: BLE001 - the one door for errors
            self.failures.note(error)

    async def suggestion(
        self, ack: Ack, request: AsyncBoltRequest, payload: Mapping[str, Any]
    ) -> None:
        """What is typed into an external select: nothing can be said there but what it offers."""
        incoming, offer = read(request), Offer(self.renderer, ack)
        typed = normalized(str(payload.get("value") or ""))
        try:
            await self.installation.admit(request.body)
            heard = known(self.registry.suggestions, payload.get("action_id"))
            async with asyncio.timeout(SUGGEST_SECONDS):
                await self._call(heard, incoming, SuggestionValues(typed=typed, offer=offer))
        except Exception as error:  # noqa: BLE001 - the one door for errors
            self.failures.note(error)
        await offer.end()

    async def submission(self, ack: Ack, request: AsyncBoltRequest) -> None:
        """A submitted modal: its listener gives the ack, and may go on after that."""
        incoming, view = read(request), request.body["view"]
        modal = SubmittedModal(self.renderer, incoming, ack)
        try:
            find = partial(known, self.registry.submissions, view.get("callback_id"))
            await self._admit(request.body, incoming, find)
            heard = find()
            values = SubmissionValues(
                choices=chosen(view), modal=modal, reply=self._sends(incoming)
            )
            run = partial(self._run_submission, heard, incoming, modal, values)
            self.work.start(incoming.caller, run, at_once=True)
        except Busy as error:
            await self._keep_form(error, incoming, modal)
            return
        except BotError as error:
            await self.failures.tell(error, incoming.reference, modal)
            return
        await modal.answered.wait()

    async def _admit(
        self, body: Mapping[str, Any], incoming: SlackRequest, find: Callable[[], Listener]
    ) -> None:
        """Raises NotOurs; the refusal of a listener that changes something is recorded."""
        try:
            await self.installation.admit(body)
        except NotOurs as error:
            with suppress(BotError):  # no such listener, or too many refusals at once
                self._record_refusal(find(), incoming, error)
            raise

    def _record_refusal(self, heard: Listener, incoming: SlackRequest, error: NotOurs) -> None:
        """In the log of the own workspace, where its administrators see it; after the ack."""
        if heard.audit is None:
            return
        caller = self.installation.own(incoming.caller)
        draft = AuditDraft(heard.audit, caller, incoming.channel_id)
        draft.refuse(error)
        self.work.explain(("audit", incoming.caller), partial(draft.record, self.audit))

    def _explain(self, error: BotError, incoming: SlackRequest) -> None:
        """Tell what keeps a listener from beginning."""
        modal = Modal(self.renderer, incoming)
        at_home = isinstance(error, NotOurs) and incoming.is_in_home  # theirs is not shown
        surface = modal if at_home else self._surface(modal, self._sends(incoming))
        tell = partial(self.failures.tell, error, incoming.reference, surface)
        try:
            self.work.explain(incoming.caller, tell)
        except Busy:
            self.failures.note(error)
            logger.warning("too many explanations are under way: this one is left out")

    def _start(
        self,
        heard: CommandListener | ActionListener | ShortcutListener | EventListener,
        incoming: SlackRequest,
        values: ValuesAfterAck,
        replaced: Pressed | None = None,
    ) -> None:
        """Let a listener run when its turn comes; raises Busy."""
        sends = self._sends(incoming)
        reply = LoadingReply(self.renderer, sends, replaced)
        modal = LoadingModal(self.renderer, incoming)
        values |= ValuesAfterAck(modal=modal, reply=reply)
        if isinstance(sends, HomeTab):  # what the listener shows there follows what `reply` shows
            values["home"] = sends
        run = partial(self._run, heard, incoming, reply, modal, values)
        self.work.start(incoming.caller, run, at_once=heard.at_once)
        if not heard.at_once:
            begin = reply.begin if incoming.response_url else modal.begin
            begin(self.patience_seconds)

    async def _run(
        self,
        heard: Listener,
        incoming: SlackRequest,
        reply: LoadingReply,
        modal: LoadingModal,
        values: ValuesAfterAck,
    ) -> None:
        await incoming.until_answered()
        try:
            cursor_id = cursor_in(incoming.value)
            by_person = incoming.is_in_home or not isinstance(heard, EventListener)
            arrival = await self._taken(incoming, cursor_id, by_person=by_person)
            if arrival is not None:
                values |= ValuesAfterAck(account=arrival.account, cursor=arrival.cursor)
                await self._call(heard, incoming, values)
        except Exception as error:  # noqa: BLE001 - the one door for errors
            surface = self._surface(modal, reply)
            await self.failures.tell(error, incoming.reference, surface)
        finally:
            await reply.end()
            await modal.end()

    async def _keep_form(
        self, error: BotError, incoming: SlackRequest, modal: SubmittedModal
    ) -> None:
        """What was typed stays where it is, to be submitted again; Slack names no other way."""
        name = last_input(incoming.view or {})
        if not name:
            await self.failures.tell(error, incoming.reference, modal)
            return
        self.failures.note(error)
        await modal.errors("busy.form", reason=error.template, block_id=name)

    async def _run_submission(
        self,
        heard: Listener,
        incoming: SlackRequest,
        modal: SubmittedModal,
        values: SubmissionValues,
    ) -> None:
        try:
            is_new = await self._taken(incoming) is not None
        except StoreUnavailable as error:
            await self._keep_form(error, incoming, modal)
            return
        try:
            if is_new:
                await self._call(heard, incoming, values)
        except Exception as error:  # noqa: BLE001 - the one door for errors
            await self.failures.tell(error, incoming.reference, modal)
        finally:
            await modal.close()

    async def _taken(
        self, incoming: SlackRequest, cursor_id: str = "", *, by_person: bool = True
    ) -> Delivery | None:
        """None where this delivery was heard before: it is a repetition, or was replayed."""
        arrival = await self.arrivals.claim_delivery(
            incoming.caller,
            incoming.delivery,
            incoming.reference,
            cursor_id,
            by_person=by_person,
        )
        if arrival is None:
            logger.info("this delivery was heard before: nothing is done")
        return arrival

    async def _call(self, heard: Listener, incoming: SlackRequest, values: Values) -> None:
        """Run the listener; if it changes something, one entry of the audit log follows."""
        draft = draft_of(heard, incoming)
        if draft:
            values["audit_entry"] = draft
        try:
            given = {**values, **heard.states(incoming.value, incoming.metadata)}
            needed = arguments(heard.parameters, incoming, given, self.providers, self.services)
            await heard.listener(**needed)
        except BaseException as error:
            if draft:
                draft.refuse(error)
            raise
        finally:
            if draft:
                await draft.record(self.audit)

    @staticmethod
    def _surface(modal: Modal, reply: Reply) -> Reply | Modal:
        """What the person looks at: a modal, also one opened meanwhile, or messages."""
        return modal if modal.is_open else reply

    def _sends(self, incoming: SlackRequest) -> Sends:
        """Sends answers to where the request came from."""
        if incoming.is_in_home:
            return self.providers.home(incoming)
        return ReplyLater(self.renderer, self.session, incoming, self.charts)
