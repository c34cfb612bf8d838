"""Finds all errors in blocks or views, with Slack's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sandbox.slack.blockkit.blocks import ON_SURFACE, Surface
from sandbox.slack.blockkit.cross_checks import cross_problems
from sandbox.slack.blockkit.error_messages import error_message
from sandbox.slack.blockkit.schema import compiled
from sandbox.slack.blockkit.views import VIEW

_blocks = {surface: compiled(schema) for surface, schema in ON_SURFACE.items()}
_views = {kind: compiled(schema) for kind, schema in VIEW.items()}


def problems(blocks: object, surface: Surface) -> list[str]:
    """Return Slack's errors for the blocks of a message, modal or Home tab.

    Each error reads like "must be less than 3001 characters [json-pointer:/blocks/0/text/text]".
    """
    found = _messages(_blocks[surface], blocks, "/blocks")
    return found or cross_problems(blocks, "/blocks")


def view_problems(view: object, kind: Literal["modal", "home"]) -> list[str]:
    """Return Slack's errors for a view. Their pointers start with /view."""
    found = _messages(_views[kind], view, "/view")
    if found or not isinstance(view, dict):
        return found
    return [*_missing_submit(view), *cross_problems(view["blocks"], "/view/blocks")]


def _missing_submit(view: Mapping[str, Any]) -> list[str]:
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and "submit" not in view:
        return [
            "must define `submit` to use an `input` block in modals [json-pointer:/view/blocks]"
        ]
    return []


def _messages(validator: Any, instance: object, root: str) -> list[str]:
    return [error_message(error, root) for error in validator.iter_errors(instance)]
