"""Building blocks for rules: fit a string, text object, list, object or chart to a limit.

A rule takes a part of a payload and returns the same part, a shorter one, or None if no part of
it can be shown. Rules do not change their argument.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

from bot.rendering.blockkit import limits
from bot.rendering.text import ELLIPSIS, cut_as, is_blank

Part = dict[str, Any]
Rule = Callable[[Any], Any]
NO_RULES: Mapping[str, Rule] = {}


def string(limit: int, kind: str = "plain_text") -> Rule:
    """A rule that shortens a string; other values, such as a rich initial value, are unchanged."""

    def rule(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return None if is_blank(value) else cut_as(kind, value, limit)

    return rule


def text_object(limit: int) -> Rule:
    """A rule that shortens a text object; None for an empty one, which Slack refuses."""

    def rule(part: Any) -> Part | None:
        if not isinstance(part, dict) or is_blank(part.get("text")):
            return None
        if len(part["text"]) <= limit:  # the most common case
            return part
        return part | {"text": cut_as(part.get("type", ""), part["text"], limit)}

    return rule


def required_text_object(limit: int) -> Rule:
    """A rule for a required text object, which becomes "…" if it is empty."""
    fit = text_object(limit)
    return lambda part: fit(part) or {"type": "plain_text", "text": ELLIPSIS}


def uncut_string(limit: int) -> Rule:
    """A rule for a string that is useless if it is cut or empty: an id, an address, a value."""
    return lambda value: value if isinstance(value, str) and 0 < len(value) <= limit else None


_WEB_ADDRESS = re.compile(
    r"https?://[^\s/?#:@\[\]]+(?::\d{1,5})?(?:[/?#]\S*)?", re.ASCII | re.IGNORECASE
)


def web_address(limit: int) -> Rule:
    """A rule for a button's URL: http or https, ASCII, no spaces; other URLs don't open."""

    def rule(value: Any) -> str | None:
        is_web = isinstance(value, str) and value.isascii() and _WEB_ADDRESS.fullmatch(value)
        return value if is_web and len(value) <= limit else None

    return rule


def list_of(
    rule: Rule, limit: int = sys.maxsize, more: Callable[[int], Part] | None = None
) -> Rule:
    """A rule for a list whose parts are fitted by `rule`; None if no part is left.

    `more` creates a last part that says how many were left out; not for buttons and options.
    """

    def listed(parts: Any) -> list[Any] | None:
        kept = [fit for part in parts if (fit := rule(part)) is not None]
        if len(kept) > limit:
            kept = [*kept[: limit - 1], more(len(kept) - limit + 1)] if more else kept[:limit]
        return kept or None

    return lambda parts: listed(parts) if isinstance(parts, list) else None


def object_of(required: Mapping[str, Rule], optional: Mapping[str, Rule] = NO_RULES) -> Rule:
    """A rule for an object: None if a required part can't be shown; optional parts are left out.

    Missing keys are not added, and keys without a rule are kept.
    """

    rules = {**optional, **required}

    def rule(part: Any) -> Part | None:
        if not isinstance(part, dict):
            return None
        fitted = {}
        for key, value in part.items():
            if key not in rules:
                fitted[key] = value
            elif (fit := rules[key](value)) is not None:
                fitted[key] = fit
            elif key in required:
                return None
        return fitted

    return rule


def left_out_note(number: int) -> Part:
    """A note that says how many parts were left out."""
    return {"type": "mrkdwn", "text": f"*{number:,} more* not shown", "verbatim": True}


CHART_BLOCK = "data_visualization"
"""Slack: for messages only. Two in one message work; the maximum is not documented.

Slack refuses it with `invalid_blocks` in workspaces that don't have it. It isn't documented for
ephemeral messages, so the app never sends it there.
"""
CHART_TYPES = ("line", "bar", "area")
MAX_VALUE = 2**53  # a larger number is not exact in JavaScript

_label = uncut_string(limits.CHART_LABEL)
_title, _axis_label = string(limits.CHART_TITLE), string(limits.CHART_AXIS_LABEL)
_block_id = uncut_string(limits.BLOCK_ID)


def fit_chart(block: Any) -> Part | None:
    """The block with its title and axis labels shortened; None if Slack would still refuse it.

    Labels, names and values are never changed, because the chart would then show something else.
    """
    if not isinstance(block, dict) or not isinstance(block.get("title"), str):
        return None
    title, chart = _title(block["title"]), _fit_series(block.get("chart"))
    if title is None or chart is None:
        return None
    block_id = _block_id(block.get("block_id"))
    named = {} if block_id is None else {"block_id": block_id}
    return {"type": CHART_BLOCK, "title": title, "chart": chart, **named}


def chart_value(count: Any) -> Any:
    """A number for a chart; None if JSON can't represent it, so that the chart is left out."""
    return count if _is_number(count) else None


def _fit_series(chart: Any) -> Part | None:
    """A chart whose series have unique names and one value for each category, in order."""
    if not isinstance(chart, dict) or chart.get("type") not in CHART_TYPES:
        return None
    axes, series = chart.get("axis_config"), chart.get("series")
    if not isinstance(axes, dict) or not _are_objects(series):
        return None
    categories = _distinct_labels(axes.get("categories"), limits.CHART_CATEGORIES)
    names = _distinct_labels([one.get("name") for one in series], limits.CHART_SERIES)
    if categories is None or names is None:
        return None
    if not all(_is_complete(one.get("data"), categories) for one in series):
        return None
    fitted = {"categories": categories, **_axis_labels(axes)}
    return {"type": chart["type"], "series": series, "axis_config": fitted}


def _are_objects(parts: Any) -> TypeGuard[list[Part]]:
    return isinstance(parts, list) and all(isinstance(part, dict) for part in parts)


def _distinct_labels(names: Any, most: int) -> list[str] | None:
    """One to `most` unique labels; None for anything else."""
    if not isinstance(names, list) or not 0 < len(names) <= most or None in map(_label, names):
        return None
    return names if len(set(names)) == len(names) else None


def _axis_labels(axes: Part) -> Part:
    found = {key: axes.get(key) for key in ("x_label", "y_label")}
    fitted = {key: _axis_label(name) for key, name in found.items() if isinstance(name, str)}
    return {key: name for key, name in fitted.items() if name is not None}


def _is_complete(points: Any, categories: list[str]) -> bool:
    if not _are_objects(points):
        return False
    labels = [point.get("label") for point in points]
    return labels == categories and all(_is_number(point.get("value")) for point in points)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= MAX_VALUE


def has_chart(message: Mapping[str, Any]) -> bool:
    return any(_is_chart(block) for block in message.get("blocks") or ())


def limit_charts(blocks: Iterable[Part], most: int) -> list[Part]:
    """The blocks with only the first `most` charts; the other charts are left out."""
    kept: list[Part] = []
    for block in blocks:
        if _is_chart(block):
            most -= 1
            if most < 0:
                continue
        kept.append(block)
    return kept


def _is_chart(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == CHART_BLOCK


def without_chart(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message without its charts; its other blocks show the same data as text."""
    return {**message, "blocks": limit_charts(message.get("blocks") or (), 0)}
