"""What a person can press in blocks: buttons, and the options of menus."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack.blockkit.walk import elements, options
from sandbox.slack.inputs import KEPT_AS, Value

_MENUS = {"overflow", "static_select", "radio_buttons"}
_SHORTCODE = re.compile(r":[a-z0-9_+'-]+:")
# Symbols, variation selectors and joiners: what emoji are made of.
_EMOJI = {"So", "Sk", "Cf", "Mn"}


@dataclass(frozen=True, slots=True)
class Pressable:
    """A button, or one option of a menu."""

    block_id: str
    element: Mapping[str, Any]
    option: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """The visible text without emoji."""
        return bare((self.option or self.element)["text"]["text"])

    def is_meant(self, label: str, action_id: str) -> bool:
        """Whether it has this label and this action_id, as far as they are given."""
        if action_id and self.element["action_id"] != action_id:
            return False
        return not label or self.label.casefold() == bare(label).casefold()

    def chosen(self) -> Value | None:
        """What it leaves in the state of its place; None for a button or an overflow menu."""
        if self.option is None or self.element["type"] not in KEPT_AS:
            return None
        return {"type": self.element["type"], "selected_option": dict(self.option)}

    def action(self, action_ts: str) -> dict[str, Any]:
        """As `actions` of a block_actions payload has it."""
        shown = ("action_id", "type", "text", "value", "style", "confirm", "placeholder")
        action = {name: self.element[name] for name in shown if name in self.element}
        chosen = {"selected_option": dict(self.option)} if self.option else {}
        return {**action, **chosen, "block_id": self.block_id, "action_ts": action_ts}


def pressables(blocks: Iterable[dict[str, Any]]) -> Iterator[Pressable]:
    """In the order in which they are seen."""
    for block in blocks:
        for element in elements(block):
            if block["type"] == "input" and not block.get("dispatch_action"):
                continue
            if element["type"] == "button":
                yield Pressable(block["block_id"], element)
            elif element["type"] in _MENUS:
                for option in options(element):
                    yield Pressable(block["block_id"], element, option)


def bare(text: str) -> str:
    """Words without emoji; a text that is all emoji stays as it is."""
    letters = (c for c in _SHORTCODE.sub(" ", text) if unicodedata.category(c) not in _EMOJI)
    return " ".join("".join(letters).split()) or text.strip()
