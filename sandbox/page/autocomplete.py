"""Completions for the message field: the bot's commands and filters."""

from __future__ import annotations

from functools import cache
from typing import Any

from bot import listeners
from bot.app import SLASH_COMMAND
from bot.services.filters import definitions
from bot.services.filters.definitions import ALL_FILTERS
from bot.slack.decorators import discover

_VALUES = {
    "status": definitions.STATUS_NAMES,
    "type": definitions.TYPE_NAMES,
    "agent-type": definitions.AGENT_TYPE_NAMES,
    "sort": definitions.SORTS,
    "since": ("today", "yesterday", "24h", "7d", "monday"),
    "until": ("today", "yesterday", "24h", "7d", "monday"),
}
_FILTERED = ("[filters]", "[words and filters]")


@cache
def completions() -> dict[str, Any]:
    """Return the completions for the page's script. The first call imports the bot."""
    return {
        "command": SLASH_COMMAND,
        "commands": [
            {
                "words": f"{SLASH_COMMAND} {command.words}",
                "usage": command.usage,
                "summary": command.summary,
                "filtered": command.usage in _FILTERED,
            }
            for command in discover(listeners).commands.values()
        ],
        "filters": [
            {
                "name": f"{known.name}:",
                "example": known.example,
                "meaning": known.meaning,
                "values": list(_VALUES.get(known.name, ())),
            }
            for known in ALL_FILTERS
        ],
    }
