"""Fills in the inputs of a view by their labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from sandbox.slack.actor import Actor
from sandbox.slack.errors import NotFound
from sandbox.slack.inputs import lacking
from sandbox.slack.interactive_elements import FoundElement, SettableElement
from sandbox.slack.select_options import set_value
from sandbox.slack.values import Given
from sandbox.slack.views import View


async def fill_in(
    http: httpx.AsyncClient, actor: Actor, view: View, values: Mapping[str, Given]
) -> None:
    """Set `values` of inputs by their label or block_id. Raises `NotFound`."""
    for name, given in values.items():
        block = _named(_inputs(view), name)
        await set_value(
            http, actor, FoundElement(view, SettableElement(block, block["element"])), given
        )


def missing(view: View) -> dict[str, str]:
    """Return Slack's own errors that prevent a submission: block_id → message."""
    problems = {
        block["block_id"]: lacking(
            block, view.state[block["block_id"]][block["element"]["action_id"]]
        )
        for block in _inputs(view)
    }
    return {block_id: words for block_id, words in problems.items() if words}


def _inputs(view: View) -> list[dict[str, Any]]:
    return [block for block in view.content["blocks"] if block["type"] == "input"]


def _named(inputs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for block in inputs:
        if name in (block["block_id"], block["label"]["text"]):
            return block
    labels = ", ".join(block["label"]["text"] for block in inputs)
    raise NotFound(f"no input {name!r}; there are: {labels}")
