"""The Block Kit check: what Slack takes passes, and what it refuses is named with its place."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.blockkit import Surface, problems
from tests.sandbox.slack.refused_blocks import REFUSED
from tests.sandbox.slack.samples import actions, button, cell, chart, table
from tests.sandbox.slack.taken_blocks import TAKEN


@pytest.mark.parametrize("blocks", TAKEN.values(), ids=TAKEN)
def test_what_slack_takes_has_no_problems(blocks: list[Any]) -> None:
    """Blocks at the very edge of each limit pass."""
    assert problems(blocks, "message") == []


@pytest.mark.parametrize(("blocks", "words", "pointer"), REFUSED.values(), ids=REFUSED)
def test_what_slack_refuses_is_named_with_its_place(
    blocks: list[Any], words: str, pointer: str
) -> None:
    """Each broken rule is the one problem told, in Slack's words and with a JSON pointer."""
    assert problems(blocks, "message") == [f"{words} [json-pointer:{pointer}]"]


def test_an_action_id_may_come_again_in_another_block() -> None:
    """Every row of a list may have its own Open button."""
    assert problems([actions(button()), actions(button())], "message") == []


@pytest.mark.parametrize("surface", ["ephemeral", "modal", "home"])
def test_charts_are_for_messages_to_all_only(surface: Surface) -> None:
    """Slack documents them for messages, and says nothing of ephemeral ones."""
    unsupported = "unsupported type: data_visualization [json-pointer:/blocks/0/type]"
    assert problems([chart()], surface) == [unsupported]


@pytest.mark.parametrize("surface", ["modal", "home"])
@pytest.mark.parametrize("block", [{"type": "markdown", "text": "x"}, table([cell()])])
def test_some_blocks_are_for_messages_only(surface: Surface, block: dict[str, Any]) -> None:
    """Neither markdown nor tables can stand in a view."""
    unsupported = f"unsupported type: {block['type']} [json-pointer:/blocks/0/type]"
    assert problems([block], surface) == [unsupported]


@pytest.mark.parametrize(
    ("surface", "is_taken"), [("modal", True), ("home", False), ("message", False)]
)
def test_alerts_are_for_modals_only(surface: Surface, is_taken: bool) -> None:
    """Neither messages nor Home show them."""
    alert = {"type": "alert", "level": "warning", "text": {"type": "mrkdwn", "text": "x" * 200}}
    assert (problems([alert], surface) == []) is is_taken


@pytest.mark.parametrize("surface", ["modal", "home"])
def test_a_view_holds_100_blocks(surface: Surface) -> None:
    """Views hold twice as many blocks as messages, and no more."""
    assert problems([{"type": "divider"}] * 100, surface) == []
    too_many = ["no more than 100 items allowed [json-pointer:/blocks]"]
    assert problems([{"type": "divider"}] * 101, surface) == too_many


@pytest.mark.parametrize("blocks", [None, {}, "[]", 7])
def test_only_an_array_can_be_blocks(blocks: object) -> None:
    """Anything else than a list is refused, not an error of the stand-in."""
    assert problems(blocks, "message") == ["must provide an array [json-pointer:/blocks]"]
