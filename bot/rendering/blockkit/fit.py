"""Fits a rendered message or view to Slack's limits.

`fit_payload` is the entry point. Below it are the budget for all text of a message, blocks,
elements and rich text; the rules for each type are in tables at the end of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.rendering.blockkit import limits
from bot.rendering.blockkit.rules import (
    CHART_BLOCK,
    Part,
    Rule,
    fit_chart,
    left_out_note,
    limit_charts,
    list_of,
    object_of,
    required_text_object,
    string,
    text_object,
    uncut_string,
    web_address,
)
from bot.rendering.parse import InvalidPayload, is_message
from bot.rendering.text import ELLIPSIS, cut, cut_as, is_blank, shorten


def fit_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """Fit `payload` (a message, view, response with a view, or options) to Slack's limits.

    Raises InvalidPayload for errors that only the template can fix: equal action ids in a block, or
    a `private_metadata`, `callback_id` or `external_id` that is too long. Idempotent; `payload`
    itself is not changed.
    """
    if payload.get("type") in limits.VIEW_TYPES:
        return _fit_view(payload)
    fitted = _fit_message(payload) if is_message(payload) else dict(payload)
    if isinstance(fitted.get("view"), dict):
        fitted["view"] = fit_payload(fitted["view"])
    for key in fitted.keys() & _option_list_rules.keys():
        fitted[key] = _option_list_rules[key](fitted[key]) or []
    return fitted


def _fit_view(view: Part) -> Part:
    for key, limit in _UNCUT_FIELDS.items():
        if len(view.get(key) or "") > limit:
            raise InvalidPayload(f"{key} has {len(view[key])} characters, {limit} fit")
    blocks = limit_charts(fit_blocks(view.get("blocks")), 0)  # charts are for messages only
    kept, left_out = _first_blocks(blocks, limits.VIEW_BLOCKS)
    # Like a button's state, a view's state is left out if it is too long.
    known = {
        key: part for key, part in view.items() if key not in _UNCUT_FIELDS or part is not None
    }
    fitted: Part = _view_title_rules(known)
    return fitted | {"blocks": _with_left_out_note(kept, left_out, ELLIPSIS)}


def _fit_message(message: Part) -> Part:
    words = message.get("text")
    text = ELLIPSIS if is_blank(words) else cut(str(words), limits.MESSAGE_TEXT)
    fitted = dict(message)
    if "text" in message:
        fitted["text"] = text
    if "blocks" in message:
        fitted["blocks"] = _fit_message_blocks(message["blocks"], text)
    return fitted


def _fit_message_blocks(blocks: Any, text: str) -> list[Part]:
    fitted = limit_charts(fit_blocks(blocks), limits.CHARTS)
    kept, left_out = _first_blocks(fitted, limits.MESSAGE_BLOCKS)
    within = fit_text_budget(kept, LEFT_OUT_NOTE_LENGTH if left_out else 0)
    return _with_left_out_note(within, len(fitted) - len(within), text)


def _first_blocks(blocks: list[Part], limit: int) -> tuple[list[Part], int]:
    """The blocks that fit together with a note, and the number of blocks left out."""
    if len(blocks) <= limit:
        return blocks, 0
    return blocks[: limit - 1], len(blocks) - limit + 1


def _with_left_out_note(kept: list[Part], left_out: int, text: str) -> list[Part]:
    """`kept`, or `text` if it is empty, followed by a note with the number of blocks left out."""
    shown = kept or [{"type": "section", "text": _mrkdwn(text)}]
    if not left_out:
        return shown
    return [*shown, {"type": "context", "elements": [left_out_note(left_out)]}]


def _mrkdwn(text: str) -> Part:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


MIN_TEXT_LENGTH = 100
"""No text is cut shorter than this; if the message is still too long, blocks are left out."""

LEFT_OUT_NOTE_LENGTH = 40
"""Characters reserved for the note about what was left out."""


def fit_text_budget(blocks: list[Part], reserved: int = 0) -> list[Part]:
    """`blocks` with at most MESSAGE_BLOCKS_TEXT characters of text, minus `reserved`.

    The longest texts are shortened first, all to the same length; if that is not enough, the last
    blocks are left out, and space is reserved for a note that says so.
    """
    lengths = _text_lengths(blocks)
    if sum(lengths) <= limits.MESSAGE_BLOCKS_TEXT - reserved:
        return blocks
    room = limits.MESSAGE_BLOCKS_TEXT - LEFT_OUT_NOTE_LENGTH
    level = max(_common_length(lengths, room), MIN_TEXT_LENGTH)
    return _first_blocks_within([_shorten_texts(block, level) for block in blocks], room)


_CONTAINERS = frozenset({dict, list})


def _text_lengths(part: Any) -> list[int]:
    """The length of each text object in `part`, at any depth, in no particular order."""
    found: list[int] = []
    parts = [part]
    for inner in parts:  # which grows
        if type(inner) is dict:
            text = inner.get("text")
            if type(text) is str:
                found.append(len(text))
            inner = inner.values()
        parts += [item for item in inner if type(item) in _CONTAINERS]
    return found


def _common_length(lengths: list[int], room: int) -> int:
    """The length to cut texts to so that all fit into `room`."""
    left = room
    ordered = sorted(lengths)
    for place, length in enumerate(ordered):
        share = left // (len(ordered) - place)
        if length > share:
            return share
        left -= length
    return room


def _shorten_texts(part: Any, level: int) -> Any:
    if isinstance(part, list):
        return [_shorten_texts(item, level) for item in part]
    if not isinstance(part, dict):
        return part
    fitted = {key: _shorten_texts(item, level) for key, item in part.items()}
    if isinstance(part.get("text"), str):
        fitted["text"] = cut_as(part.get("type", ""), part["text"], level)
    return fitted


def _first_blocks_within(blocks: list[Part], room: int) -> list[Part]:
    left = room
    for place, block in enumerate(blocks):
        left -= sum(_text_lengths(block))
        if left < 0:
            return blocks[:place]
    return blocks


def fit_blocks(blocks: Any) -> list[Part]:
    """The blocks that can be shown; if a `block_id` is repeated, only the first block keeps it."""
    listed = blocks if isinstance(blocks, list) else []
    fitted = [fit for block in listed if (fit := fit_block(block)) is not None]
    seen: set[str] = set()
    return [_without_repeated_id(block, seen) for block in fitted]


def _without_repeated_id(block: Part, seen: set[str]) -> Part:
    block_id = block.get("block_id")
    if block_id in seen:
        return {key: value for key, value in block.items() if key != "block_id"}
    if block_id is not None:
        seen.add(block_id)
    return block


def fit_block(block: Any) -> Part | None:
    """Fit one block; None if no part of it can be shown."""
    kind = block.get("type", "") if isinstance(block, dict) else ""
    fitted: Part | None = _BLOCK_RULES.get(kind, _default_block_rule)(block)
    if fitted is None or (kind == "section" and not fitted.keys() & {"text", "fields"}):
        return None
    _reject_equal_action_ids(fitted)
    return fitted


def _reject_equal_action_ids(block: Part) -> None:
    """Raise InvalidPayload if an action id is repeated: a click would have two listeners."""
    if block.get("type") != "actions":
        return
    ids = [element["action_id"] for element in block["elements"] if "action_id" in element]
    if len(set(ids)) < len(ids):
        raise InvalidPayload(f"an action_id occurs twice in one block: {', '.join(sorted(ids))}")


def _fit_context_element(element: Any) -> Part | None:
    is_text = isinstance(element, dict) and element.get("type") in _TEXT_OBJECTS
    fitted: Part | None = (_context_text if is_text else fit_element)(element)
    return fitted


def fit_element(element: Any) -> Part | None:
    """Fit one element of a block; None if Slack would refuse it even when shortened."""
    kind = element.get("type") if isinstance(element, dict) else None
    fitted: Part | None = _element_rules.get(str(kind), _default_element_rule)(element)
    return None if fitted is None else _with_initial_among_options(fitted)


def _with_initial_among_options(element: Part) -> Part:
    """Drop initial options that are not among the options, which Slack would refuse."""
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
    """The options of a menu; None if the payload has none."""
    if "options" in element:
        return list(element["options"])
    if "option_groups" in element:
        return [option for group in element["option_groups"] for option in group.get("options", [])]
    return None


def alt_text(value: Any) -> str:
    """The alt text of an image, which Slack requires."""
    return ELLIPSIS if is_blank(value) else str(string(limits.ALT_TEXT)(value))


def iso_date(value: Any) -> str | None:
    """A date in the form that Slack accepts, 2026-11-24; None for other text."""
    try:
        return value if date.fromisoformat(value).isoformat() == value else None
    except (TypeError, ValueError):
        return None


def _fit_rich_text(element: Any) -> Part | None:
    """Fit a rich text element of any depth."""
    if not isinstance(element, dict):
        return None
    fit = (
        _rich_container
        if "elements" in element
        else _rich_leaves.get(element.get("type", ""), _rich_any)
    )
    fitted: Part | None = fit(element)
    return fitted


def _rich_text_string(value: Any) -> str | None:
    """Shorten rich text. Unlike elsewhere, white space alone is kept: it separates texts."""
    return shorten(value, limits.RICH_TEXT) if isinstance(value, str) and value else None


_fit_confirm = object_of(
    {
        "title": text_object(limits.CONFIRM_TITLE),
        "text": text_object(limits.CONFIRM_TEXT),
        "confirm": text_object(limits.CONFIRM_BUTTON),
        "deny": text_object(limits.CONFIRM_BUTTON),
    }
)

fit_option = object_of(
    {
        "text": text_object(limits.OPTION_TEXT),
        "value": uncut_string(limits.OPTION_VALUE),
        "url": web_address(limits.URL),
    },
    {"description": text_object(limits.OPTION_DESCRIPTION)},
)
fit_options = list_of(fit_option, limits.SELECT_OPTIONS)

fit_option_groups = list_of(
    object_of({"label": text_object(limits.OPTION_GROUP_LABEL), "options": fit_options}),
    limits.OPTION_GROUPS,
)

# An element whose confirm dialog cannot be shown is left out: it must not act without asking.
_REQUIRED_FIELDS = {
    "action_id": uncut_string(limits.ACTION_ID),
    "text": text_object(limits.BUTTON_TEXT),
    "value": uncut_string(limits.BUTTON_VALUE),
    "url": web_address(limits.URL),
    "image_url": uncut_string(limits.URL),
    "confirm": _fit_confirm,
    "option_groups": fit_option_groups,
}

_OPTIONAL_FIELDS = {
    "accessibility_label": string(limits.ACCESSIBILITY_LABEL),
    "alt_text": alt_text,
    "placeholder": text_object(limits.PLACEHOLDER),
    "initial_date": iso_date,
    "initial_value": string(limits.INITIAL_VALUE),
    "initial_option": fit_option,
    "initial_options": fit_options,
}


def _element_rule(options: int) -> Rule:
    return object_of(_REQUIRED_FIELDS | {"options": list_of(fit_option, options)}, _OPTIONAL_FIELDS)


_default_element_rule = _element_rule(limits.SELECT_OPTIONS)
_element_rules = {kind: _element_rule(options) for kind, options in limits.OPTIONS_OF.items()}
_BLOCK_ID_FIELD = {"block_id": uncut_string(limits.BLOCK_ID)}
_TEXT_OBJECTS = frozenset({"mrkdwn", "plain_text"})
_context_text = text_object(limits.CONTEXT_TEXT)

_rich_leaves = {
    "text": object_of({"text": _rich_text_string}),
    "link": object_of({"url": uncut_string(limits.URL)}, {"text": _rich_text_string}),
}
_rich_any = object_of({})
_rich_container = object_of({"elements": list_of(_fit_rich_text)}, _BLOCK_ID_FIELD)

_BLOCK_RULES: Mapping[str, Rule] = {
    "section": object_of(
        {},
        _BLOCK_ID_FIELD
        | {
            "text": text_object(limits.SECTION_TEXT),
            "fields": list_of(
                text_object(limits.SECTION_FIELD), limits.SECTION_FIELDS, left_out_note
            ),
            "accessory": fit_element,
        },
    ),
    "header": object_of({"text": text_object(limits.HEADER_TEXT)}, _BLOCK_ID_FIELD),
    "context": object_of(
        {"elements": list_of(_fit_context_element, limits.CONTEXT_ELEMENTS, left_out_note)},
        _BLOCK_ID_FIELD,
    ),
    "actions": object_of(
        {"elements": list_of(fit_element, limits.ACTIONS_ELEMENTS)}, _BLOCK_ID_FIELD
    ),
    "image": object_of(
        {"image_url": uncut_string(limits.URL)},
        _BLOCK_ID_FIELD | {"title": text_object(limits.IMAGE_TITLE), "alt_text": alt_text},
    ),
    "input": object_of(
        {"label": text_object(limits.INPUT_LABEL), "element": fit_element},
        _BLOCK_ID_FIELD | {"hint": text_object(limits.INPUT_HINT)},
    ),
    "markdown": object_of({"text": string(limits.MARKDOWN_TEXT, "markdown")}, _BLOCK_ID_FIELD),
    "rich_text": _rich_container,
    CHART_BLOCK: fit_chart,
}
_default_block_rule = object_of({}, _BLOCK_ID_FIELD)

_UNCUT_FIELDS = {
    "private_metadata": limits.PRIVATE_METADATA,
    "callback_id": limits.CALLBACK_ID,
    "external_id": limits.EXTERNAL_ID,
}

_view_title_rules = object_of(
    {key: required_text_object(limits.VIEW_TITLE) for key in ("title", "submit", "close")}
)
_option_list_rules = {"options": fit_options, "option_groups": fit_option_groups}
