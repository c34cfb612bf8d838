"""Fits a rendered message or view to Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from bot.rendering.blockkit import limits
from bot.rendering.blockkit.rules import (
    Part,
    Rule,
    count_left_out,
    each,
    exact,
    object_of,
    text,
    title,
    words,
)
from bot.rendering.chart import CHART_BLOCK, first_charts, fit_chart
from bot.rendering.parse import InvalidPayload, is_message
from bot.rendering.text import ELLIPSIS, cut, cut_as, is_blank, shorten

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
_SPARE_OPTIONS = {
    "accessibility_label": words(limits.ACCESSIBILITY_LABEL),
    "alt_text": alt_text,
    "placeholder": text(limits.PLACEHOLDER),
    "initial_date": day,
    "initial_value": words(limits.INITIAL_VALUE),
    "initial_option": fit_option,
    "initial_options": fit_options,
}


def _element_with(options: int) -> Rule:
    return object_of(_VITAL | {"options": each(fit_option, options)}, _SPARE_OPTIONS)


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


_SPARE = {"block_id": exact(limits.BLOCK_ID)}
_TEXT_OBJECTS = frozenset({"mrkdwn", "plain_text"})
_context_text = text(limits.CONTEXT_TEXT)


def _context_element(element: Any) -> Part | None:
    is_text = isinstance(element, dict) and element.get("type") in _TEXT_OBJECTS
    fitted: Part | None = (_context_text if is_text else fit_element)(element)
    return fitted


def _rich(element: Any) -> Part | None:
    """A rich text element of any depth."""
    if not isinstance(element, dict):
        return None
    fit = (
        _rich_container
        if "elements" in element
        else _rich_leaves.get(element.get("type", ""), _rich_any)
    )
    fitted: Part | None = fit(element)
    return fitted


def _rich_words(value: Any) -> str | None:
    """Unlike elsewhere, white space alone means something: it parts two pieces of text."""
    return shorten(value, limits.RICH_TEXT) if isinstance(value, str) and value else None


_rich_leaves = {
    "text": object_of({"text": _rich_words}),
    "link": object_of({"url": exact(limits.URL)}, {"text": _rich_words}),
}
_rich_any = object_of({})
_rich_container = object_of({"elements": each(_rich)}, _SPARE)

_BY_TYPE: Mapping[str, Rule] = {
    "section": object_of(
        {},
        _SPARE
        | {
            "text": text(limits.SECTION_TEXT),
            "fields": each(text(limits.SECTION_FIELD), limits.SECTION_FIELDS, count_left_out),
            "accessory": fit_element,
        },
    ),
    "header": object_of({"text": text(limits.HEADER_TEXT)}, _SPARE),
    "context": object_of(
        {"elements": each(_context_element, limits.CONTEXT_ELEMENTS, count_left_out)}, _SPARE
    ),
    "actions": object_of({"elements": each(fit_element, limits.ACTIONS_ELEMENTS)}, _SPARE),
    "image": object_of(
        {"image_url": exact(limits.URL)},
        _SPARE | {"title": text(limits.IMAGE_TITLE), "alt_text": alt_text},
    ),
    "input": object_of(
        {"label": text(limits.INPUT_LABEL), "element": fit_element},
        _SPARE | {"hint": text(limits.INPUT_HINT)},
    ),
    "markdown": object_of({"text": words(limits.MARKDOWN_TEXT, "markdown")}, _SPARE),
    "rich_text": _rich_container,
    CHART_BLOCK: fit_chart,
}
_any_block = object_of({}, _SPARE)


def fit_block(block: Any) -> Part | None:
    """One block, or None where nothing of it can be shown."""
    kind = block.get("type", "") if isinstance(block, dict) else ""
    fitted: Part | None = _BY_TYPE.get(kind, _any_block)(block)
    if fitted is None or (kind == "section" and not fitted.keys() & {"text", "fields"}):
        return None
    _refuse_equal_actions(fitted)
    return fitted


def fit_blocks(blocks: Any) -> list[Part]:
    """The blocks of which something can be shown; a `block_id` used twice stays with the first."""
    listed = blocks if isinstance(blocks, list) else []
    fitted = [fit for block in listed if (fit := fit_block(block)) is not None]
    seen: set[str] = set()
    return [_without_known_id(block, seen) for block in fitted]


def _without_known_id(block: Part, seen: set[str]) -> Part:
    block_id = block.get("block_id")
    if block_id in seen:
        return {key: value for key, value in block.items() if key != "block_id"}
    if block_id is not None:
        seen.add(block_id)
    return block


def _refuse_equal_actions(block: Part) -> None:
    """Two listeners would hear one click, so the template is wrong: nothing to shorten here."""
    if block.get("type") != "actions":
        return
    ids = [element["action_id"] for element in block["elements"] if "action_id" in element]
    if len(set(ids)) < len(ids):
        raise InvalidPayload(f"an action_id stands twice in one block: {', '.join(sorted(ids))}")


SHORTEST = 100
"""Characters that any text keeps; when that is still too much, whole blocks go."""

ROOM_FOR_COUNT = 40
"""Characters that the words about what was left out may take."""


def within_budget(blocks: list[Part], reserved: int = 0) -> list[Part]:
    """`blocks` with at most MESSAGE_BLOCKS_TEXT characters of text, less those `reserved`.

    The longest texts are shortened first, all to the same length; if that does not do, blocks go
    from the end. Once anything goes, room is left for the words that say so.
    """
    lengths = _lengths(blocks)
    if sum(lengths) <= limits.MESSAGE_BLOCKS_TEXT - reserved:
        return blocks
    room = limits.MESSAGE_BLOCKS_TEXT - ROOM_FOR_COUNT
    level = max(_fair_level(lengths, room), SHORTEST)
    return _first_within([_shortened(block, level) for block in blocks], room)


def _lengths(part: Any) -> list[int]:
    """How long each `text` is that stands anywhere in `part`."""
    found: list[int] = []
    _measure(part, found)
    return found


def _measure(part: dict[str, Any] | list[Any], found: list[int]) -> None:
    if isinstance(part, list):
        for item in part:
            if isinstance(item, dict | list):
                _measure(item, found)
        return
    for name, item in part.items():
        if isinstance(item, dict | list):
            _measure(item, found)
        elif name == "text" and isinstance(item, str):
            found.append(len(item))


def _fair_level(lengths: list[int], room: int) -> int:
    """The length at which texts have to end so that all fit into `room`."""
    left = room
    ordered = sorted(lengths)
    for place, length in enumerate(ordered):
        share = left // (len(ordered) - place)
        if length > share:
            return share
        left -= length
    return room


def _shortened(part: Any, level: int) -> Any:
    if isinstance(part, list):
        return [_shortened(item, level) for item in part]
    if not isinstance(part, dict):
        return part
    fitted = {key: _shortened(item, level) for key, item in part.items()}
    if isinstance(part.get("text"), str):
        fitted["text"] = cut_as(part.get("type", ""), part["text"], level)
    return fitted


def _first_within(blocks: list[Part], room: int) -> list[Part]:
    left = room
    for place, block in enumerate(blocks):
        left -= sum(_lengths(block))
        if left < 0:
            return blocks[:place]
    return blocks


_NEVER_CUT = {
    "private_metadata": limits.PRIVATE_METADATA,
    "callback_id": limits.CALLBACK_ID,
    "external_id": limits.EXTERNAL_ID,
}
_view_words = object_of({key: title(limits.VIEW_TITLE) for key in ("title", "submit", "close")})
_suggestions = {"options": fit_options, "option_groups": fit_option_groups}


def fit_payload(payload: dict[str, Any]) -> dict[str, Any]:
    """`payload` (a message, a view, an answer holding a view, suggestions) as Slack takes it.

    Raises PayloadWrong for what only a template can mend: two equal action ids in a block, or a
    `private_metadata`, `callback_id` or `external_id` that is too long. Passing the gate twice
    changes nothing more; `payload` itself stays as it is.
    """
    if payload.get("type") in limits.VIEW_TYPES:
        return _view(payload)
    fitted = _message(payload) if is_message(payload) else dict(payload)
    if isinstance(fitted.get("view"), dict):
        fitted["view"] = fit_payload(fitted["view"])
    for key in fitted.keys() & _suggestions.keys():
        fitted[key] = _suggestions[key](fitted[key]) or []
    return fitted


def _view(view: Part) -> Part:
    for key, limit in _NEVER_CUT.items():
        if len(view.get(key) or "") > limit:
            raise InvalidPayload(f"{key} has {len(view[key])} characters, {limit} fit")
    blocks = first_charts(fit_blocks(view.get("blocks")), 0)  # they are for messages only
    kept, left_out = _first(blocks, limits.VIEW_BLOCKS)
    # What a modal cannot remember is left out, as a button that cannot.
    known = {key: part for key, part in view.items() if key not in _NEVER_CUT or part is not None}
    fitted: Part = _view_words(known)
    return fitted | {"blocks": _told(kept, left_out, ELLIPSIS)}


def _message(message: Part) -> Part:
    words = message.get("text")
    text = ELLIPSIS if is_blank(words) else cut(str(words), limits.MESSAGE_TEXT)
    fitted = dict(message)
    if "text" in message:
        fitted["text"] = text
    if "blocks" in message:
        fitted["blocks"] = _message_blocks(message["blocks"], text)
    return fitted


def _message_blocks(blocks: Any, text: str) -> list[Part]:
    fitted = first_charts(fit_blocks(blocks), limits.CHARTS)
    kept, left_out = _first(fitted, limits.MESSAGE_BLOCKS)
    within = within_budget(kept, ROOM_FOR_COUNT if left_out else 0)
    return _told(within, len(fitted) - len(within), text)


def _first(blocks: list[Part], limit: int) -> tuple[list[Part], int]:
    """The blocks that fit beside a last one that counts the others, and how many those are."""
    if len(blocks) <= limit:
        return blocks, 0
    return blocks[: limit - 1], len(blocks) - limit + 1


def _told(kept: list[Part], left_out: int, text: str) -> list[Part]:
    """`kept`, or `text` where nothing is, and how many blocks were left out."""
    shown = kept or [{"type": "section", "text": _mrkdwn(text)}]
    if not left_out:
        return shown
    return [*shown, {"type": "context", "elements": [count_left_out(left_out)]}]


def _mrkdwn(text: str) -> Part:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
