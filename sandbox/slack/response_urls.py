"""response_urls: each valid for 5 uses within 30 minutes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex

from sandbox.slack.directory import TEAM_ID
from sandbox.slack.times import Clock

USES = 5
LIFE_SECONDS = 30 * 60.0


class UrlGone(Exception):
    """The response_url can't be used.

    The message is Slack's error, sent with a 404: used_url, expired_url or no_such_url.
    """


@dataclass(frozen=True, slots=True)
class ResponseUrl:
    """A response_url; `original` is the timestamp of the clicked message, or empty."""

    user_id: str
    channel_id: str
    original: str
    expires_at: float
    uses: int = 0


class ResponseUrls:
    """All response_urls by their path on Slack's host."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, ResponseUrl] = {}
        self._numbers = count(1)

    def new(self, user_id: str, channel_id: str, original: str = "", *, kind: str = "") -> str:
        """Return the path of a new response_url: by default, below /actions/ for a click.

        Slack: `kind` is "app" for a message shortcut.
        """
        number = next(self._numbers)
        kind = kind or ("actions" if original else "commands")
        path = f"/{kind}/{TEAM_ID}/{number}/{token_hex(12)}"
        expires_at = self._clock() + LIFE_SECONDS
        self._all[path] = ResponseUrl(user_id, channel_id, original, expires_at)
        return path

    def find(self, path: str) -> ResponseUrl | None:
        return self._all.get(path)

    def spend(self, path: str) -> ResponseUrl:
        """Count one use; refused messages count too. Raises `UrlGone`."""
        url = self._all.get(path)
        if url is None:
            raise UrlGone("no_such_url")
        if self._clock() > url.expires_at:
            raise UrlGone("expired_url")
        if url.uses >= USES:
            raise UrlGone("used_url")
        self._all[path] = replace(url, uses=url.uses + 1)
        return url
