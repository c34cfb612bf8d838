"""Slack's limits on one block, and on blocks beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.say import limits
from bot.say.chart import CHART_BLOCK, fit_chart
from bot.say.elements import alt_text, fit_element
from bot.say.errors import PayloadWrong
from bot.say.rules import Part, Rule, count_left_out, each, exact, object_of, text, words
from bot.say.text import shorten

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
        raise PayloadWrong(f"an action_id stands twice in one block: {', '.join(sorted(ids))}")
