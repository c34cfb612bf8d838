"""Renders Slack's mrkdwn as HTML. All other markup is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import groupby

from markupsafe import Markup, escape

from sandbox.page.dates import formatted
from sandbox.page.viewer import Reader
from sandbox.terminal import EMOJIS

# Delimiters of placeholders for finished HTML: noncharacters, which no text contains.
_OPEN, _CLOSE = "\ufdd4", "\ufdd5"
_KEPT = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}]")

_PRE = re.compile(r"\n?```(.+?)```\n?", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_ANGLED = re.compile(r"<([^<>\n]*)>")
_EMOJI = re.compile(r":[a-z0-9_+'-]+:")
_STYLED = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^\n]*?\S)\1(?![\w*_~])")
_TAGS = {"*": "b", "_": "i", "~": "s"}
_DATE = re.compile(r"!date\^(\d{1,12})\^([^^|]+)(?:\^([^|]+))?\|(.*)")
_MESSAGE_LINK = re.compile(r"https://slack\.com/archives/(C\w+)/p(\d+)(\d{6})")
_ADDRESS = re.compile(r"(https?://|mailto:)\S+", re.IGNORECASE)
_NOTIFIED = {"!channel", "!here", "!everyone"}


def mrkdwn(text: str, reader: Reader) -> Markup:
    """Render mrkdwn. Line breaks are kept."""
    return _Drawn(reader).all(_MARKS.sub("", text))


def plain(text: str, *, emoji: bool = True) -> Markup:
    """Render plain text. If `emoji`, names between colons become emoji."""
    shown = _EMOJI.sub(lambda found: named_emoji(found[0]), text) if emoji else text
    return escape(shown)


def named_emoji(name: str) -> str:
    """Return 🔍 for `:mag:`. Unknown names stay as they are."""
    return EMOJIS.get(name, name).strip()


def is_address(url: str) -> bool:
    """Whether a URL is http, https or mailto."""
    return bool(_ADDRESS.fullmatch(url))


def link(url: str, words: str = "") -> Markup:
    """Render a link that opens in a new tab. Other kinds of URLs become plain text."""
    if not is_address(url):
        return escape(words or url)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
        url, words or url.removeprefix("mailto:")
    )


def mention(sign: str, name: str, *, is_me: bool = False) -> Markup:
    """Render `@Ada Lovelace` or `#ops`."""
    kind = "mention mention-me" if is_me else "mention"
    return Markup('<span class="{}">{}{}</span>').format(kind, sign, name)


class _Drawn:
    """Renders one text. `_kept` contains finished HTML."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: list[Markup] = []

    def all(self, text: str) -> Markup:
        text = _PRE.sub(lambda found: self._keep(_tag("pre", _letters(found[1].strip("\n")))), text)
        text = _CODE.sub(lambda found: self._keep(_tag("code", _letters(found[1]))), text)
        text = _ANGLED.sub(lambda found: self._keep(self._angled(found[1])), text)
        text = _EMOJI.sub(lambda found: self._keep(escape(named_emoji(found[0]))), text)
        return self._put_back(Markup("").join(self._lines(html.unescape(text).split("\n"))))

    def _lines(self, lines: list[str]) -> Iterator[Markup]:
        """Join consecutive lines that start with > into one quote."""
        for is_quote, group in groupby(lines, lambda line: line.startswith(">")):
            if is_quote:
                quoted = (_styled(line[1:].removeprefix(" ")) for line in group)
                yield _tag("blockquote", Markup("\n").join(quoted))
            else:
                yield Markup("\n").join(map(_styled, group))

    def _keep(self, drawn: Markup) -> str:
        self._kept.append(drawn)
        return f"{_OPEN}{len(self._kept) - 1}{_CLOSE}"

    def _put_back(self, drawn: Markup) -> Markup:
        # The numbers are safe: the input can't contain these characters.
        return Markup(_KEPT.sub(lambda found: str(self._kept[int(found[1])]), str(drawn)))

    def _angled(self, inside: str) -> Markup:
        """Render the content of < and >: a link, a mention or a date."""
        target, _, label = inside.partition("|")
        if target.startswith("@"):
            known = self._reader.person(target[1:])
            return mention("@", label or known, is_me=target[1:] == self._reader.user.id)
        if target.startswith("#"):
            return mention("#", label or self._reader.place(target[1:]))
        if target.startswith("!subteam^"):
            group, is_me = self._reader.user_group(target.removeprefix("!subteam^"))
            return mention("@", label or group, is_me=is_me)
        if target in _NOTIFIED:
            return mention("@", target[1:], is_me=True)
        if found := _DATE.fullmatch(inside):
            return self._date(found)
        if found := _MESSAGE_LINK.fullmatch(target):
            return self._message_link(found, html.unescape(label or target))
        if is_address(html.unescape(target)):
            return link(html.unescape(target), html.unescape(label))
        return _letters(f"<{inside}>")

    def _message_link(self, found: re.Match[str], words: str) -> Markup:
        """Render a link that shows a message of a channel on the page."""
        channel = self._reader.place(found[1])
        address = f"/page/{self._reader.user.name}/{channel}"
        return Markup('<a href="{}" data-go="{}" data-message="{}">{}</a>').format(
            address, channel, f"{found[2]}.{found[3]}", words
        )

    def _date(self, found: re.Match[str]) -> Markup:
        try:
            words = formatted(int(found[1]), html.unescape(found[2]), self._reader)
        except (ValueError, OverflowError, OSError):
            words = html.unescape(found[4])
        return link(html.unescape(found[3]), words) if found[3] else escape(words)


def _styled(text: str) -> Markup:
    """Render nested bold, italic and strikethrough text."""
    drawn, begin = [], 0
    for found in _STYLED.finditer(text):
        drawn += [escape(text[begin : found.start()]), _tag(_TAGS[found[1]], _styled(found[2]))]
        begin = found.end()
    return Markup("").join([*drawn, escape(text[begin:])])


def _tag(name: str, inside: Markup) -> Markup:
    return Markup("<{0}>{1}</{0}>").format(Markup(name), inside)


def _letters(text: str) -> Markup:
    return escape(html.unescape(text))
