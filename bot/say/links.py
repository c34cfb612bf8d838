"""Links in outside text, shown so that nobody is misled about where they lead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from bot.say.limits import URL
from bot.say.rich_text import Leaf, link, words
from bot.say.text import clean, one_line

LONGEST_HOST = 253  # DNS
LONGEST_LABEL = 300
"""A link and its host stay together, so they must not be long."""

_HOST = re.compile(r"[a-z0-9.-]+")
_LOOKS_LIKE_ADDRESS = re.compile(r"://|\w\.\w{2,}")


def shown_link(url: str, text: str, styles: Iterable[str] = ()) -> list[Leaf]:
    """A web link with its host behind it; any other address in letters, behind the text.

    A text that looks like an address or is very long does not link: the address behind it does.
    """
    label = clean(one_line(text))
    host = web_host(url)
    is_itself = not label or _bare(label) in (_bare(url), _bare(unquote(url)))
    if not host:
        return [words(label if is_itself and label else f"{label} ({clean(url)})", *styles)]
    if is_itself:
        return [link(url, url, *styles)]
    if _LOOKS_LIKE_ADDRESS.search(label) or len(label) > LONGEST_LABEL:
        return [words(f"{label} (", *styles), link(url, url, *styles), words(")", *styles)]
    return [link(url, label, *styles), words(f" ({host})", *styles)]


def web_host(url: str) -> str:
    """The host of an http or https address; empty for what is none, or hides what it is."""
    if len(url) > URL or not url.isascii() or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and "@" not in parts.netloc
        host = parts.hostname or ""
    except ValueError:
        return ""
    is_host = len(host) <= LONGEST_HOST and _HOST.fullmatch(host)
    return host if is_web and is_host else ""


def _bare(address: str) -> str:
    return re.sub(r"\Ahttps?://", "", address.casefold()).rstrip("/")
