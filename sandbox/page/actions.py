"""Runs the actions of the page's users: send, click, choose, submit and close."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.page.message_field import send
from sandbox.slack import user_actions
from sandbox.slack.actor import Actor
from sandbox.slack.app_home import open_tab
from sandbox.slack.errors import NotFound
from sandbox.slack.form_filling import fill_in
from sandbox.slack.interactive_elements import (
    ClickableElement,
    FoundElement,
    SettableElement,
    clickable_elements,
    settable_elements,
)
from sandbox.slack.messages import Message
from sandbox.slack.select_options import suggestions
from sandbox.slack.views import View

Given = Mapping[str, Any]

GONE = "This no longer exists."


async def run_action(
    http: httpx.AsyncClient, actor: Actor, kind: str, given: Given
) -> user_actions.ActionResult:
    """Run an action of the page. Raises `NotFound`."""
    match kind:
        case "say":
            return await send(http, actor, str(given["text"]), str(given.get("thread", "")))
        case "shortcut":
            return await user_actions.shortcut(
                http, actor, name=given["name"], ts=given.get("ts", "")
            )
        case "press":
            await _fill_in(http, actor, given)
            return await user_actions.click_element(http, actor, _pressed(actor, given))
        case "choose":
            await _fill_in(http, actor, given)
            return await user_actions.set_element(
                http, actor, _meant(actor, given), given=given["value"]
            )
        case "suggest":
            typed = str(given["typed"])
            options = await suggestions(http, actor, _meant(actor, given), typed)
            return user_actions.ActionResult(options=options)
        case "submit":
            return await user_actions.submit(http, actor, given["values"])
    return await _go(http, actor, kind, given)


async def _go(
    http: httpx.AsyncClient, actor: Actor, kind: str, given: Given
) -> user_actions.ActionResult:
    """Close views, or open a tab of the app."""
    match kind:
        case "close":
            return await user_actions.close(http, actor)
        case "dismiss":
            return await user_actions.dismiss(http, actor)
        case "open":
            return await open_tab(http, actor, tab=str(given["tab"]))
    raise NotFound(f"unknown action {kind}")


async def _fill_in(http: httpx.AsyncClient, actor: Actor, given: Given) -> None:
    """Copy the values of the form into the view's state before a click is handled."""
    if given.get("values"):
        await fill_in(http, actor, user_actions.top(actor), given["values"])


def _pressed(actor: Actor, given: Given) -> FoundElement[ClickableElement]:
    place = _place(actor, given)
    for one in clickable_elements(_blocks(place)):
        option = one.option["value"] if one.option else None
        if _is_here(one, given) and option == given.get("option"):
            return FoundElement(place, one)
    raise NotFound(GONE)


def _meant(actor: Actor, given: Given) -> FoundElement[SettableElement]:
    place = _place(actor, given)
    for one in settable_elements(_blocks(place)):
        if _is_here(one, given):
            return FoundElement(place, one)
    raise NotFound(GONE)


def _is_here(one: ClickableElement | SettableElement, given: Given) -> bool:
    here = (one.block_id, one.element["action_id"])
    return here == (given.get("block"), given.get("action"))


def _place(actor: Actor, given: Given) -> View | Message:
    """Return the view or message of the action. Raises `NotFound` if it is gone."""
    workspace = actor.workspace
    if view_id := given.get("view"):
        place: View | Message | None = workspace.views.find(str(view_id))
    else:
        seen = workspace.seen_by(actor.user, actor.channel.id)
        place = next((message for message in seen if message.ts == given.get("ts")), None)
    if place is None:
        raise NotFound(GONE)
    return place


def _blocks(place: View | Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = (
        place.content["blocks"] if isinstance(place, View) else place.blocks
    )
    return blocks
