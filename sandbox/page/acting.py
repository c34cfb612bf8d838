"""What people do on the page, and what the stand-in makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.slack import acts
from sandbox.slack.actor import Actor
from sandbox.slack.choosables import Choosable, choosables
from sandbox.slack.choosing import suggestions
from sandbox.slack.directory import SLACKBOT_ID
from sandbox.slack.filling import fill_in
from sandbox.slack.finding import Found
from sandbox.slack.homes import open_tab
from sandbox.slack.messages import Message
from sandbox.slack.pressables import Pressable, pressables
from sandbox.slack.refusal import Unknown
from sandbox.slack.views import View
from sandbox.slack.workspace import COMMANDS

Given = Mapping[str, Any]

GONE = "This is not there any more."


async def act(http: httpx.AsyncClient, actor: Actor, kind: str, given: Given) -> acts.Done:
    """One of say, press, choose, suggest, submit, close, open; raises Unknown."""
    match kind:
        case "say":
            return await _say(http, actor, str(given["text"]))
        case "press":
            await _fill_in(http, actor, given)
            return await acts.press(http, actor, _pressed(actor, given))
        case "choose":
            await _fill_in(http, actor, given)
            return await acts.put(http, actor, _meant(actor, given), given=given["value"])
        case "suggest":
            typed = str(given["typed"])
            options = await suggestions(http, actor, _meant(actor, given), typed)
            return acts.Done(options=options)
        case "submit":
            return await acts.submit(http, actor, given["values"])
        case "close":
            return await acts.close(http, actor)
        case "open":
            return await open_tab(http, actor, tab=str(given["tab"]))
    raise Unknown(f"nobody can {kind}")


async def _say(http: httpx.AsyncClient, actor: Actor, typed: str) -> acts.Done:
    """A command, or a message to all in the channel."""
    messages, where = actor.workspace.messages, actor.channel.id
    name = typed.partition(" ")[0]
    if name in COMMANDS:
        return await acts.command(http, actor, typed)
    if name.startswith("/"):
        known = ", ".join(f"`{command}`" for command in sorted(COMMANDS))
        text = f"`{name}` is not a valid command. This workspace has {known}."
        messages.add(where, text, [], user_id=SLACKBOT_ID, only_for=actor.user.id)
    else:
        escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        messages.add(where, escaped, [], user_id=actor.user.id)
    return acts.Done()


async def _fill_in(http: httpx.AsyncClient, actor: Actor, given: Given) -> None:
    """What was typed into the form so far is told with any press in it."""
    if given.get("values"):
        await fill_in(http, actor, acts.top(actor), given["values"])


def _pressed(actor: Actor, given: Given) -> Found[Pressable]:
    place = _place(actor, given)
    for one in pressables(_blocks(place)):
        option = one.option["value"] if one.option else None
        if _is_here(one, given) and option == given.get("option"):
            return Found(place, one)
    raise Unknown(GONE)


def _meant(actor: Actor, given: Given) -> Found[Choosable]:
    place = _place(actor, given)
    for one in choosables(_blocks(place)):
        if _is_here(one, given):
            return Found(place, one)
    raise Unknown(GONE)


def _is_here(one: Pressable | Choosable, given: Given) -> bool:
    here = (one.block_id, one.element["action_id"])
    return here == (given.get("block"), given.get("action"))


def _place(actor: Actor, given: Given) -> View | Message:
    """The view or the message that somebody acts in; raises Unknown where it is gone."""
    workspace = actor.workspace
    if view_id := given.get("view"):
        place: View | Message | None = workspace.views.find(str(view_id))
    else:
        seen = workspace.seen_by(actor.user, actor.channel.id)
        place = next((message for message in seen if message.ts == given.get("ts")), None)
    if place is None:
        raise Unknown(GONE)
    return place


def _blocks(place: View | Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = (
        place.content["blocks"] if isinstance(place, View) else place.blocks
    )
    return blocks
