"""How a person sets selects, pickers, boxes and fields, and how the app hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from sandbox.slack import payloads
from sandbox.slack.actor import Actor
from sandbox.slack.blockkit.suggestions import suggested
from sandbox.slack.blockkit.walk import options
from sandbox.slack.delivery import deliver
from sandbox.slack.element_search import Found
from sandbox.slack.errors import Refused, Unknown
from sandbox.slack.inputs import State, Value
from sandbox.slack.journal import Sent
from sandbox.slack.settable_elements import MIN_QUERY_LENGTH, Choosable
from sandbox.slack.values import Given, Known, value
from sandbox.slack.views import View

Options = Sequence[dict[str, Any]]


async def keep(
    http: httpx.AsyncClient, actor: Actor, found: Found[Choosable], given: Given
) -> Value:
    """Put what somebody gave into the state of the view or message; raises Unknown."""
    chosen = value(found.thing.element, given, await _known(http, actor, found, given))
    remember(actor, found.place, found.thing.block_id, found.thing.element["action_id"], chosen)
    return chosen


def remember(actor: Actor, place: Any, block_id: str, action_id: str, chosen: Value) -> None:
    """Set one value, where the state has a place for it."""
    if action_id in (there := state_of(actor, place).get(block_id, {})):
        there[action_id] = chosen


def state_of(actor: Actor, place: Any) -> State:
    """Of a view, or of a message as this person has filled it in."""
    if isinstance(place, View):
        return place.state
    return actor.workspace.choices.of(actor.user.id, place)


async def suggestions(
    http: httpx.AsyncClient, actor: Actor, found: Found[Choosable], typed: str
) -> Options:
    """What the app offers for `typed`; Slack asks it only when enough was typed.

    Raises Unknown where it is no external select, or the app did not answer as Slack wants it.
    """
    element = found.thing.element
    if element["type"] != "external_select":
        raise Unknown(f"{found.thing.label!r} offers the same whatever is typed")
    if len(typed) < element.get("min_query_length", MIN_QUERY_LENGTH):
        return ()
    form = payloads.block_suggestion(actor, found.place, found.thing, typed)
    ack = await deliver(http, actor.workspace, form)
    try:
        there = suggested(ack.body)
        answer: dict[str, Any] = {"ok": True}
    except Refused as refused:
        there, answer = [], refused.answer()
    actor.workspace.journal.add(Sent("ack", ack.body, answer, actor.user.id))
    if ack.error or not answer["ok"]:
        raise Unknown(f"the app offered nothing: {ack.error or answer['error']}")
    actor.workspace.choices.offer(*_spot(actor, found), options=there)
    return there


async def _known(
    http: httpx.AsyncClient, actor: Actor, found: Found[Choosable], given: Given
) -> Known:
    element = found.thing.element
    there: Options = options(dict(element))
    if element["type"] == "external_select" and isinstance(given, str) and given:
        there = actor.workspace.choices.offered(*_spot(actor, found))
        if not any(given in (option["text"]["text"], option["value"]) for option in there):
            there = await suggestions(http, actor, found, given)
    return Known(actor.workspace.directory, actor.user, there)


def _spot(actor: Actor, found: Found[Choosable]) -> tuple[str, ...]:
    action_id = str(found.thing.element["action_id"])
    return (actor.user.id, found.place_id, found.thing.block_id, action_id)
