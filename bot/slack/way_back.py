"""The button that brings back what a placeholder took away, when the answer is not to replace it.

Slack does not show an ephemeral message to the app again, so it cannot be restored: all there is to
go by is the button that was pressed.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import OutdatedButton
from bot.say import buttons
from bot.say.buttons import JobButton, ListButton, decode


@dataclass(frozen=True, slots=True)
class WayBack:
    """A button: its words, its address and its value."""

    words: str
    action_id: str
    value: str


def way_back(action_id: str, value: str) -> WayBack:
    """To the list or the job that the pressed button belonged to, or to the same press again."""
    try:
        job = decode(value, JobButton)
    except OutdatedButton:
        return WayBack("Try again", action_id, value)
    if job.cursor:
        page = ListButton(job.cursor, job.page).value
        return WayBack("Show the list again", buttons.JOBS_LIST_NEXT, page)
    # A delete is never offered without its question; opening the job leads there.
    return WayBack("Open the job", buttons.JOBS_GET_OPEN, value)
