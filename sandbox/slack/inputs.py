"""The state of inputs and selects in a view or message, and errors of required fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.slack.blockkit.walk import elements

Value = dict[str, Any]
State = dict[str, dict[str, Value]]
"""block_id → action_id → value, as in `state.values`."""

KEPT_AS = {
    "plain_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "checkboxes": "selected_options",
    "multi_static_select": "selected_options",
}
LISTS = {"checkboxes", "multi_static_select"}
_LETTERS = 3000


def initial_state(
    blocks: Iterable[dict[str, Any]], before: State | None = None, channel_id: str = ""
) -> State:
    """Return the initial state of the blocks.

    Values of `before` are kept if block_id and action_id are the same. `channel_id` is the
    conversation in which the view was opened, for selects that default to it.
    """
    state: State = {}
    for block in blocks:
        for element in elements(block):
            if element["type"] not in KEPT_AS:
                continue
            old = (before or {}).get(block["block_id"], {}).get(element["action_id"])
            is_kept = old and old["type"] == element["type"]
            value = old if old and is_kept else _initial(element, channel_id)
            state.setdefault(block["block_id"], {})[element["action_id"]] = value
    return state


def given_in(value: Value) -> Any:
    """Return the typed or selected value, without the object around it."""
    return value[KEPT_AS[value["type"]]]


def lacking(block: Mapping[str, Any], value: Value) -> str:
    """Return the error that Slack shows below an input before a submission, or ""."""
    given, element = given_in(value), block["element"]
    if not given:
        return "" if block.get("optional") else "Please complete this required field."
    if element["type"] == "plain_text_input":
        return _length_problem(element, given)
    return _number_problem(element, given) if element["type"] == "number_input" else ""


def _length_problem(element: Mapping[str, Any], given: str) -> str:
    if len(given) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters long."
    if len(given) > element.get("max_length", _LETTERS):
        return f"Must be at most {element.get('max_length', _LETTERS)} characters long."
    return ""


def _number_problem(element: Mapping[str, Any], given: str) -> str:
    try:
        number = Decimal(given)
    except InvalidOperation:
        return "Must be a number."
    if not number.is_finite():
        return "Must be a number."
    if not element["is_decimal_allowed"] and number != int(number):
        return "Must be a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Must be {element['min_value']} or more."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Must be {element['max_value']} or less."
    return ""


def _initial(element: Mapping[str, Any], channel_id: str) -> Value:
    kind = element["type"]
    name = KEPT_AS[kind]
    value = element.get(name.replace("selected", "initial").replace("value", "initial_value"))
    if element.get("default_to_current_conversation") and not value:
        value = channel_id or None
    return {"type": kind, name: list(value or ()) if kind in LISTS else value}
