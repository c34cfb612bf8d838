"""Slack's rate limits for messages: per channel and second, per workspace and minute."""

from __future__ import annotations

import math
from collections import deque

from sandbox.slack.errors import RateLimited
from sandbox.slack.times import Clock

CHANNEL_SECONDS = 1.0
WINDOW_SECONDS = 60.0


class PostLimits:
    """Counts messages, except refused ones.

    `a_minute` is the workspace's limit, which Slack documents as "several hundred". Both limits are
    off by default, because a test's clock that stands still would refuse every second message.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._recent: deque[float] = deque()
        self.by_channel = False
        self.a_minute: int | None = None
        self.refused = 0

    def take(self, channel_id: str) -> None:
        """Count a message. Raises `RateLimited` if it exceeds a limit."""
        now = self._clock()
        wait = max(self._of_channel(channel_id, now), self._of_workspace(now))
        if wait > 0:
            self.refused += 1
            raise RateLimited(math.ceil(wait))
        self._last[channel_id] = now
        self._recent.append(now)

    def _of_channel(self, channel_id: str, now: float) -> float:
        if not self.by_channel or channel_id not in self._last:
            return 0
        return self._last[channel_id] + CHANNEL_SECONDS - now

    def _of_workspace(self, now: float) -> float:
        while self._recent and self._recent[0] <= now - WINDOW_SECONDS:
            self._recent.popleft()
        if self.a_minute is None or len(self._recent) < self.a_minute:
            return 0
        return self._recent[0] + WINDOW_SECONDS - now
