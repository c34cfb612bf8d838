"""What a person can do: run a command, press something, fill in and submit a view, close it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from sandbox.slack import payloads
from sandbox.slack.acks import FieldErrors, click_acked, command_acked, submission_acked
from sandbox.slack.actor import Actor
from sandbox.slack.delivery import Ack, deliver
from sandbox.slack.filling import fill_in
from sandbox.slack.finding import Found, Wanted, find
from sandbox.slack.refusal import Unknown
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class Done:
    """`ack` is None where nothing was sent to the app."""

    ack: Ack | None = None
    field_errors: FieldErrors = field(default_factory=dict)


async def command(http: httpx.AsyncClient, actor: Actor, typed: str) -> Done:
    """`typed` is the whole line, "/emporix jobs list"."""
    name, _, text = typed.strip().partition(" ")
    if not name.startswith("/"):
        raise Unknown("a command begins with a slash: /emporix …")
    ack = await deliver(http, actor.workspace, payloads.command(actor, name, text.strip()))
    command_acked(actor, name, ack)
    return Done(ack)


async def click(
    http: httpx.AsyncClient, actor: Actor, wanted: Wanted, *, confirm: bool = True
) -> Done:
    """Press a button; nothing is sent where it asks first and `confirm` is false."""
    found = find(actor, wanted)
    if "confirm" in found.pressable.element and not confirm:
        return Done()
    ack = await deliver(http, actor.workspace, _pressed(actor, found))
    click_acked(actor, ack)
    return Done(ack)


async def submit(http: httpx.AsyncClient, actor: Actor, values: Mapping[str, str]) -> Done:
    """Fill in the top view and submit it; Slack itself refuses what is missing or too long."""
    view = top(actor)
    if "submit" not in view.content:
        raise Unknown("the view on top has no submit button")
    if lacking := fill_in(view, values):
        return Done(field_errors=lacking)
    ack = await deliver(http, actor.workspace, payloads.view_submission(actor, view))
    return Done(ack, submission_acked(actor, view, ack))


async def close(http: httpx.AsyncClient, actor: Actor) -> Done:
    """Close the top view, or all of them where it says `clear_on_close`."""
    view = top(actor)
    views = actor.workspace.views
    form = payloads.view_closed(actor, view)
    if view.content.get("clear_on_close"):
        views.close_all(actor.user.id)
    else:
        views.close(view)
    if not view.content.get("notify_on_close"):
        return Done()
    return Done(await deliver(http, actor.workspace, form))


def top(actor: Actor) -> View:
    """Raises Unknown where no view is open."""
    view = actor.workspace.views.top(actor.user.id)
    if view is None:
        raise Unknown(f"{actor.user.name} has no view open")
    return view


def _pressed(actor: Actor, found: Found) -> payloads.Form:
    action = found.pressable.action(f"{actor.workspace.clock():.6f}")
    if isinstance(found.place, View):
        found.remember()
        return payloads.block_action_in_view(actor, found.place, action)
    return payloads.block_action_in_message(actor, found.place, action)
