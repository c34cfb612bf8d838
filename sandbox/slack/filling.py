"""How a person fills in a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.slack.inputs import fill, lacking
from sandbox.slack.refusal import Unknown
from sandbox.slack.views import View


def fill_in(view: View, values: Mapping[str, str]) -> dict[str, str]:
    """Put `values` into the inputs whose label or block_id they name; what Slack then misses.

    The answer is block_id → what stands under that input. Raises Unknown for another name.
    """
    inputs = [block for block in view.content["blocks"] if block["type"] == "input"]
    for name, typed in values.items():
        block = _named(inputs, name)
        view.state[block["block_id"]][block["element"]["action_id"]] = fill(block["element"], typed)
    missing = {block["block_id"]: lacking(block, _value(view, block)) for block in inputs}
    return {block_id: words for block_id, words in missing.items() if words}


def _named(inputs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for block in inputs:
        if name in (block["block_id"], block["label"]["text"]):
            return block
    labels = ", ".join(block["label"]["text"] for block in inputs)
    raise Unknown(f"no input {name!r}; there are: {labels}")


def _value(view: View, block: Mapping[str, Any]) -> dict[str, Any]:
    return view.state[block["block_id"]][block["element"]["action_id"]]
