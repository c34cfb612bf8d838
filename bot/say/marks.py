"""How words of ours are told from outside text between a template and its payload.

The marks are Unicode non-characters: `bot.say.text.clean` takes them out of every outside value, so
nobody else can write one.
"""

from __future__ import annotations

import re

TRUSTED = "\ufdd0"
"""Begins a mrkdwn text that is escaped already, wherever it needs to be."""

_GAP = "\ufdd1"
_BREAK = "\ufdd2"
_TEMPLATE_SPACE = re.compile(r"[ \t\r\n]+")
_BREAK_IN_GAPS = re.compile(f"{_GAP}*{_BREAK}{_GAP}*")
_GAPS = re.compile(f"{_GAP}+")


class Ours(str):
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
