"""Jinja filters and functions of the page's templates for texts, names, dates and files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2s
from typing import Any
from urllib.parse import urlsplit

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from sandbox import terminal
from sandbox.page import charts, dates, file_previews, mrkdwn
from sandbox.page.markdown import markdown
from sandbox.page.viewer import Reader, time_of_day
from sandbox.slack.blockkit.walk import options
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.values import kind_of, selectable_conversations

FOLDED_CHARACTERS, FOLDED_LINE_BREAKS = 600, 5
_HERE = {"127.0.0.1", "localhost"}


@pass_context
def _words(context: Context, text: Mapping[str, Any]) -> Markup:
    """Render a text object, or the top-level text of a message, which is mrkdwn."""
    if text["type"] == "mrkdwn":
        return mrkdwn.mrkdwn(text["text"], context["reader"])
    return mrkdwn.plain(text["text"], emoji=text.get("emoji", True))


def _styled(words: str, style: Mapping[str, bool]) -> Markup:
    """Render the text of a rich text element with its style."""
    tags = {"bold": "b", "italic": "i", "strike": "s", "underline": "u", "code": "code"}
    drawn = escape(words)
    for name, tag in tags.items():
        if style.get(name):
            drawn = Markup("<{0}>{1}</{0}>").format(Markup(tag), drawn)
    return drawn


def _anchor(parts: list[Any]) -> str:
    """Return an HTML id for an element, whatever its block and action ids contain."""
    return "e" + blake2s("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:12]


@pass_context
def _day(context: Context, then: datetime) -> str:
    return dates.day(then, context["reader"])


@pass_context
def _date(context: Context, leaf: Mapping[str, Any]) -> Markup:
    """Render a date of rich text, as a link if it has one."""
    try:
        words = dates.formatted(leaf["timestamp"], leaf["format"], context["reader"])
    except (ValueError, OverflowError, OSError):
        words = leaf.get("fallback", "")
    return mrkdwn.link(leaf["url"], words) if leaf.get("url") else escape(words)


@pass_context
def _conversations(context: Context, element: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the ids that a select offers, with their labels."""
    reader: Reader = context["reader"]
    return [
        (channel.id, ("" if kind_of(channel) == "im" else "# ") + reader.place(channel.id))
        for channel in selectable_conversations(element, reader.directory, reader.user)
    ]


@pass_context
def _people(context: Context) -> list[tuple[str, str]]:
    """Return the ids of all users, with their names."""
    reader: Reader = context["reader"]
    return [(user.id, user.real_name) for user in reader.directory.users.values()]


def _is_here(url: str) -> bool:
    """Whether an image is on this machine. The page loads no other images."""
    return urlsplit(url).hostname in _HERE


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2]).upper()


def _is_long(text: str) -> bool:
    """Return whether Slack folds the text of a section behind "See more".

    Slack doesn't document the limits; these are the lowest that other developers report.
    """
    return len(text) > FOLDED_CHARACTERS or text.count("\n") >= FOLDED_LINE_BREAKS


FILTERS: Mapping[str, Any] = {
    "is_long": _is_long,
    "notification": terminal.words,
    "words": _words,
    "styled": _styled,
    "anchor": _anchor,
    "day": _day,
    "clock": time_of_day,
    "markdown": markdown,
    "emoji": mrkdwn.named_emoji,
    "link": mrkdwn.link,
    "is_here": _is_here,
    "options": options,
    "initials": _initials,
    **file_previews.FILTERS,
    **charts.FILTERS,
}
FUNCTIONS: Mapping[str, Any] = {
    "mention": mrkdwn.mention,
    "conversations": _conversations,
    "people": _people,
    "date": _date,
    "APP": BOT_USER_ID,
}
