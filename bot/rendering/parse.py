"""Parses a rendered template into a payload, and escapes all text that is not trusted.

A rendered template is JSON, in which TRUSTED at the start of each text of the mrkdwn tag shows that
its values are already escaped. The tags also mark the template's white space, so that it can be
collapsed without changing the white space of values. All marks are Unicode non-characters, which
`bot.rendering.text.clean` removes from untrusted text.
"""

from __future__ import annotations

import json
import json.encoder
import re
from collections.abc import Iterable
from typing import Any

from jinja2 import Undefined

from bot.rendering.blockkit.limits import VIEW_TYPES
from bot.rendering.text import clean, clean_start, escape


class InvalidPayload(ValueError):
    """A payload that Slack would refuse and that cannot be shortened to fit."""


class InvalidTemplate(Exception):
    """An error in a template, its data or its example.

    `name` is the template's name ("jobs/list"); `line` counts from 1, or is 0 if unknown.
    """

    def __init__(self, name: str, problem: str, line: int = 0) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {problem}")
        self.name, self.line, self.problem = name, line, problem


TRUSTED = "\ufdd0"
"""The first character of a mrkdwn text whose values are already escaped."""

_SPACE_MARK = "\ufdd1"
_NEWLINE_MARK = "\ufdd2"
_TEMPLATE_WHITESPACE = re.compile(r"[ \t\r\n]+")
_NEWLINE_AND_SPACES = re.compile(f"{_SPACE_MARK}*{_NEWLINE_MARK}{_SPACE_MARK}*")
_SPACES = re.compile(f"{_SPACE_MARK}+")


class TrustedText(str):
    """Mrkdwn from a filter or the tag: untrusted text in it is already escaped."""

    __slots__ = ()


class PlainText(str):
    """Text from the tag for plain text: untrusted text in it is already cleaned."""

    __slots__ = ()


class Json(str):
    """Encoded JSON: a value, or the output of a macro that is not a single text."""

    __slots__ = ()

    def strip(self, chars: str | None = None) -> Json:
        """For Jinja's filter `trim`, so that a template can check if a macro wrote anything."""
        return Json(super().strip(chars))


class Newline:
    """The value of `{{ newline }}`: a line break within a tag."""

    mark = _NEWLINE_MARK


def mark_whitespace(template_words: str) -> str:
    """Template text with its white space marked."""
    return _TEMPLATE_WHITESPACE.sub(_SPACE_MARK, template_words)


def collapse_whitespace(text: str) -> str:
    """Replace each run of marks with a space; remove it at the ends and beside `{{ newline }}`."""
    if _NEWLINE_MARK in text:
        text = _NEWLINE_AND_SPACES.sub("\n", text)
    if _SPACE_MARK * 2 in text:
        text = _SPACES.sub(_SPACE_MARK, text)
    return text.replace(_SPACE_MARK, " ").strip()


_ERROR_CONTEXT_LENGTH = 30

# Text of these types is shown unchanged. Any other is treated as mrkdwn, so new types are safe.
_PLAIN_TYPES = frozenset({"plain_text", "text", "link", "raw_text"})
_DEFAULTS: dict[str, dict[str, bool]] = {
    # Slack: with `verbatim`, names and addresses do not become links.
    "mrkdwn": {"verbatim": True},
    # Slack: without this, `:smile:` in untrusted text becomes an emoji.
    "plain_text": {"emoji": False},
}
_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}


def parse_payload(rendered: str) -> dict[str, Any]:
    """The payload in `rendered`; raises InvalidPayload if it is not a JSON object.

    Mrkdwn that was not written with the tag is escaped, including the `text` of the message. By
    default, mrkdwn objects get `verbatim`, plain text gets `emoji: false`, and messages show no
    link previews.
    """
    payload = _decode_payload(rendered)
    if not isinstance(payload, dict):
        raise InvalidPayload("a message is one JSON object")
    return _with_defaults(payload, _NO_PREVIEWS) if is_message(payload) else payload


def is_message(payload: dict[str, Any]) -> bool:
    """Whether `payload` is a message, not a view or `{"delete_original": true}`."""
    return payload.get("type") not in VIEW_TYPES and ("blocks" in payload or "text" in payload)


