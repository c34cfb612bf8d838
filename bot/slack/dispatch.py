"""Dispatches requests to listeners: acknowledges at once, then runs the listener as a task.

Bolt calls one of seven methods here. The parameters of a listener are services, or belong to the
request (`bot.slack.injection`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.errors import (
    AnswerLost,
    BotError,
    Busy,
    InvalidInput,
    NotConnected,
    NotOurs,
    OutdatedButton,
    StoreUnavailable,
)
from bot.metrics import REPLY_SECONDS, REQUESTS
from bot.rendering.buttons import cursor_in, sharer_in
from bot.rendering.message_rows import button_values
from bot.rendering.renderer import Renderer
from bot.services.filters.parser import correct_tenant
from bot.slack.audit import AuditDraft
from bot.slack.background import BackgroundTasks
from bot.slack.decorators import (
    ActionListener,
    ClosingListener,
    CommandListener,
    EventListener,
    Listener,
    Registry,
    ShortcutListener,
    listener_for,
)
from bot.slack.error_handler import ErrorHandler, outcome_of
from bot.slack.home import HomeTab
from bot.slack.injection import (
    CommandValues,
    EventValues,
    OptionsValues,
    Providers,
    SubmissionValues,
    Values,
    ValuesAfterAck,
    arguments,
)
from bot.slack.installation import Installation
from bot.slack.loading import (
    LOADING_AFTER_SECONDS,
    ClickedButton,
    LoadingModal,
    LoadingReply,
    MessageSender,
    clicked_button,
)
from bot.slack.modals import Ack, Modal, OptionsReply, SubmittedModal
from bot.slack.reply import Reply, ReplyAfterAck, ReplyInAck
from bot.slack.request import (
    SlackRequest,
    clicked,
    last_input,
    normalized,
    parse_request,
    unescaped,
)
from bot.store.audit import AuditLog
from bot.store.idempotency import Deliveries, Delivery

logger = logging.getLogger(__name__)

OPTIONS_TIMEOUT_SECONDS = 2.0  # Slack waits 3 s; the rest is for the network

EVENT_TIMEOUT_SECONDS = 2.5
"""For an event that is acknowledged after its listener has succeeded: Slack waits 3 s."""


class NotAcknowledged(Exception):
    """An event is not acknowledged, so Slack sends it again."""


async def _raise_outdated() -> None:
    raise OutdatedButton


OUTDATED = ActionListener(_raise_outdated, None, ())
"""Answers unknown ids. Like any listener, it runs once even if Slack repeats the request."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Passes requests to listeners; `services` is a dataclass with a field for each service."""

    registry: Registry
    renderer: Renderer
    session: aiohttp.ClientSession
    background: BackgroundTasks
    error_handler: ErrorHandler
    deliveries: Deliveries
    installation: Installation
    audit: AuditLog
    services: object
    providers: Providers
    loading_after_seconds: float = LOADING_AFTER_SECONDS

    async def command(self, ack: Ack, req: AsyncBoltRequest) -> None:
        """/emporix …"""
        request = parse_request(req)
        try:
            typed = normalized(unescaped(str(req.body.get("text") or "")))
            await self._admit(req.body, request, lambda: self.registry.find(typed).listener)
            found = self.registry.find(typed)
            values = CommandValues(text=found.text, proposal=found.proposal)
            if found.listener.in_ack:
                values["reply"] = ReplyInAck(self.renderer.private_text_once, ack)
                await self._call(found.listener, request, values)
                _record(request)
                return
            self._start(found.listener, request, values)
        except Exception as error:  # noqa: BLE001 - handles every error
            surface = ReplyInAck(self.renderer.private_text, ack)
            await self.error_handler.show(error, request.reference, surface)
            _record(request, error)
            return
        await ack()

    async def action(self, ack: Ack, req: AsyncBoltRequest, payload: Mapping[str, Any]) -> None:
        """A button or an option of a menu, in a message, a modal or the Home tab."""
        action_id, value = clicked(payload)
        request = replace(parse_request(req), value=value)
        await ack()
        try:
            listener = self.registry.actions.get(action_id) or OUTDATED
            await self._admit(req.body, request, lambda: listener)
            replaced = clicked_button(req.body) if listener.replaces else None
            self._start(listener, request, ValuesAfterAck(), replaced)
        except BotError as error:
            self._explain_refusal(error, request)

    async def shortcut(self, ack: Ack, req: AsyncBoltRequest) -> None:
        """A message shortcut or a global shortcut."""
        request = parse_request(req)
        await ack()
        try:
            await self.installation.admit(req.body)
            listener = self.registry.shortcuts.get(str(req.body.get("callback_id"))) or OUTDATED
            self._start(listener, request, ValuesAfterAck())
        except BotError as error:
            self._explain_refusal(error, request)

    async def event(self, ack: Ack, req: AsyncBoltRequest) -> None:
        """An event. It is dropped if the app is at its capacity limit, as no user waits for it."""
        request = parse_request(req)
        listener = self.registry.events.get(str(request.event.get("type")))
        if listener and listener.before_ack:
            if listener.concerns(request.event):
                await self._run_before_ack(listener, request, req.body)
            else:
                REQUESTS.count(request.kind, "ignored")
            await ack()
            return
        await ack()
        try:
            await self.installation.admit(req.body)
            listener = listener_for(self.registry.events, req.body["event"].get("type"))
            if listener.concerns(request.event):
                self._start(listener, request, EventValues())
            else:
                REQUESTS.count(request.kind, "ignored")
        except BotError as error:
            self.error_handler.log(error)
            _record(request, error)

    async def _run_before_ack(
        self, listener: EventListener, request: SlackRequest, body: Mapping[str, Any]
    ) -> None:
        """Raises NotAcknowledged if it does not succeed in time."""
        todo: list[Callable[[], Coroutine[Any, Any, None]]] = []
        try:
            async with asyncio.timeout(EVENT_TIMEOUT_SECONDS):
                await self.installation.admit(body)
                await self._call(listener, request, EventValues(run_after_ack=todo.append))
        except (BotError, TimeoutError) as error:
            _record(request, error)
            if isinstance(error, NotOurs) and error.reason != "unknown":
                self.error_handler.log(error)
                return
            reason = error.template if isinstance(error, BotError) else type(error).__name__
            logger.warning("%s is not acknowledged: %s", listener.event_type, reason)
            raise NotAcknowledged from error
        _record(request)
        for work in todo:
            try:
                self.background.start(request.caller, partial(self._run_afterwards, work))
            except Busy as error:
                self.error_handler.log(error)

    async def _run_afterwards(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - handles every error
            self.error_handler.log(error)

    async def options(self, ack: Ack, req: AsyncBoltRequest, payload: Mapping[str, Any]) -> None:
        """Text typed into an external select, which can show options, but no errors."""
        request, options_reply = parse_request(req), OptionsReply(self.renderer, ack)
        typed = normalized(str(payload.get("value") or ""))
        try:
            await self.installation.admit(req.body)
            listener = listener_for(self.registry.options, payload.get("action_id"))
            async with asyncio.timeout(OPTIONS_TIMEOUT_SECONDS):
                await self._call(
                    listener, request, OptionsValues(typed=typed, options_reply=options_reply)
                )
            _record(request)
        except Exception as error:  # noqa: BLE001 - handles every error
            self.error_handler.log(error)
            _record(request, error)
        await options_reply.end()

    async def submission(self, ack: Ack, req: AsyncBoltRequest) -> None:
        """A submitted modal: its listener sends the ack, and may continue after it."""
        request, view = parse_request(req), req.body["view"]
        modal = SubmittedModal(self.renderer, request, ack)
        try:
            find = partial(listener_for, self.registry.submissions, view.get("callback_id"))
            await self._admit(req.body, request, find)
            listener = find()
            values = SubmissionValues(modal=modal, reply=self._reply_to(request))
            run = partial(self._run_submission, listener, request, modal, values)
            self.background.start(request.caller, run, at_once=True)
        except Busy as error:
            await self._keep_form(error, request, modal)
            return
        except BotError as error:
            await self.error_handler.show(error, request.reference, modal)
            _record(request, error)
            return
        await modal.answered.wait()

    async def closing(self, ack: Ack, req: AsyncBoltRequest) -> None:
        """A modal that was closed; only views with `notify_on_close` send this."""
        request = parse_request(req)
        await ack()
        try:
            await self.installation.admit(req.body)
            listener = listener_for(self.registry.closings, req.body["view"].get("callback_id"))
            run = partial(self._run_closing, listener, request)
            self.background.start(request.caller, partial(self._run_afterwards, run))
        except BotError as error:
            self.error_handler.log(error)
            _record(request, error)

    async def _run_closing(self, listener: ClosingListener, request: SlackRequest) -> None:
        await request.until_answered()
        try:
            if delivery := await self._claim_delivery(request):
                values = ValuesAfterAck(
                    account=delivery.account,
                    cursor=delivery.cursor,
                    modal=Modal(self.renderer, request),
                )
                await self._call(listener, request, values)
                _record(request)
        except Exception as error:
            _record(request, error)
            raise

    async def _admit(
        self, body: Mapping[str, Any], request: SlackRequest, find: Callable[[], Listener]
    ) -> None:
        """Raises NotOurs, and records it if the listener changes something."""
        try:
            await self.installation.admit(body)
            if find().for_members:
                self.installation.admit_member(body)
        except NotOurs as error:
            with suppress(BotError):  # unknown id, or too many refusals at once
                self._record_refusal(find(), request, error)
            raise

    def _record_refusal(self, listener: Listener, request: SlackRequest, error: NotOurs) -> None:
        """Record a refusal in our own workspace's audit log, after the ack."""
        if listener.audit is None:
            return
        caller = self.installation.in_own_team(request.caller)
        draft = AuditDraft(listener.audit, caller, request.channel_id)
        draft.refuse(error)
        self.background.start_explanation(
            ("audit", request.caller), partial(draft.record, self.audit)
        )

    def _explain_refusal(self, error: BotError, request: SlackRequest) -> None:
        """Show why a listener was not started."""
        _record(request, error)
        modal = Modal(self.renderer, request)
        at_home = (
            isinstance(error, NotOurs) and request.is_in_home
        )  # outsiders see an empty Home tab
        surface = modal if at_home else self._surface(modal, self._reply_to(request))
        tell = partial(self.error_handler.show, error, request.reference, surface)
        try:
            self.background.start_explanation(request.caller, tell)
        except Busy:
            self.error_handler.log(error)
            logger.warning("too many error messages are being sent: this one is dropped")

    def _start(
        self,
        listener: CommandListener | ActionListener | ShortcutListener | EventListener,
        request: SlackRequest,
        values: ValuesAfterAck,
        replaced: ClickedButton | None = None,
    ) -> None:
        """Queue a listener; raises Busy."""
        sends = self._reply_to(request)
        reply = LoadingReply(self.renderer, sends, replaced)
        values |= ValuesAfterAck(reply=reply)
        values["run_command"] = partial(self._run_command, request, values)
        modal = None
        if request.is_in_modal or "modal" in listener.parameters:
            values["modal"] = modal = LoadingModal(self.renderer, request)
        if isinstance(sends, HomeTab):  # `home` and `reply` change the same view in order
            values["home"] = sends
        run = partial(self._run, listener, request, reply, modal, values)
        self.background.start(request.caller, run, at_once=listener.at_once)
        if not listener.at_once:
            waiting = reply if request.response_url else modal
            if waiting:
                waiting.begin(self.loading_after_seconds)

    async def _run(
        self,
        listener: Listener,
        request: SlackRequest,
        reply: LoadingReply,
        modal: LoadingModal | None,
        values: ValuesAfterAck,
    ) -> None:
        await request.until_answered()
        try:
            by_person = request.is_in_home or not isinstance(listener, EventListener)
            delivery = await self._claim_delivery(request, by_person=by_person)
            if delivery is not None:
                values |= ValuesAfterAck(account=delivery.account, cursor=delivery.cursor)
                await self._call(listener, request, values)
                _record(request)
        except Exception as error:  # noqa: BLE001 - handles every error
            if isinstance(error, NotConnected):
                blocks = (request.message or {}).get("blocks") or ()
                error.shared_by = sharer_in((request.value, *button_values(blocks)))
            await self._show_error(error, listener, request, reply, modal)
            _record(request, error)
        finally:
            await reply.end()
            if modal:
                await modal.end()

    async def _show_error(
        self,
        error: Exception,
        listener: Listener,
        request: SlackRequest,
        reply: LoadingReply,
        modal: LoadingModal | None,
    ) -> None:
        template = listener.without_store if isinstance(listener, CommandListener) else ""
        if template and isinstance(error, StoreUnavailable):
            self.error_handler.log(error)
            await reply(template)
            return
        await self.error_handler.show(error, request.reference, self._surface(modal, reply))

    async def _run_command(self, request: SlackRequest, values: ValuesAfterAck, line: str) -> None:
        """Run a command line with the values of the listener that calls this."""
        found = self.registry.find(line)
        modal = values.get("modal") or LoadingModal(self.renderer, request)
        command = CommandValues(text=found.text, proposal=found.proposal, modal=modal)
        await self._call(found.listener, request, CommandValues(**{**values, **command}))

    async def _keep_form(
        self, error: BotError, request: SlackRequest, modal: SubmittedModal
    ) -> None:
        """Keep the form open, with an error under its last field, to be submitted again."""
        if not isinstance(error, AnswerLost):  # counted as a duplicate
            _record(request, error)
        name = last_input(request.view or {})
        if not name:
            await self.error_handler.show(error, request.reference, modal)
            return
        self.error_handler.log(error)
        await modal.errors("busy.form", reason=error.template, block_id=name)

    async def _run_submission(
        self,
        listener: Listener,
        request: SlackRequest,
        modal: SubmittedModal,
        values: SubmissionValues,
    ) -> None:
        try:
            if await self._claim_delivery(request) is None:
                raise AnswerLost
        except (StoreUnavailable, AnswerLost) as error:
            await self._keep_form(error, request, modal)
            return
        # Users who closed a modal that changes something may believe that it has worked.
        elsewhere = (self._reply_to(request),) if listener.audit else ()
        try:
            await self._call(listener, request, values)
            _record(request)
        except Exception as error:  # noqa: BLE001 - handles every error
            await self.error_handler.show(error, request.reference, modal, *elsewhere)
            _record(request, error)
        finally:
            await modal.close()

    async def _claim_delivery(
        self, request: SlackRequest, *, by_person: bool = True
    ) -> Delivery | None:
        """Claim this delivery; None if it was handled before, because Slack repeated it."""
        delivery = await self.deliveries.claim_delivery(
            request.caller,
            request.delivery,
            request.reference,
            *cursor_in(request.value, request.metadata),
            by_person=by_person,
        )
        if delivery is None:
            logger.info("this request was handled before: the repeat is ignored")
            REQUESTS.count(request.kind, "duplicate")
        return delivery

    async def _call(self, listener: Listener, request: SlackRequest, values: Values) -> None:
        """Run the listener, and record it in the audit log if it changes something."""
        draft = None
        if event := listener.audited_as:
            draft = values["audit_entry"] = AuditDraft(event, request.caller, request.channel_id)
        try:
            given = {**values, **listener.states(request.value, request.metadata)}
            needed = arguments(listener.parameters, request, given, self.providers, self.services)
            await listener.function(**needed)
        except BaseException as error:
            if isinstance(listener, CommandListener):
                _complete_proposals(error, listener, str(values.get("text", "")))
            if draft:
                draft.refuse(error)
            raise
        finally:
            if draft:
                await draft.record(self.audit)

    @staticmethod
    def _surface(modal: Modal | None, reply: Reply) -> Reply | Modal:
        """Return where to show an error: in the modal if one is open, otherwise as a message."""
        return modal if modal and modal.is_open else reply

    def _reply_to(self, request: SlackRequest) -> MessageSender:
        """Return a sender of answers to where the request came from: Home tab or conversation."""
        if request.is_in_home:
            return self.providers.home(request)
        return ReplyAfterAck(self.renderer, self.session, request)


def _record(request: SlackRequest, error: BaseException | None = None) -> None:
    """Count a request that has ended, and its duration."""
    REQUESTS.count(request.kind, outcome_of(error) if error else "ok")
    REPLY_SECONDS.observe(time.monotonic() - request.arrived_at, request.kind)


def _complete_proposals(error: BaseException, listener: CommandListener, text: str) -> None:
    """Turn the proposals of an error into whole commands; `text` is what followed the command."""
    if isinstance(error, NotConnected):
        error.proposals = correct_tenant(text, error)
    if isinstance(error, InvalidInput | NotConnected):
        error.surround_proposals(f"{listener.words} ")
