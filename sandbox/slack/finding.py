"""Which button somebody means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.slack.actor import Actor
from sandbox.slack.messages import Message
from sandbox.slack.pressables import Pressable, pressables
from sandbox.slack.refusal import Unknown
from sandbox.slack.views import View


@dataclass(frozen=True, slots=True)
class Wanted:
    """By visible label, by action_id, or both; `ts` means one message, `nth` counts from 1."""

    label: str = ""
    action_id: str = ""
    ts: str = ""
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Something to press, and the view or message it is in."""

    place: View | Message
    pressable: Pressable

    def remember(self) -> None:
        """Keep a choice in the state of its view."""
        block_id, element = self.pressable.block_id, self.pressable.element
        if isinstance(self.place, View) and element["action_id"] in self.place.state.get(
            block_id, {}
        ):
            chosen = self.pressable.option
            value = {"type": element["type"], "selected_option": dict(chosen) if chosen else None}
            self.place.state[block_id][element["action_id"]] = value


def find(actor: Actor, wanted: Wanted) -> Found:
    """The top view is looked at first, then messages from the newest; raises Unknown."""
    seen: list[str] = []
    for place, inside in _places(actor, wanted.ts):
        meant = [p for p in inside if p.is_meant(wanted.label, wanted.action_id)]
        if len(meant) >= wanted.nth:
            return Found(place, meant[wanted.nth - 1])
        seen += [pressable.label for pressable in inside]
    what = wanted.label or wanted.action_id or "button"
    there = ", ".join(dict.fromkeys(seen)) or "none"
    raise Unknown(f"no {what!r} for {actor.user.name} in {actor.channel.name}; there are: {there}")


def _places(actor: Actor, ts: str) -> Iterator[tuple[View | Message, list[Pressable]]]:
    workspace = actor.workspace
    view = workspace.views.top(actor.user.id)
    if view and not ts:
        yield view, list(pressables(view.content["blocks"]))
    for message in reversed(workspace.seen_by(actor.user, actor.channel.id)):
        if ts in ("", message.ts):
            yield message, list(pressables(message.blocks))
