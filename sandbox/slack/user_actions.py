"""What a person can do: write, run a command or a shortcut, press, choose, submit, close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from sandbox.slack import payloads
from sandbox.slack.acks import FieldErrors, click_acked, command_acked, submission_acked
from sandbox.slack.actor import Actor
from sandbox.slack.clickable_elements import Pressable, pressables
from sandbox.slack.delivery import Ack, deliver
from sandbox.slack.element_search import Found, Wanted, find
from sandbox.slack.errors import Unknown
from sandbox.slack.form_filling import fill_in, missing
from sandbox.slack.messages import Message
from sandbox.slack.select_options import Options, keep, remember, suggestions
from sandbox.slack.settable_elements import Choosable, choosables
from sandbox.slack.shortcuts import meant, named
from sandbox.slack.values import Given
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class Done:
    """`ack` is None where nothing was sent to the app; `options` are those of a suggestion."""

    ack: Ack | None = None
    field_errors: FieldErrors = field(default_factory=dict)
    options: Options = ()


async def command(http: httpx.AsyncClient, actor: Actor, typed: str) -> Done:
    """`typed` is the whole line, "/emporix jobs list"."""
    name, _, text = typed.strip().partition(" ")
    if not name.startswith("/"):
        raise Unknown("a command begins with a slash: /emporix …")
    ack = await deliver(http, actor.workspace, payloads.command(actor, name, text.strip()))
    command_acked(actor, name, ack)
    return Done(ack)


async def write(_: httpx.AsyncClient, actor: Actor, *, text: str, thread_ts: str = "") -> Done:
    """Say something in the channel, or in a thread; the app does not hear of it."""
    actor.workspace.messages.add(
        actor.channel.id, text, [], user_id=actor.user.id, thread_ts=thread_ts
    )
    return Done()


async def shortcut(http: httpx.AsyncClient, actor: Actor, *, name: str, ts: str = "") -> Done:
    """Choose a shortcut from its menu: `ts` is the message, where it is one of messages."""
    chosen, now = named(actor.workspace.shortcuts, name), _now(actor)
    if chosen.kind == "message":
        message = meant(actor.workspace.seen_by(actor.user, actor.channel.id), ts)
        form = payloads.message_shortcut(actor, chosen.callback_id, message, now)
    else:
        form = payloads.global_shortcut(actor, chosen.callback_id, now)
    ack = await deliver(http, actor.workspace, form)
    click_acked(actor, ack)
    return Done(ack)


async def click(
    http: httpx.AsyncClient, actor: Actor, wanted: Wanted, *, confirm: bool = True
) -> Done:
    """Press a button; nothing is sent where it asks first and `confirm` is false."""
    return await press(http, actor, find(actor, wanted, pressables), confirm=confirm)


async def press(
    http: httpx.AsyncClient, actor: Actor, found: Found[Pressable], *, confirm: bool = True
) -> Done:
    """As `click`, for something that was found already."""
    pressed = found.thing
    if "confirm" in pressed.element and not confirm:
        return Done()
    action_id = pressed.element["action_id"]
    if chosen := pressed.chosen():
        remember(actor, found.place, pressed.block_id, action_id, chosen)
    return await _tell(http, actor, found.place, pressed.action(_now(actor)))


async def choose(
    http: httpx.AsyncClient, actor: Actor, wanted: Wanted, *, given: Given, confirm: bool = True
) -> Done:
    """Set what has a value; nothing is sent where the app only hears of it by a submission."""
    return await put(http, actor, find(actor, wanted, choosables), given=given, confirm=confirm)


async def put(
    http: httpx.AsyncClient,
    actor: Actor,
    found: Found[Choosable],
    *,
    given: Given,
    confirm: bool = True,
) -> Done:
    """As `choose`, for something that was found already."""
    chosen = await keep(http, actor, found, given)
    if not found.thing.is_told or ("confirm" in found.thing.element and not confirm):
        return Done()
    return await _tell(http, actor, found.place, found.thing.action(chosen, _now(actor)))


async def suggest(http: httpx.AsyncClient, actor: Actor, wanted: Wanted, *, typed: str) -> Done:
    """Type into an external select, and see what the app offers."""
    found = find(actor, wanted, choosables)
    return Done(options=await suggestions(http, actor, found, typed))


async def submit(http: httpx.AsyncClient, actor: Actor, values: Mapping[str, Given]) -> Done:
    """Fill in the top view and submit it; Slack itself refuses what is missing or too long."""
    view = top(actor)
    if "submit" not in view.content:
        raise Unknown("the view on top has no submit button")
    await fill_in(http, actor, view, values)
    if lacking := missing(view):
        return Done(field_errors=lacking)
    ack = await deliver(http, actor.workspace, payloads.view_submission(actor, view))
    return Done(ack, submission_acked(actor, view, ack))


async def close(http: httpx.AsyncClient, actor: Actor) -> Done:
    """Close the top view, or all of them where it says `clear_on_close`."""
    view = top(actor)
    views = actor.workspace.views
    form = payloads.view_closed(actor, view, is_cleared=bool(view.content.get("clear_on_close")))
    if view.content.get("clear_on_close"):
        views.close_all(actor.user.id)
    else:
        views.close(view)
    if not view.content.get("notify_on_close"):
        return Done()
    return Done(await deliver(http, actor.workspace, form))


async def dismiss(http: httpx.AsyncClient, actor: Actor) -> Done:
    """Close the whole stack of views, by the cross in the corner of the top one."""
    top(actor)
    stack = actor.workspace.views.stack(actor.user.id)
    told = [
        payloads.view_closed(actor, view, is_cleared=len(stack) > 1)
        for view in reversed(stack)
        if view.content.get("notify_on_close")
    ]
    actor.workspace.views.close_all(actor.user.id)
    acks = [await deliver(http, actor.workspace, form) for form in told]
    return Done(acks[0] if acks else None)


def top(actor: Actor) -> View:
    """Raises Unknown where no view is open."""
    view = actor.workspace.views.top(actor.user.id)
    if view is None:
        raise Unknown(f"{actor.user.name} has no view open")
    return view


async def _tell(
    http: httpx.AsyncClient, actor: Actor, place: View | Message, action: Mapping[str, Any]
) -> Done:
    """Let the app hear what somebody did in a view or a message."""
    if isinstance(place, View):
        form = payloads.block_action_in_view(actor, place, action)
    else:
        form = payloads.block_action_in_message(actor, place, action)
    ack = await deliver(http, actor.workspace, form)
    click_acked(actor, ack)
    return Done(ack)


def _now(actor: Actor) -> str:
    return f"{actor.workspace.clock():.6f}"
