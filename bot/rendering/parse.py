"""Parses rendered templates: JSON with marks that tell our text from untrusted text."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.rendering.blockkit.limits import VIEW_TYPES
from bot.rendering.text import escape


class InvalidPayload(ValueError):
    """A payload that Slack would refuse, and that may not be shortened into shape."""


class InvalidTemplate(Exception):
    """A template, its facts or its example is wrong.

    `name` is the template's ("jobs/list"), `line` counts from 1 and is 0 where it is not known.
    """

    def __init__(self, name: str, problem: str, line: int = 0) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {problem}")
        self.name, self.line, self.problem = name, line, problem


TRUSTED = "\ufdd0"
"""Begins a mrkdwn text that is escaped already, wherever it needs to be."""

_GAP = "\ufdd1"
_BREAK = "\ufdd2"
_TEMPLATE_SPACE = re.compile(r"[ \t\r\n]+")
_BREAK_IN_GAPS = re.compile(f"{_GAP}*{_BREAK}{_GAP}*")
_GAPS = re.compile(f"{_GAP}+")


class TrustedText(str):
    """Mrkdwn written by a filter of ours: escaped already where it holds outside text."""

    __slots__ = ()


class Newline:
    """What `{{ newline }}` stands for within the tags."""

    mark = _BREAK


def mark_space(template_words: str) -> str:
    """Words of a template with their white space marked as ours."""
    return _TEMPLATE_SPACE.sub(_GAP, template_words)


def settle_space(text: str) -> str:
    """Marked space as people see it: one a run, none at the ends or beside `{{ newline }}`."""
    if _BREAK in text:
        text = _BREAK_IN_GAPS.sub("\n", text)
    if _GAP * 2 in text:
        text = _GAPS.sub(_GAP, text)
    return text.replace(_GAP, " ").strip()


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


def parse_payload(rendered: str) -> dict[str, Any]:
    """The payload in `rendered`; raises PayloadWrong where it is no JSON object.

    Mrkdwn that was not written with the tag is escaped whole, the message's own `text` included.
    Mrkdwn objects get `verbatim`, plain ones `emoji: false` unless they say otherwise, and messages
    show no previews of links.
    """
    payload = _parse(rendered)
    if not isinstance(payload, dict):
        raise InvalidPayload("a message is one JSON object")
    return _with_defaults(payload, _NO_PREVIEWS) if is_message(payload) else payload


def is_message(payload: dict[str, Any]) -> bool:
    """Whether `payload` is a message: not a view, nor `{"delete_original": true}`."""
    return payload.get("type") not in VIEW_TYPES and ("blocks" in payload or "text" in payload)


def _parse(rendered: str) -> Any:
    try:
        return _read(rendered)
    except json.JSONDecodeError as error:
        around = rendered[max(error.pos - _SHOWN_AROUND_ERROR, 0) : error.pos + _SHOWN_AROUND_ERROR]
        raise InvalidPayload(f"{error.msg} near {around!r}") from None


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
    raise InvalidPayload(f"{', '.join(twice)} stands twice in one object")


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
        raise InvalidPayload(f"mrkdwn where only plain text can stand: {text[1:41]!r}")
    return text


_read = json.JSONDecoder(object_pairs_hook=_object).decode
