"""One line of what an agent wrote, for a list: without the signs of its mark-up."""

from __future__ import annotations

import re

from bot.say.agent_text import read
from bot.say.json_text import pretty
from bot.say.text import ELLIPSIS, one_line, shorten

READS = 20_000  # characters; whether a longer text is JSON is not looked at
SHOWS = 1000  # characters from which the line is made

_NOISE = (
    (re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE), " "),
    (re.compile(r"^[ \t|:-]*--[ \t|:-]*$", re.MULTILINE), " "),  # below the head of a table
    (re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)+", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*[-*+][ \t]+", re.MULTILINE), "• "),
    (re.compile(r"^[ \t]*\||\|[ \t]*$", re.MULTILINE), " "),
    (re.compile(r"[ \t]*\|[ \t]*"), " · "),
    (re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(\*\*|__|~~|(?<!`)`{1,3}(?!`))(?=\S)(.{1,200}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*([^\s*][^*\n]*)\*(?![\w*])"), r"\1"),
)


def excerpt(text: str | None, limit: int) -> str:
    """The beginning of `text` in at most `limit` characters; what is cut ends with "…"."""
    whole = text or ""
    found = read(whole[:READS])
    shown = pretty(found.words, SHOWS) if found.kind == "json" else found.words[:SHOWS]
    if found.kind == "markdown":
        shown = _without_noise(shown)
    if len(whole) > READS or len(found.words) > SHOWS:
        shown += ELLIPSIS
    return shorten(one_line(shown.replace("\\n", " ")), limit)


def _without_noise(words: str) -> str:
    for noise, instead in _NOISE:
        words = noise.sub(instead, words)
    return words
