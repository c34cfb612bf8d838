"""The Block Kit validator accepts what Slack accepts, and locates each error."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.blockkit import Surface, problems
from tests.sandbox.slack.refused_blocks import REFUSED
from tests.sandbox.slack.samples import actions, button, cell, chart, table
from tests.sandbox.slack.taken_blocks import TAKEN


@pytest.mark.parametrize("blocks", TAKEN.values(), ids=TAKEN)
def test_valid_blocks_have_no_errors(blocks: list[Any]) -> None:
    """Blocks at every limit are valid."""
    assert problems(blocks, "message") == []


@pytest.mark.parametrize(("blocks", "words", "pointer"), REFUSED.values(), ids=REFUSED)
def test_each_error_has_its_json_pointer(blocks: list[Any], words: str, pointer: str) -> None:
    """Each broken rule is the only error, with Slack's message and a JSON pointer."""
    assert problems(blocks, "message") == [f"{words} [json-pointer:{pointer}]"]


def test_an_action_id_may_come_again_in_another_block() -> None:
    """An action_id may be reused in another block."""
    assert problems([actions(button()), actions(button())], "message") == []


@pytest.mark.parametrize("surface", ["ephemeral", "modal", "home"])
def test_charts_are_for_messages_to_all_only(surface: Surface) -> None:
    """Charts are accepted only in non-ephemeral messages."""
    unsupported = "unsupported type: data_visualization [json-pointer:/blocks/0/type]"
    assert problems([chart()], surface) == [unsupported]


@pytest.mark.parametrize("surface", ["modal", "home"])
@pytest.mark.parametrize("block", [{"type": "markdown", "text": "x"}, table([cell()])])
def test_some_blocks_are_for_messages_only(surface: Surface, block: dict[str, Any]) -> None:
    """Markdown and tables are refused in views."""
    unsupported = f"unsupported type: {block['type']} [json-pointer:/blocks/0/type]"
    assert problems([block], surface) == [unsupported]


@pytest.mark.parametrize(
    ("surface", "is_taken"), [("modal", True), ("home", False), ("message", False)]
)
def test_alerts_are_for_modals_only(surface: Surface, is_taken: bool) -> None:
    """Alerts are refused in messages and the Home tab."""
    alert = {"type": "alert", "level": "warning", "text": {"type": "mrkdwn", "text": "x" * 200}}
    assert (problems([alert], surface) == []) is is_taken


@pytest.mark.parametrize("surface", ["modal", "home"])
def test_a_view_holds_100_blocks(surface: Surface) -> None:
    """A view can have 100 blocks."""
    assert problems([{"type": "divider"}] * 100, surface) == []
    too_many = ["no more than 100 items allowed [json-pointer:/blocks]"]
    assert problems([{"type": "divider"}] * 101, surface) == too_many


@pytest.mark.parametrize("blocks", [None, {}, "[]", 7])
def test_only_an_array_can_be_blocks(blocks: object) -> None:
    """Anything but an array is refused without an exception."""
    assert problems(blocks, "message") == ["must provide an array [json-pointer:/blocks]"]
