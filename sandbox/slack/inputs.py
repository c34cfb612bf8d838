"""What can be filled in: the state of a view's elements, and how a person sets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.slack.blockkit.walk import elements, options
from sandbox.slack.refusal import Unknown

Value = dict[str, Any]
State = dict[str, dict[str, Value]]
"""block_id → action_id → value, as `state.values` has it."""

_KEPT_AS = {
    "plain_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
}
_KEPT_AS_LIST = {"checkboxes", "multi_static_select"}


def initial_state(blocks: Iterable[dict[str, Any]], before: State | None = None) -> State:
    """What the blocks begin with; values of `before` stay where block_id and action_id do."""
    state: State = {}
    for block in blocks:
        for element in elements(block):
            value = _initial(element)
            if value is None:
                continue
            old = (before or {}).get(block["block_id"], {}).get(element["action_id"])
            kept = old if old and old["type"] == element["type"] else value
            state.setdefault(block["block_id"], {})[element["action_id"]] = kept
    return state


def fill(element: Mapping[str, Any], typed: str) -> Value:
    """The value after somebody typed or chose `typed`; several choices are parted by commas.

    Options are meant by their text or their value, conversations by their id. Raises Unknown.
    """
    kind = element["type"]
    if kind in _KEPT_AS_LIST:
        chosen = [_option(element, word.strip()) for word in typed.split(",") if word.strip()]
        return {"type": kind, "selected_options": chosen}
    name, _ = _KEPT_AS[kind]
    if name == "selected_option":
        return {"type": kind, name: _option(element, typed)}
    return {"type": kind, name: typed or None}


def lacking(block: Mapping[str, Any], value: Value) -> str:
    """What Slack itself says under an input before it submits; empty where all is well."""
    given = next((value[name] for name in value if name != "type"), None)
    if not given:
        return "" if block.get("optional") else "Please complete this required field."
    element = block["element"]
    if element["type"] != "plain_text_input":
        return ""
    if len(given) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters long."
    if len(given) > element.get("max_length", 3000):
        return f"Must be at most {element.get('max_length', 3000)} characters long."
    return ""


def _initial(element: Mapping[str, Any]) -> Value | None:
    kind = element["type"]
    if kind in _KEPT_AS_LIST:
        return {"type": kind, "selected_options": list(element.get("initial_options", ()))}
    if kind not in _KEPT_AS:
        return None
    name, initial = _KEPT_AS[kind]
    return {"type": kind, name: element.get(initial)}


def _option(element: Mapping[str, Any], word: str) -> dict[str, Any]:
    there = options(dict(element))
    for option in there:
        if word in (option["text"]["text"], option["value"]):
            return option
    texts = ", ".join(option["text"]["text"] for option in there)
    raise Unknown(f"no option {word!r}; there are: {texts}")
