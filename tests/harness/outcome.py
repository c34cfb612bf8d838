"""The result or the exception of a call, for tests that accept both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")
Error = TypeVar("Error", bound=Exception)


def outcome(error: type[Error], call: Callable[[], Given]) -> Given | Error:
    """Return the result of the call, or its exception of this type. Other exceptions are raised."""
    try:
        return call()
    except error as raised:
        return raised
