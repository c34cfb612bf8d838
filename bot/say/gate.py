"""The gate between a rendered message and Slack: what passes is within every limit of Slack's.

Too long a text is shortened and ends with "…"; too many blocks, fields or context elements end with
"n more". Buttons, options, charts and whatever else cannot say so are left out where they do not
fit, and an id, an address or a value is never cut. The message itself is never lost.
"""

from __future__ import annotations

from typing import Any

from bot.say import limits
from bot.say.blocks import fit_blocks
from bot.say.budget import ROOM_FOR_COUNT, within_budget
from bot.say.chart import first_charts
from bot.say.cut import cut
from bot.say.elements import fit_option_groups, fit_options
from bot.say.errors import PayloadWrong
from bot.say.load import is_message
from bot.say.rules import Part, count_left_out, object_of, title
from bot.say.text import ELLIPSIS, is_blank

_NEVER_CUT = {
    "private_metadata": limits.PRIVATE_METADATA,
    "callback_id": limits.CALLBACK_ID,
    "external_id": limits.EXTERNAL_ID,
}
_view_words = object_of({key: title(limits.VIEW_TITLE) for key in ("title", "submit", "close")})
_suggestions = {"options": fit_options, "option_groups": fit_option_groups}


def gate(payload: dict[str, Any]) -> dict[str, Any]:
    """`payload` (a message, a view, an answer holding a view, suggestions) as Slack takes it.

    Raises PayloadWrong for what only a template can mend: two equal action ids in a block, or a
    `private_metadata`, `callback_id` or `external_id` that is too long. Passing the gate twice
    changes nothing more; `payload` itself stays as it is.
    """
    if payload.get("type") in limits.VIEW_TYPES:
        return _view(payload)
    fitted = _message(payload) if is_message(payload) else dict(payload)
    if isinstance(fitted.get("view"), dict):
        fitted["view"] = gate(fitted["view"])
    for key in fitted.keys() & _suggestions.keys():
        fitted[key] = _suggestions[key](fitted[key]) or []
    return fitted


def _view(view: Part) -> Part:
    for key, limit in _NEVER_CUT.items():
        if len(view.get(key) or "") > limit:
            raise PayloadWrong(f"{key} has {len(view[key])} characters, {limit} fit")
    blocks = first_charts(fit_blocks(view.get("blocks")), 0)  # they are for messages only
    kept, left_out = _first(blocks, limits.VIEW_BLOCKS)
    # What a modal cannot remember is left out, as a button that cannot.
    known = {key: part for key, part in view.items() if key not in _NEVER_CUT or part is not None}
    fitted: Part = _view_words(known)
    return fitted | {"blocks": _told(kept, left_out, ELLIPSIS)}


def _message(message: Part) -> Part:
    words = message.get("text")
    text = ELLIPSIS if is_blank(words) else cut(str(words), limits.MESSAGE_TEXT)
    fitted = dict(message)
    if "text" in message:
        fitted["text"] = text
    if "blocks" in message:
        fitted["blocks"] = _message_blocks(message["blocks"], text)
    return fitted


def _message_blocks(blocks: Any, text: str) -> list[Part]:
    fitted = first_charts(fit_blocks(blocks), limits.CHARTS)
    kept, left_out = _first(fitted, limits.MESSAGE_BLOCKS)
    within = within_budget(kept, ROOM_FOR_COUNT if left_out else 0)
    return _told(within, len(fitted) - len(within), text)


def _first(blocks: list[Part], limit: int) -> tuple[list[Part], int]:
    """The blocks that fit beside a last one that counts the others, and how many those are."""
    if len(blocks) <= limit:
        return blocks, 0
    return blocks[: limit - 1], len(blocks) - limit + 1


def _told(kept: list[Part], left_out: int, text: str) -> list[Part]:
    """`kept`, or `text` where nothing is, and how many blocks were left out."""
    shown = kept or [{"type": "section", "text": _mrkdwn(text)}]
    if not left_out:
        return shown
    return [*shown, {"type": "context", "elements": [count_left_out(left_out)]}]


def _mrkdwn(text: str) -> Part:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
