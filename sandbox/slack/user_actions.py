"""The actions of a user: write, run a command or shortcut, click, choose, submit and close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from sandbox.slack import payloads
from sandbox.slack.acks import FieldErrors, click_acked, command_acked, submission_acked
from sandbox.slack.actor import Actor
from sandbox.slack.delivery import Ack, deliver
from sandbox.slack.errors import NotFound
from sandbox.slack.form_filling import fill_in, missing
from sandbox.slack.interactive_elements import (
    ClickableElement,
    ElementQuery,
    FoundElement,
    SettableElement,
    clickable_elements,
    find,
    settable_elements,
)
from sandbox.slack.messages import Message
from sandbox.slack.select_options import Options, set_value, store_value, suggestions
from sandbox.slack.shortcuts import find_shortcut, message_for
from sandbox.slack.values import Given
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The result of an action; `ack` is None if no request was sent.

    `options` are those of a suggestion.
    """

    ack: Ack | None = None
    field_errors: FieldErrors = field(default_factory=dict)
    options: Options = ()


async def command(http: httpx.AsyncClient, actor: Actor, typed: str) -> ActionResult:
    """Send a command; `typed` is the whole line, "/emporix jobs list"."""
    name, _, text = typed.strip().partition(" ")
    if not name.startswith("/"):
        raise NotFound("a command begins with a slash: /emporix …")
    ack = await deliver(http, actor.workspace, payloads.command(actor, name, text.strip()))
    command_acked(actor, name, ack)
    return ActionResult(ack)


async def write(
    _: httpx.AsyncClient, actor: Actor, *, text: str, thread_ts: str = ""
) -> ActionResult:
    """Post a message in the channel or in a thread; the app doesn't receive it."""
    actor.workspace.messages.add(
        actor.channel.id, text, [], user_id=actor.user.id, thread_ts=thread_ts
    )
    return ActionResult()


async def shortcut(
    http: httpx.AsyncClient, actor: Actor, *, name: str, ts: str = ""
) -> ActionResult:
    """Choose a shortcut from its menu; `ts` is the message of a message shortcut."""
    chosen, now = find_shortcut(actor.workspace.shortcuts, name), _now(actor)
    if chosen.kind == "message":
        message = message_for(actor.workspace.seen_by(actor.user, actor.channel.id), ts)
        form = payloads.message_shortcut(actor, chosen.callback_id, message, now)
    else:
        form = payloads.global_shortcut(actor, chosen.callback_id, now)
    ack = await deliver(http, actor.workspace, form)
    click_acked(actor, ack)
    return ActionResult(ack)


async def click(
    http: httpx.AsyncClient, actor: Actor, wanted: ElementQuery, *, confirm: bool = True
) -> ActionResult:
    """Click a button. Nothing is sent if it has a confirm dialog and `confirm` is false."""
    return await click_element(
        http, actor, find(actor, wanted, clickable_elements), confirm=confirm
    )


async def click_element(
    http: httpx.AsyncClient,
    actor: Actor,
    found: FoundElement[ClickableElement],
    *,
    confirm: bool = True,
) -> ActionResult:
    """Like `click`, for an element that was already found."""
    pressed = found.element
    if "confirm" in pressed.element and not confirm:
        return ActionResult()
    action_id = pressed.element["action_id"]
    if chosen := pressed.chosen():
        store_value(actor, found.place, pressed.block_id, action_id, chosen)
    return await _send_action(http, actor, found.place, pressed.action(_now(actor)))


async def choose(
    http: httpx.AsyncClient,
    actor: Actor,
    wanted: ElementQuery,
    *,
    given: Given,
    confirm: bool = True,
) -> ActionResult:
    """Set a value. Nothing is sent if the app only receives it with the submission."""
    return await set_element(
        http, actor, find(actor, wanted, settable_elements), given=given, confirm=confirm
    )


async def set_element(
    http: httpx.AsyncClient,
    actor: Actor,
    found: FoundElement[SettableElement],
    *,
    given: Given,
    confirm: bool = True,
) -> ActionResult:
    """Like `choose`, for an element that was already found."""
    chosen = await set_value(http, actor, found, given)
    if not found.element.notifies_app or ("confirm" in found.element.element and not confirm):
        return ActionResult()
    return await _send_action(http, actor, found.place, found.element.action(chosen, _now(actor)))


async def suggest(
    http: httpx.AsyncClient, actor: Actor, wanted: ElementQuery, *, typed: str
) -> ActionResult:
    """Type into an external select and return the app's options."""
    found = find(actor, wanted, settable_elements)
    return ActionResult(options=await suggestions(http, actor, found, typed))


async def submit(
    http: httpx.AsyncClient, actor: Actor, values: Mapping[str, Given]
) -> ActionResult:
    """Fill in the top view and submit it. Slack itself refuses missing or too long values."""
    view = top(actor)
    if "submit" not in view.content:
        raise NotFound("the view on top has no submit button")
    await fill_in(http, actor, view, values)
    if lacking := missing(view):
        return ActionResult(field_errors=lacking)
    ack = await deliver(http, actor.workspace, payloads.view_submission(actor, view))
    return ActionResult(ack, submission_acked(actor, view, ack))


async def close(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """Close the top view, or the whole stack if the view has `clear_on_close`."""
    view = top(actor)
    views = actor.workspace.views
    form = payloads.view_closed(actor, view, is_cleared=bool(view.content.get("clear_on_close")))
    if view.content.get("clear_on_close"):
        views.close_all(actor.user.id)
    else:
        views.close(view)
    if not view.content.get("notify_on_close"):
        return ActionResult()
    return ActionResult(await deliver(http, actor.workspace, form))


async def dismiss(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """Close the whole stack of views with the × of the top one."""
    top(actor)
    stack = actor.workspace.views.stack(actor.user.id)
    forms = [
        payloads.view_closed(actor, view, is_cleared=len(stack) > 1)
        for view in reversed(stack)
        if view.content.get("notify_on_close")
    ]
    actor.workspace.views.close_all(actor.user.id)
    acks = [await deliver(http, actor.workspace, form) for form in forms]
    return ActionResult(acks[0] if acks else None)


def top(actor: Actor) -> View:
    """Return the top view. Raises `NotFound` if no view is open."""
    view = actor.workspace.views.top(actor.user.id)
    if view is None:
        raise NotFound(f"{actor.user.name} has no view open")
    return view


async def _send_action(
    http: httpx.AsyncClient, actor: Actor, place: View | Message, action: Mapping[str, Any]
) -> ActionResult:
    """Send an action in a view or a message to the app."""
    if isinstance(place, View):
        form = payloads.block_action_in_view(actor, place, action)
    else:
        form = payloads.block_action_in_message(actor, place, action)
    ack = await deliver(http, actor.workspace, form)
    click_acked(actor, ack)
    return ActionResult(ack)


def _now(actor: Actor) -> str:
    return f"{actor.workspace.clock():.6f}"
