"""What Slack knows about the person who acts."""

from __future__ import annotations

from bot.slack.incoming import Incoming

ADMIN = ("is_admin", "is_owner", "is_primary_owner")


class People:
    """The person behind one request."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    async def is_admin(self) -> bool:
        """Whether they administer the workspace. Slack: users.info, scope users:read."""
        answer = await self._incoming.client.users_info(user=self._incoming.caller.user_id)
        return any(answer["user"].get(name) for name in ADMIN)
