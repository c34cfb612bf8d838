"""Fits Slack's chart block to its limits, or leaves the chart out.

Slack: block `data_visualization`, for messages only. Two in one message work; the maximum is not
documented. Slack refuses it with `invalid_blocks` in workspaces that don't have it. It isn't
documented for ephemeral messages, so the app never sends it there.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from bot.rendering.blockkit import limits
from bot.rendering.blockkit.rules import CHART_BLOCK, Part, string, uncut_string

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
