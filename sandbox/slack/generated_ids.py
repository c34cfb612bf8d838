"""Generates the block_ids and action_ids that the app did not set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from itertools import count
from typing import Any

from sandbox.slack.blockkit.walk import elements


def with_generated_ids(blocks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy in which every block and element has an id."""
    copies = [dict(deepcopy(block)) for block in blocks]
    given = {block.get("block_id") for block in copies}
    free = (name for number in count() if (name := f"b{number:03x}") not in given)
    for block in copies:
        if "block_id" not in block:
            block["block_id"] = next(free)
        for place, element in enumerate(elements(block)):
            element.setdefault("action_id", f"a{place:02x}")
    return copies


def view_with_generated_ids(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a view in which every block and element has an id."""
    return {**deepcopy(dict(view)), "blocks": with_generated_ids(view["blocks"])}
