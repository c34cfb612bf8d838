"""Files: announced, uploaded, then shared in a conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex
from typing import Any

from sandbox.slack.directory import BOT_USER_ID, TEAM_DOMAIN
from sandbox.slack.errors import ApiError
from sandbox.slack.times import Clock


@dataclass(frozen=True, slots=True)
class File:
    """A file; `content` is None until it is uploaded, `channel_id` empty until it is shared.

    `shared_at` is in seconds since 1970. `thread_ts` is the message that the file replies to, if
    any. `alt_text` describes an image for screen readers.
    """

    id: str
    name: str
    length: int
    path: str
    content: bytes | None = None
    title: str = ""
    channel_id: str = ""
    shared_at: float = 0.0
    thread_ts: str = ""
    alt_text: str = ""

    def as_slack(self) -> dict[str, Any]:
        """Return the completed file as Slack shows it to the app."""
        host = f"https://{TEAM_DOMAIN}.slack.com"
        shown = {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "size": self.length,
            "user": BOT_USER_ID,
            "permalink": f"{host}/files/{BOT_USER_ID}/{self.id}/{self.name}",
        }
        return shown | ({"alt_txt": self.alt_text} if self.alt_text else {})

    def as_json(self) -> dict[str, Any]:
        """Return the file as `/sandbox/files` shows it."""
        text = (self.content or b"").decode("utf-8", "replace")
        place = {"channel": self.channel_id, "thread_ts": self.thread_ts or None}
        return self.as_slack() | place | {"content": text}


class Files:
    """All files, in the order they were announced."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, File] = {}
        self._numbers = count(1)

    def announce(self, name: str, length: int, alt_text: str = "") -> File:
        file_id = f"F0{next(self._numbers):08d}"
        path = f"/upload/v1/{token_hex(12)}"
        file = File(file_id, name, length, path, alt_text=alt_text)
        self._all[file_id] = file
        return file

    def upload(self, path: str, content: bytes) -> bool:
        """Store the content if `path` was issued for this number of bytes.

        Return whether it was.
        """
        for file in self._all.values():
            if file.path == path and file.length == len(content):
                self._all[file.id] = replace(file, content=content)
                return True
        return False

    def share(self, file_id: str, title: str, channel_id: str, thread_ts: str = "") -> File:
        """Share a file. Raises `ApiError`: file_not_found, also if nothing was uploaded."""
        file = self._all.get(file_id)
        if file is None or file.content is None:
            raise ApiError("file_not_found")
        shared = replace(
            file,
            title=title or file.name,
            channel_id=channel_id,
            thread_ts=thread_ts,
            shared_at=self._clock(),
        )
        self._all[file_id] = shared
        return shared

    def seen_in(self, channel_ids: set[str]) -> list[File]:
        return [file for file in self._all.values() if file.channel_id in channel_ids]

    def clear(self) -> None:
        self._all.clear()
