"""Validates the text, blocks and metadata of a message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.slack.arguments import Arguments, optional
from sandbox.slack.blockkit import Surface, problems
from sandbox.slack.blockkit.schema import is_sendable
from sandbox.slack.blockkit.walk import text_length
from sandbox.slack.errors import ApiError
from sandbox.slack.generated_ids import with_generated_ids

TEXT_LETTERS = 40_000
BLOCK_LETTERS = 13_200
"""Undocumented; seen in slackapi/bolt-js#2509."""


@dataclass(frozen=True, slots=True)
class Content:
    """The text and blocks of a message. All blocks have ids."""

    text: str
    blocks: list[dict[str, Any]]


def content(given: Arguments, surface: Surface = "message") -> Content:
    """Return the content given by the arguments `text` and `blocks`.

    Ephemeral messages can't have charts. Raises `ApiError`: no_text, msg_too_long,
    invalid_blocks_format, invalid_blocks, msg_blocks_too_long.
    """
    text, blocks = optional(given, "text"), given.get("blocks") or []
    if not text and not blocks:
        raise ApiError("no_text")
    if len(text) > TEXT_LETTERS:
        raise ApiError("msg_too_long")
    if not is_sendable(text):
        raise ApiError("invalid_arguments", ["invalid text [json-pointer:/text]"])
    _check(blocks, surface)
    return Content(text, with_generated_ids(blocks))


def _check(blocks: object, surface: Surface) -> None:
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    if found := problems(blocks, surface):
        raise ApiError("invalid_blocks", found)
    if text_length(blocks) > BLOCK_LETTERS:
        raise ApiError("msg_blocks_too_long")


LARGEST = 16_000
"""Bytes. Slack doesn't document the limit."""


def metadata(given: Arguments) -> dict[str, Any]:
    """Return the argument `metadata`, empty by default.

    Raises `ApiError`: invalid_metadata_format, metadata_too_large.
    """
    found = given.get("metadata")
    if not found:
        return {}
    match found:
        case {"event_type": str(kind), "event_payload": dict(payload)} if kind:
            if len(json.dumps(payload).encode()) > LARGEST:
                raise ApiError("metadata_too_large")
            return {"event_type": kind, "event_payload": payload}
    raise ApiError("invalid_metadata_format")
