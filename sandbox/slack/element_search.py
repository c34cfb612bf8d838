"""Which button or which select somebody means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sandbox.slack.actor import Actor
from sandbox.slack.errors import Unknown
from sandbox.slack.messages import Message
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class Wanted:
    """By visible label, by action_id, or both; `nth` counts from 1.

    `ts` means one message, `at_home` the Home tab alone.
    """

    label: str = ""
    action_id: str = ""
    ts: str = ""
    nth: int = 1
    at_home: bool = False


class Meant(Protocol):
    """Something in blocks that has a name."""

    @property
    def label(self) -> str: ...

    def is_meant(self, label: str, action_id: str) -> bool: ...


Thing = TypeVar("Thing", bound=Meant)
Inside = Callable[[Iterable[dict[str, Any]]], Iterator[Thing]]
"""What to look for in blocks."""


@dataclass(frozen=True, slots=True)
class Found(Generic[Thing]):
    """What was meant, and the view or message it is in."""

    place: View | Message
    thing: Thing

    @property
    def place_id(self) -> str:
        """Of the view, or of the message in its channel."""
        if isinstance(self.place, View):
            return self.place.id
        return f"{self.place.channel_id}/{self.place.ts}"


def find(actor: Actor, wanted: Wanted, inside: Inside[Thing]) -> Found[Thing]:
    """The top view is looked at first, then messages from the newest; raises Unknown."""
    seen: list[str] = []
    places = _home(actor) if wanted.at_home else _places(actor, wanted.ts)
    for place, blocks in places:
        there = list(inside(blocks))
        meant = [thing for thing in there if thing.is_meant(wanted.label, wanted.action_id)]
        if len(meant) >= wanted.nth:
            return Found(place, meant[wanted.nth - 1])
        seen += [thing.label for thing in there]
    what = wanted.label or wanted.action_id or "button"
    names = ", ".join(dict.fromkeys(seen)) or "none"
    where = "the Home tab" if wanted.at_home else actor.channel.name
    raise Unknown(f"no {what!r} for {actor.user.name} in {where}; there are: {names}")


def _home(actor: Actor) -> Iterator[tuple[View | Message, list[dict[str, Any]]]]:
    if view := actor.workspace.views.home(actor.user.id):
        yield view, view.content["blocks"]


def _places(actor: Actor, ts: str) -> Iterator[tuple[View | Message, list[dict[str, Any]]]]:
    workspace = actor.workspace
    view = workspace.views.top(actor.user.id)
    if view and not ts:
        yield view, view.content["blocks"]
    for message in reversed(workspace.seen_by(actor.user, actor.channel.id)):
        if ts in ("", message.ts):
            yield message, message.blocks
