"""Records the app's payloads and Slack's responses."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class SentPayload:
    """A payload; `via` is "ack", "response_url" or a Web API method.

    `user_id` is the user it was meant for; empty if everyone can see it.
    """

    via: str
    payload: Any
    answer: Any
    user_id: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"via": self.via, "payload": self.payload, "answer": self.answer}


class Journal:
    """The newest entries, oldest first. `count` is the number of all entries so far."""

    def __init__(self) -> None:
        self._entries: deque[SentPayload] = deque(maxlen=MAX_ENTRIES)
        self.count = 0

    def add(self, sent: SentPayload) -> None:
        self._entries.append(sent)
        self.count += 1

    def since(self, count: int, user_id: str) -> list[SentPayload]:
        """Return the entries after the first `count` that were for this user or for everyone."""
        new = min(self.count - count, len(self._entries))
        entries = list(self._entries)[len(self._entries) - new :]
        return [sent for sent in entries if sent.user_id in ("", user_id)]
