"""Finds a button, select or input by its label or action_id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sandbox.slack.actor import Actor
from sandbox.slack.blockkit.walk import elements, options
from sandbox.slack.errors import NotFound
from sandbox.slack.inputs import KEPT_AS, Value
from sandbox.slack.messages import Message
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class ElementQuery:
    """Selects an element by visible label, action_id, or both; `nth` counts from 1.

    `ts` limits the search to one message, `at_home` to the Home tab, and `in_front` to the open
    modal, if there is one; then arrows and ellipses of a label can be omitted.
    """

    label: str = ""
    action_id: str = ""
    ts: str = ""
    nth: int = 1
    at_home: bool = False
    in_front: bool = False


class Labelled(Protocol):
    """An element with a label."""

    @property
    def label(self) -> str: ...

    def matches(self, label: str, action_id: str) -> bool: ...


AnyElement = TypeVar("AnyElement", bound=Labelled)
Elements = Callable[[Iterable[dict[str, Any]]], Iterator[AnyElement]]
"""Finds elements of one kind in blocks."""


@dataclass(frozen=True, slots=True)
class FoundElement(Generic[AnyElement]):
    """An element, and the view or message that contains it."""

    place: View | Message
    element: AnyElement

    @property
    def place_id(self) -> str:
        """Return the id of the view, or of the message in its channel."""
        if isinstance(self.place, View):
            return self.place.id
        return f"{self.place.channel_id}/{self.place.ts}"


def find(
    actor: Actor, wanted: ElementQuery, inside: Elements[AnyElement]
) -> FoundElement[AnyElement]:
    """Find an element in the top view, then in messages, newest first. Raises `NotFound`."""
    seen: list[str] = []
    for place, blocks in _places(actor, wanted):
        there = list(inside(blocks))
        meant = [thing for thing in there if thing.matches(wanted.label, wanted.action_id)]
        if not meant and wanted.in_front:
            meant = [thing for thing in there if _is_typed(thing.label, wanted.label)]
        if len(meant) >= wanted.nth:
            return FoundElement(place, meant[wanted.nth - 1])
        seen += [thing.label for thing in there]
    what = wanted.label or wanted.action_id or "button"
    names = ", ".join(dict.fromkeys(seen)) or "none"
    raise NotFound(
        f"no {what!r} for {actor.user.name} in {_where(actor, wanted)}; there are: {names}"
    )


def _is_typed(label: str, typed: str) -> bool:
    """Whether a user means this label, without its arrow or ellipsis: "next" is "Next ›"."""
    return bool(typed) and label.strip("‹›…↗ ").casefold() == typed.casefold()


def _where(actor: Actor, wanted: ElementQuery) -> str:
    if wanted.in_front and actor.workspace.views.top(actor.user.id):
        return "the open modal"
    return "the Home tab" if wanted.at_home else actor.channel.name


def _places(
    actor: Actor, wanted: ElementQuery
) -> Iterator[tuple[View | Message, list[dict[str, Any]]]]:
    workspace = actor.workspace
    view, home = workspace.views.top(actor.user.id), workspace.views.home(actor.user.id)
    if view and (wanted.in_front or not (wanted.at_home or wanted.ts)):
        yield view, view.content["blocks"]
        if wanted.in_front:
            return
    if wanted.at_home:
        if home:
            yield home, home.content["blocks"]
        return
    for message in reversed(workspace.seen_by(actor.user, actor.channel.id)):
        if wanted.ts in ("", message.ts):
            yield message, message.blocks


_MENUS = {"overflow", "static_select", "radio_buttons"}
_SHORTCODE = re.compile(r":[a-z0-9_+'-]+:")
# Symbols, variation selectors and joiners, the parts of emoji.
_EMOJI = {"So", "Sk", "Cf", "Mn"}


@dataclass(frozen=True, slots=True)
class ClickableElement:
    """A button, or one option of a menu."""

    block_id: str
    element: Mapping[str, Any]
    option: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """The visible text without emoji."""
        return without_emoji((self.option or self.element)["text"]["text"])

    def matches(self, label: str, action_id: str) -> bool:
        """Whether it has this label and this action_id, if they are given."""
        if action_id and self.element["action_id"] != action_id:
            return False
        return not label or self.label.casefold() == without_emoji(label).casefold()

    def chosen(self) -> Value | None:
        """The selected value in the state; None for a button or an overflow menu."""
        if self.option is None or self.element["type"] not in KEPT_AS:
            return None
        return {"type": self.element["type"], "selected_option": dict(self.option)}

    def action(self, action_ts: str) -> dict[str, Any]:
        """Return the entry for `actions` of a block_actions payload."""
        shown = ("action_id", "type", "text", "value", "style", "confirm", "placeholder")
        action = {name: self.element[name] for name in shown if name in self.element}
        chosen = {"selected_option": dict(self.option)} if self.option else {}
        return {**action, **chosen, "block_id": self.block_id, "action_ts": action_ts}


def clickable_elements(blocks: Iterable[dict[str, Any]]) -> Iterator[ClickableElement]:
    """Return the elements in visual order."""
    for block in blocks:
        for element in elements(block):
            if block["type"] == "input" and not block.get("dispatch_action"):
                continue
            if element["type"] == "button":
                yield ClickableElement(block["block_id"], element)
            elif element["type"] in _MENUS:
                for option in options(element):
                    yield ClickableElement(block["block_id"], element, option)


def without_emoji(text: str) -> str:
    """Remove emoji from a text, unless it consists of emoji only."""
    letters = (c for c in _SHORTCODE.sub(" ", text) if unicodedata.category(c) not in _EMOJI)
    return " ".join("".join(letters).split()) or text.strip()


MIN_QUERY_LENGTH = 3
"""Slack: the default of `min_query_length`."""


@dataclass(frozen=True, slots=True)
class SettableElement:
    """An element with a value, and its block."""

    block: Mapping[str, Any]
    element: Mapping[str, Any]

    @property
    def block_id(self) -> str:
        return str(self.block["block_id"])

    @property
    def label(self) -> str:
        """The label of an input, otherwise the placeholder of the element."""
        named = self.block.get("label") or self.element.get("placeholder") or {}
        return str(named.get("text", self.element["action_id"]))

    @property
    def notifies_app(self) -> bool:
        """Whether a change is sent to the app immediately; most inputs wait for the submission."""
        return self.block["type"] != "input" or bool(self.block.get("dispatch_action"))

    def matches(self, label: str, action_id: str) -> bool:
        """Whether it has this label and this action_id, if they are given."""
        if action_id and self.element["action_id"] != action_id:
            return False
        return not label or self.label.casefold() == label.casefold()

    def action(self, value: Value, action_ts: str) -> dict[str, Any]:
        """Return the entry for `actions` of a block_actions payload."""
        begun = {n: v for n, v in self.element.items() if n.startswith("initial_")}
        named = ("action_id", "confirm", "placeholder")
        shown = {name: self.element[name] for name in named if name in self.element}
        return {**shown, **begun, **value, "block_id": self.block_id, "action_ts": action_ts}


def settable_elements(blocks: Iterable[dict[str, Any]]) -> Iterator[SettableElement]:
    """Return the elements in visual order."""
    for block in blocks:
        for element in elements(block):
            if element["type"] in KEPT_AS:
                yield SettableElement(block, element)
