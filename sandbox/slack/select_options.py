"""Sets the value of a select or input, and requests suggestions from the app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from sandbox.slack import payloads
from sandbox.slack.actor import Actor
from sandbox.slack.blockkit.suggestions import suggested
from sandbox.slack.blockkit.walk import options
from sandbox.slack.delivery import deliver
from sandbox.slack.errors import ApiError, NotFound
from sandbox.slack.inputs import State, Value
from sandbox.slack.interactive_elements import MIN_QUERY_LENGTH, FoundElement, SettableElement
from sandbox.slack.journal import SentPayload
from sandbox.slack.values import Given, ValueContext, value
from sandbox.slack.views import View

Options = Sequence[dict[str, Any]]


async def set_value(
    http: httpx.AsyncClient, actor: Actor, found: FoundElement[SettableElement], given: Given
) -> Value:
    """Store a user's input in the state of the view or message. Raises `NotFound`."""
    chosen = value(found.element.element, given, await _known(http, actor, found, given))
    store_value(
        actor, found.place, found.element.block_id, found.element.element["action_id"], chosen
    )
    return chosen


def store_value(actor: Actor, place: Any, block_id: str, action_id: str, chosen: Value) -> None:
    """Set one value, if the state contains the element."""
    if action_id in (there := state_of(actor, place).get(block_id, {})):
        there[action_id] = chosen


def state_of(actor: Actor, place: Any) -> State:
    """Return the state of a view, or of a message as this user has filled it in."""
    if isinstance(place, View):
        return place.state
    return actor.workspace.selections.of(actor.user.id, place)


async def suggestions(
    http: httpx.AsyncClient, actor: Actor, found: FoundElement[SettableElement], typed: str
) -> Options:
    """Request the app's options for `typed`. Slack: only after `min_query_length` characters.

    Raises `NotFound` if it is not an external select or the app's response is invalid.
    """
    element = found.element.element
    if element["type"] != "external_select":
        raise NotFound(f"{found.element.label!r} offers the same whatever is typed")
    if len(typed) < element.get("min_query_length", MIN_QUERY_LENGTH):
        return ()
    form = payloads.block_suggestion(actor, found.place, found.element, typed)
    ack = await deliver(http, actor.workspace, form)
    try:
        there = suggested(ack.body)
        answer: dict[str, Any] = {"ok": True}
    except ApiError as refused:
        there, answer = [], refused.answer()
    actor.workspace.journal.add(SentPayload("ack", ack.body, answer, actor.user.id))
    if ack.error or not answer["ok"]:
        raise NotFound(f"the app offered nothing: {ack.error or answer['error']}")
    actor.workspace.selections.offer(*_spot(actor, found), options=there)
    return there


async def _known(
    http: httpx.AsyncClient, actor: Actor, found: FoundElement[SettableElement], given: Given
) -> ValueContext:
    element = found.element.element
    there: Options = options(dict(element))
    if element["type"] == "external_select" and isinstance(given, str) and given:
        there = actor.workspace.selections.offered(*_spot(actor, found))
        if not any(given in (option["text"]["text"], option["value"]) for option in there):
            there = await suggestions(http, actor, found, given)
    return ValueContext(actor.workspace.directory, actor.user, there)


def _spot(actor: Actor, found: FoundElement[SettableElement]) -> tuple[str, ...]:
    action_id = str(found.element.element["action_id"])
    return (actor.user.id, found.place_id, found.element.block_id, action_id)
