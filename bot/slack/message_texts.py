"""All that a message says, wherever Slack keeps it: its text, its blocks, its attachments."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from bot.slack.typed import unescaped

MOST_PARTS = 5000
MOST_LETTERS = 100_000
"""A message of Slack's has some 40,000 at most; what others attach may have any number."""

_SAYS = frozenset(
    {
        "alt_text",
        "author_name",
        "fallback",
        "footer",
        "from_url",
        "original_url",
        "pretext",
        "text",
        "title",
        "title_link",
        "url",
        "value",
    }
)
_HOLDS = ("text", "blocks", "attachments")


def texts(message: Mapping[str, Any]) -> list[str]:
    """Every text in it, the message's own first, as it was typed; bounded, and raises nothing."""
    found, left = [], MOST_LETTERS
    for text in _walk({name: message.get(name) for name in _HOLDS}):
        if left <= 0:
            break
        found.append(unescaped(text[:left]))
        left -= len(text)
    return found


def _walk(message: Mapping[str, Any]) -> Iterator[str]:
    """Breadth first: however deep something lies, what is near the top comes first."""
    waiting: deque[Any] = deque([message])
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.popleft()
        if isinstance(part, Mapping):
            yield from (v for k, v in part.items() if k in _SAYS and isinstance(v, str) and v)
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part[:MOST_PARTS])
