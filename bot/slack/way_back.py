"""The button that brings back what a placeholder took away, when the answer is not to replace it.

Slack does not show an ephemeral message to the app again, so it cannot be restored: all there is to
go by is the button that was pressed.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import OutdatedButton
from bot.say import ids
from bot.say.state import pack, unpack


@dataclass(frozen=True, slots=True)
class WayBack:
    """A button: its words, its address and what it remembers."""

    words: str
    action_id: str
    value: str


def way_back(action_id: str, value: str) -> WayBack:
    """To the list or the job that the pressed button belonged to, or to the same press again."""
    try:
        job = unpack(value, ids.STATE_JOB)
    except OutdatedButton:
        return WayBack("Try again", action_id, value)
    if cursor := job.get("cursor"):
        page = pack(ids.STATE_CURSOR, cursor=cursor, page=job.get("page", 1))
        return WayBack("Show the list again", ids.JOBS_LIST_NEXT, page)
    # A delete is never offered without its question; opening the job leads there.
    return WayBack("Open the job", ids.JOBS_GET_OPEN, value)
