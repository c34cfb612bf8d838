"""Rendered text into the payload for Slack, with the defaults that keep outside text plain."""

from __future__ import annotations

import json
from typing import Any

from bot.say.errors import PayloadWrong
from bot.say.limits import VIEW_TYPES
from bot.say.marks import TRUSTED
from bot.say.text import escape

_SHOWN_AROUND_ERROR = 30

# Text of these shows as letters. Any other `text` is taken for mrkdwn, so a new type fails safe.
_LITERAL = frozenset({"plain_text", "text", "link", "raw_text"})
_DEFAULTS: dict[str, dict[str, bool]] = {
    # Slack: `verbatim` keeps names and addresses from becoming links by themselves.
    "mrkdwn": {"verbatim": True},
    # Slack: without it `:smile:` in outside text becomes a picture.
    "plain_text": {"emoji": False},
}
_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}


def load(rendered: str) -> dict[str, Any]:
    """The payload in `rendered`; raises PayloadWrong where it is no JSON object.

    Mrkdwn that was not written with the tag is escaped whole, the message's own `text` included.
    Mrkdwn objects get `verbatim`, plain ones `emoji: false` unless they say otherwise, and messages
    show no previews of links.
    """
    payload = _parse(rendered)
    if not isinstance(payload, dict):
        raise PayloadWrong("a message is one JSON object")
    return _with_defaults(payload, _NO_PREVIEWS) if is_message(payload) else payload


def is_message(payload: dict[str, Any]) -> bool:
    """Whether `payload` is a message: not a view, nor `{"delete_original": true}`."""
    return payload.get("type") not in VIEW_TYPES and ("blocks" in payload or "text" in payload)


def _parse(rendered: str) -> Any:
    try:
        return _read(rendered)
    except json.JSONDecodeError as error:
        around = rendered[max(error.pos - _SHOWN_AROUND_ERROR, 0) : error.pos + _SHOWN_AROUND_ERROR]
        raise PayloadWrong(f"{error.msg} near {around!r}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose inner ones are made already, with its marks resolved."""
    made = dict(pairs)
    if len(made) < len(pairs):
        _refuse_duplicates(pairs)
    kind = str(made.get("type", ""))
    for name, value in made.items():
        if isinstance(value, str):
            made[name] = _settle(value, is_mrkdwn=name == "text" and kind not in _LITERAL)
        elif isinstance(value, list):
            _refuse_marks(value)
    return _with_defaults(made, _DEFAULTS.get(kind, {}))


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    raise PayloadWrong(f"{', '.join(twice)} stands twice in one object")


def _refuse_marks(items: list[Any]) -> None:
    """Strings in a list are never mrkdwn."""
    for item in items:
        if isinstance(item, str):
            _settle(item, is_mrkdwn=False)
        elif isinstance(item, list):
            _refuse_marks(item)


def _with_defaults(part: dict[str, Any], defaults: dict[str, bool]) -> dict[str, Any]:
    """Add what `part` leaves open, at its end: people read payloads too."""
    for name, value in defaults.items():
        part.setdefault(name, value)
    return part


def _settle(text: str, *, is_mrkdwn: bool) -> str:
    if is_mrkdwn:
        return text[1:] if text.startswith(TRUSTED) else escape(text)
    if text.startswith(TRUSTED):
        raise PayloadWrong(f"mrkdwn where only plain text can stand: {text[1:41]!r}")
    return text


_read = json.JSONDecoder(object_pairs_hook=_object).decode
