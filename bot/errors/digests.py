"""What can go wrong with digests."""

from __future__ import annotations

from bot.errors.ours import BotError


class NoSuchDigest(BotError):
    """`names` are those of the digests that the channel has; `name` may be empty."""

    template = "no_such_digest"

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(f"{len(names)} there")
        self.name, self.names = name, names


class DigestRefused(BotError):
    """A digest cannot be posted to the channel.

    `reason` is invite (the app must be invited first), gone, archived, direct (not a channel),
    outsiders, or `slack:` and Slack's error code.
    """

    template = "digest_refused"

    def __init__(self, reason: str, channel_id: str = "") -> None:
        super().__init__(reason)
        self.reason, self.channel_id = reason, channel_id
