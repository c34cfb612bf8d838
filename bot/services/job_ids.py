"""Job ids as people give them: bare, in quotes, or in a link to the Management Dashboard."""

from __future__ import annotations

import re
from urllib.parse import unquote

from bot.errors import InvalidInput

MAX_LENGTH = 200  # an id has 24 characters; the contract says only "string"
_IN_LINK = re.compile(r"/logs/jobs/([^/?#\s|>]+)")


def job_id(text: str) -> str:
    """The id that was meant; raises InvalidInput where there is none, or more than one."""
    words = text.strip().strip("<>").strip("`\"'“”‘’ ")
    linked = _IN_LINK.search(words)
    found = unquote(linked[1]) if linked else words
    if not found.strip():
        raise InvalidInput("The job's id is missing", advice="Type it behind the command.")
    if len(found) > MAX_LENGTH or found in {".", ".."} or (not linked and len(found.split()) > 1):
        raise InvalidInput(
            "That is not a job id",
            found[:MAX_LENGTH],
            advice="Give one id, like 68835cc3ef4e8e1425c360ad, or a link to a job.",
        )
    return found
