"""Payloads in the view of libraries that others maintain."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rendering.renderer import Renderer, examples
from tests.rendering.third_party import third_party_problems

RENDERER = Renderer.default()
PAYLOADS = [
    pytest.param(payload, id=f"{name}: {shown}")
    for name in RENDERER.templates()
    for shown, facts in examples(RENDERER, name).items()
    if "blocks" in (payload := RENDERER.render(name, **facts))
]


def button(**fields: Any) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Open"}
    return {"type": "button", "action_id": "open", "text": text, **fields}


def message(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"text": "Jobs", "blocks": list(blocks)}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_examples_are_valid(payload: dict[str, Any]) -> None:
    """blockkit and slack_sdk accept every example of every template."""
    assert third_party_problems(payload) == []


@pytest.mark.parametrize(
    "payload",
    [
        message({"type": "actions", "elements": [button(colour="red")]}),
        message({"type": "actions", "elements": [button(accessibility_label="x" * 76)]}),
        message({"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}),
        message({"type": "section"}),
        message({"type": "header", "text": {"type": "mrkdwn", "text": "*Jobs*"}}),
        {
            "type": "modal",
            "title": {"type": "plain_text", "text": "x" * 25},
            "blocks": [{"type": "divider"}],
        },
    ],
)
def test_invalid_payloads_are_refused(payload: dict[str, Any]) -> None:
    """An unknown field, a text that is too long, and a missing or wrong text are refused."""
    assert third_party_problems(payload) != []
