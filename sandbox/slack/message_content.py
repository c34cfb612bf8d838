"""What a message says: its text and blocks, as far as Slack takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.slack.arguments import Arguments, optional
from sandbox.slack.blockkit import Surface, problems
from sandbox.slack.blockkit.schema import is_sendable
from sandbox.slack.blockkit.walk import text_length
from sandbox.slack.errors import Refused
from sandbox.slack.generated_ids import named_blocks

TEXT_LETTERS = 40_000
BLOCK_LETTERS = 13_200
"""Undocumented; seen in slackapi/bolt-js#2509."""


@dataclass(frozen=True, slots=True)
class Content:
    """Blocks carry all their ids."""

    text: str
    blocks: list[dict[str, Any]]


def content(given: Arguments, surface: Surface = "message") -> Content:
    """The content of a message from the arguments `text` and `blocks`.

    An `ephemeral` one takes no charts.
    Refused: no_text, msg_too_long, invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
    """
    text, blocks = optional(given, "text"), given.get("blocks") or []
    if not text and not blocks:
        raise Refused("no_text")
    if len(text) > TEXT_LETTERS:
        raise Refused("msg_too_long")
    if not is_sendable(text):
        raise Refused("invalid_arguments", ["invalid text [json-pointer:/text]"])
    _check(blocks, surface)
    return Content(text, named_blocks(blocks))


def _check(blocks: object, surface: Surface) -> None:
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if found := problems(blocks, surface):
        raise Refused("invalid_blocks", found)
    if text_length(blocks) > BLOCK_LETTERS:
        raise Refused("msg_blocks_too_long")
