"""Slack's limits on what people press, choose and fill in."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.say import limits
from bot.say.rules import Part, Rule, each, exact, object_of, text, words
from bot.say.text import ELLIPSIS, is_blank

_confirm = object_of(
    {
        "title": text(limits.CONFIRM_TITLE),
        "text": text(limits.CONFIRM_TEXT),
        "confirm": text(limits.CONFIRM_BUTTON),
        "deny": text(limits.CONFIRM_BUTTON),
    }
)

fit_option = object_of(
    {
        "text": text(limits.OPTION_TEXT),
        "value": exact(limits.OPTION_VALUE),
        "url": exact(limits.URL),
    },
    {"description": text(limits.OPTION_DESCRIPTION)},
)

fit_options = each(fit_option, limits.OPTIONS)
fit_option_groups = each(
    object_of({"label": text(limits.OPTION_GROUP_LABEL), "options": fit_options}),
    limits.OPTION_GROUPS,
)


def alt_text(value: Any) -> str:
    """What an image shows; Slack asks for it."""
    return ELLIPSIS if is_blank(value) else str(words(limits.ALT_TEXT)(value))


def day(value: Any) -> str | None:
    """Slack takes a date as 2026-11-24, and no other text."""
    try:
        return value if date.fromisoformat(value).isoformat() == value else None
    except (TypeError, ValueError):
        return None


# An element whose confirm dialog cannot be shown goes: it must not act without asking.
_VITAL = {
    "action_id": exact(limits.ACTION_ID),
    "text": text(limits.BUTTON_TEXT),
    "value": exact(limits.BUTTON_VALUE),
    "url": exact(limits.URL),
    "image_url": exact(limits.URL),
    "confirm": _confirm,
    "option_groups": fit_option_groups,
}
_SPARE = {
    "accessibility_label": words(limits.ACCESSIBILITY_LABEL),
    "alt_text": alt_text,
    "placeholder": text(limits.PLACEHOLDER),
    "initial_date": day,
    "initial_value": words(limits.INITIAL_VALUE),
    "initial_option": fit_option,
    "initial_options": fit_options,
}


def _element_with(options: int) -> Rule:
    return object_of(_VITAL | {"options": each(fit_option, options)}, _SPARE)


_any_element = _element_with(limits.OPTIONS)
_elements = {kind: _element_with(options) for kind, options in limits.OPTIONS_OF.items()}


def fit_element(element: Any) -> Part | None:
    """One element of a block, or None where Slack would refuse it whatever is shortened."""
    kind = element.get("type") if isinstance(element, dict) else None
    fitted: Part | None = _elements.get(str(kind), _any_element)(element)
    return None if fitted is None else _with_initial_among_options(fitted)


def _with_initial_among_options(element: Part) -> Part:
    """Slack refuses a choice made beforehand that is not among the options."""
    options = _all_options(element)
    if options is None:
        return element
    fitted = {key: value for key, value in element.items() if not key.startswith("initial_option")}
    if element.get("initial_option") in options:
        fitted["initial_option"] = element["initial_option"]
    if chosen := [option for option in element.get("initial_options", []) if option in options]:
        fitted["initial_options"] = chosen
    return fitted


def _all_options(element: Part) -> list[Part] | None:
    """The options of a menu, or None where there are none here to choose from."""
    if "options" in element:
        return list(element["options"])
    if "option_groups" in element:
        return [option for group in element["option_groups"] for option in group.get("options", [])]
    return None
