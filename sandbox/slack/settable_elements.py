"""What a person can set in blocks: selects, pickers, boxes to tick, fields to type in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack.blockkit.walk import elements
from sandbox.slack.inputs import KEPT_AS, Value

MIN_QUERY_LENGTH = 3
"""Slack: how much must be typed into an external select that does not say."""


@dataclass(frozen=True, slots=True)
class Choosable:
    """An element with a value, in its block."""

    block: Mapping[str, Any]
    element: Mapping[str, Any]

    @property
    def block_id(self) -> str:
        return str(self.block["block_id"])

    @property
    def label(self) -> str:
        """Of an input its label, elsewhere what stands in the element while it is empty."""
        named = self.block.get("label") or self.element.get("placeholder") or {}
        return str(named.get("text", self.element["action_id"]))

    @property
    def is_told(self) -> bool:
        """Whether the app hears of it at once; most inputs wait for the submission."""
        return self.block["type"] != "input" or bool(self.block.get("dispatch_action"))

    def is_meant(self, label: str, action_id: str) -> bool:
        """Whether it has this label and this action_id, as far as they are given."""
        if action_id and self.element["action_id"] != action_id:
            return False
        return not label or self.label.casefold() == label.casefold()

    def action(self, value: Value, action_ts: str) -> dict[str, Any]:
        """As `actions` of a block_actions payload has it."""
        begun = {n: v for n, v in self.element.items() if n.startswith("initial_")}
        named = ("action_id", "confirm", "placeholder")
        shown = {name: self.element[name] for name in named if name in self.element}
        return {**shown, **begun, **value, "block_id": self.block_id, "action_ts": action_ts}


def choosables(blocks: Iterable[dict[str, Any]]) -> Iterator[Choosable]:
    """In the order in which they are seen."""
    for block in blocks:
        for element in elements(block):
            if element["type"] in KEPT_AS:
                yield Choosable(block, element)
