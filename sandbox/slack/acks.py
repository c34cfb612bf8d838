"""Handles the app's ack for a command, a click or a submission."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.slack.actor import Actor
from sandbox.slack.delivery import Ack
from sandbox.slack.directory import SLACKBOT_ID
from sandbox.slack.errors import ApiError
from sandbox.slack.journal import SentPayload
from sandbox.slack.message_content import content
from sandbox.slack.methods.views import checked
from sandbox.slack.response_url_routes import seen_by, surface
from sandbox.slack.views import View

CONNECTION_TROUBLE = "We had some trouble connecting. Try again?"

FieldErrors = dict[str, str]
"""block_id → the error below that input; "" is for Slack's own error of the view."""


def command_acked(actor: Actor, command: str, ack: Ack) -> None:
    """Show the message in the ack, or say that there was no ack."""
    if ack.error:
        _slackbot(actor, f"{command} failed with the error {ack.error!r}")
    elif ack.body is not None:
        try:
            _post_message(actor, ack.body if isinstance(ack.body, dict) else {"text": ack.body})
            _record(actor, ack, {"ok": True})
        except ApiError as refused:
            _record(actor, ack, refused.answer())
            _slackbot(actor, f"{command} failed with the error 'invalid_command_response'")


def click_acked(actor: Actor, ack: Ack) -> None:
    """Slack: only the status of the ack matters; its body is ignored."""
    if ack.error:
        _slackbot(actor, f"{CONNECTION_TROUBLE} ({ack.error})")


def submission_acked(actor: Actor, view: View, ack: Ack) -> FieldErrors:
    """Close, update or push views as the ack says; return the errors to show below inputs."""
    if ack.error:
        return {"": CONNECTION_TROUBLE}
    if ack.body is None or ack.body == {}:
        actor.workspace.views.close(view)
        return {}
    try:
        errors = _respond(actor, view, ack.body)
        answer: dict[str, Any] = {"ok": True}
    except ApiError as refused:
        errors, answer = {"": CONNECTION_TROUBLE}, refused.answer()
    _record(actor, ack, answer)
    return errors


def _respond(actor: Actor, view: View, body: Any) -> FieldErrors:
    views = actor.workspace.views
    match body:
        case {"response_action": "errors", "errors": dict(errors)} if errors:
            return _field_errors(view, errors)
        case {"response_action": "update", "view": new}:
            views.update(view, checked(new, "modal"))
        case {"response_action": "push", "view": new}:
            views.push(actor.user.id, checked(new, "modal"))
        case {"response_action": "clear"}:
            views.close_all(actor.user.id)
        case _:
            raise ApiError("invalid_response_action")
    return {}


def _field_errors(view: View, errors: Mapping[str, Any]) -> FieldErrors:
    inputs = {b["block_id"] for b in view.content["blocks"] if b["type"] == "input"}
    wrong = [f"no input block has the block_id {name!r}" for name in errors if name not in inputs]
    wrong += [f"must provide a string for {n!r}" for n, e in errors.items() if not _is_words(e)]
    if wrong:
        raise ApiError("invalid_arguments", wrong)
    return dict(errors)


def _is_words(error: object) -> bool:
    return isinstance(error, str) and bool(error)


def _post_message(actor: Actor, given: Mapping[str, Any]) -> None:
    only_for = seen_by(given, actor.user.id)
    said = content(given, surface(only_for))
    actor.workspace.messages.add(actor.channel.id, said.text, said.blocks, only_for=only_for)


def _slackbot(actor: Actor, text: str) -> None:
    actor.workspace.messages.add(
        actor.channel.id, text, [], user_id=SLACKBOT_ID, only_for=actor.user.id
    )


def _record(actor: Actor, ack: Ack, answer: dict[str, Any]) -> None:
    actor.workspace.journal.add(SentPayload("ack", ack.body, answer, actor.user.id))
