"""Rules that concern more than one block, such as unique ids.

The blocks have already passed the schemas, so all required fields exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sandbox.slack.blockkit.blocks import MARKDOWN_LETTERS
from sandbox.slack.blockkit.walk import elements, options

CHARTS = 2
"""Undocumented; reported by other developers."""


def cross_problems(blocks: Any, root: str) -> list[str]:
    return [*_blocks(blocks, root), *_each(blocks, root), *_charts(blocks, root)]


def _blocks(blocks: Sequence[Any], root: str) -> Iterator[str]:
    for block_id in _duplicates(b["block_id"] for b in blocks if "block_id" in b):
        yield f'`block_id` "{block_id}" already exists [json-pointer:{root}]'
    if sum(b["type"] == "table" for b in blocks) > 1:
        yield f"only one `table` block is allowed [json-pointer:{root}]"
    if sum(b["type"] == "data_visualization" for b in blocks) > CHARTS:
        yield f"only {CHARTS} `data_visualization` blocks are allowed [json-pointer:{root}]"
    if sum(len(b["text"]) for b in blocks if b["type"] == "markdown") > MARKDOWN_LETTERS:
        yield (
            f"`markdown` blocks must be less than {MARKDOWN_LETTERS + 1} characters together"
            f" [json-pointer:{root}]"
        )
    if sum(e.get("focus_on_load", False) for b in blocks for e in elements(b)) > 1:
        yield f"only one element may have `focus_on_load` [json-pointer:{root}]"


def _each(blocks: Sequence[Any], root: str) -> Iterator[str]:
    for place, block in enumerate(blocks):
        inside = list(elements(block))
        for action_id in _duplicates(e["action_id"] for e in inside if "action_id" in e):
            yield (
                f'`action_id` "{action_id}" already exists for the given `block_id`'
                f" [json-pointer:{root}/{place}]"
            )
        for element in inside:
            if element["type"] != "external_select" and any(
                chosen not in options(element) for chosen in _initial(element)
            ):
                yield f"initial options must be among the options [json-pointer:{root}/{place}]"


def _charts(blocks: Sequence[Any], root: str) -> Iterator[str]:
    for place, block in enumerate(blocks):
        chart = block["chart"] if block["type"] == "data_visualization" else {}
        pointer = f"[json-pointer:{root}/{place}/chart/series]"
        for name in _duplicates(one["name"] for one in chart.get("series", ())):
            yield f'series name "{name}" already exists {pointer}'
        for one in chart.get("series", ()):
            if [point["label"] for point in one["data"]] != chart["axis_config"]["categories"]:
                yield f"every series must have one value for each category, in order {pointer}"


def _initial(element: dict[str, Any]) -> list[Any]:
    one = [element["initial_option"]] if "initial_option" in element else []
    return one + list(element.get("initial_options", ()))


def _duplicates(names: Iterator[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