def _decode_payload(rendered: str) -> Any:
    try:
        return _decode(rendered)
    except json.JSONDecodeError as error:
        around = rendered[
            max(error.pos - _ERROR_CONTEXT_LENGTH, 0) : error.pos + _ERROR_CONTEXT_LENGTH
        ]
        raise InvalidPayload(f"{error.msg} near {around!r}") from None


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object with its texts escaped and its defaults set; called for inner objects first."""
    made = dict(pairs)
    if len(made) < len(pairs):
        _reject_duplicates(pairs)
    kind = str(made.get("type", ""))
    for name, value in made.items():
        if type(value) is str:
            is_trusted = value[:1] == TRUSTED
            if name == "text" and kind not in _PLAIN_TYPES:
                made[name] = value[1:] if is_trusted else escape(value)
            elif is_trusted:
                _reject_trusted_text(value)
        elif type(value) is list:
            for item in value:
                _reject_trusted_text(item)
    return _with_defaults(made, _DEFAULTS[kind]) if kind in _DEFAULTS else made


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    raise InvalidPayload(f"{', '.join(twice)} occurs twice in one object")


def _reject_trusted_text(value: Any) -> None:
    """Raise InvalidPayload for trusted mrkdwn where text is never mrkdwn, as in a list."""
    if isinstance(value, str):
        if value.startswith(TRUSTED):
            raise InvalidPayload(f"mrkdwn where only plain text is allowed: {value[1:41]!r}")
    elif isinstance(value, list):
        for item in value:
            _reject_trusted_text(item)


def _with_defaults(part: dict[str, Any], defaults: dict[str, bool]) -> dict[str, Any]:
    """Add missing defaults at the end of `part`, where readers of payloads expect them."""
    for name, value in defaults.items():
        part.setdefault(name, value)
    return part


_decode = json.JSONDecoder(object_pairs_hook=_build_object).decode


def mrkdwn_whole(text: str) -> TrustedText:
    return TrustedText(collapse_whitespace(text))


def plain_whole(text: str) -> PlainText:
    return PlainText(collapse_whitespace(text))


def mrkdwn_value(value: Any) -> str:
    if type(value) is str:  # a shortcut for the most common case, as below
        return escape(clean_start(value))
    if isinstance(value, Newline):
        return value.mark
    words = _to_text(value)
    return words if isinstance(words, TrustedText) else escape(words)


def plain_value(value: Any) -> str:
    if type(value) is str:
        return clean_start(value)
    if isinstance(value, Newline):
        return value.mark
    words = _to_text(value)
    if isinstance(words, TrustedText):
        raise TypeError("mrkdwn in {% plain %}: it would show its mark-up")
    return words


def encoded(value: Any) -> str:
    """`value` as JSON; the output of a tag or a macro unchanged."""
    kind = type(value)
    if kind is str:
        return Json(_quoted(value if value.isprintable() else clean(value)))
    output: str = value if kind in _OUTPUTS else Json(_to_json(clean(value)))
    return output


_OUTPUTS = frozenset({Json, TrustedText, PlainText})


def joined(pieces: Iterable[str]) -> str:
    """The one output or value in `pieces`, or the JSON of all; strings are the template's own."""
    parts = list(pieces)  # without white space between them, which `TextTags` leaves out
    if len(parts) == 1 and type(parts[0]) is not str:
        return parts[0]
    return Json("".join([as_json(part) if type(part) in _TEXTS else part for part in parts]))


_TEXTS = frozenset({TrustedText, PlainText})


def as_json(part: str) -> str:
    """The JSON of one output of `joined`."""
    if type(part) is TrustedText:
        return _quoted(TRUSTED + part)
    return _quoted(part) if type(part) is PlainText else part


def _reject_type(value: object) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises an error with the missing name
    raise TypeError(f"{{{{ … }}}} cannot contain a {type(value).__name__}: pick one of its fields")


_OUR_TEXTS, _VALUES = (
    (TrustedText, PlainText),
    (str, int, float),
)  # `|` would build a type each time
_quoted = json.encoder.encode_basestring
# `json.dumps` creates an encoder for each call with a non-default option.
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_reject_type).encode


def _to_text(value: Any) -> str:
    """A value as text: `TrustedText` if it is our mrkdwn, otherwise cleaned."""
    if isinstance(value, _OUR_TEXTS):
        return value
    if isinstance(value, Json):
        return _macro_text(value)
    if isinstance(value, Undefined):
        str(value)  # raises an error with the missing name
    if value is None:
        return ""
    if not isinstance(value, _VALUES):
        raise TypeError(f"words cannot contain a {type(value).__name__}: pick one of its fields")
    return clean_start(str.__str__(value) if isinstance(value, str) else str(value))


def _macro_text(output: Json) -> str:
    try:
        words = json.loads(output)
    except ValueError:
        words = None
    if not isinstance(words, str):
        raise TypeError(
            "words can contain a macro only if it returns a single text, written with a tag"
        )
    return str(words)
