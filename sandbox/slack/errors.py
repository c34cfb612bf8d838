"""Errors of Slack's Web API, and errors for the users of the stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """`error` is Slack's error code; `messages` become `errors` and `response_metadata`."""

    def __init__(self, error: str, messages: Sequence[str] = (), **more: str) -> None:
        super().__init__(error)
        self.error, self.messages, self.more = error, list(messages), more

    def answer(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.error, **self.more}
        if self.messages:
            body["errors"] = self.messages
            marked = [f"[ERROR] {message}" for message in self.messages]
            body["response_metadata"] = {"messages": marked}
        return body


class RateLimited(Exception):
    """A 429; `seconds` is the value of Retry-After."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class NotFound(Exception):
    """Something that a user wants to use does not exist. The message lists what exists."""


class InvalidRequest(Exception):
    """An invalid request to the stand-in's own endpoints. The message says why."""
