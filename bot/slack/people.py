"""What Slack knows about the person who acts, and messages to others about what they did."""

from __future__ import annotations

import logging
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.errors import NotInChannel
from bot.models import Caller
from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.presence import UNSEEN
from bot.slack.refusals import TROUBLE, named, word

logger = logging.getLogger(__name__)

ADMIN = ("is_admin", "is_owner", "is_primary_owner")
PAGE = 999  # Slack: at most, of conversations.members
MOST_PAGES = 20


class People:
    """The person behind one request."""

    def __init__(self, say: Say, incoming: Incoming) -> None:
        self._say, self._incoming = say, incoming

    @property
    def caller(self) -> Caller:
        return self._incoming.caller

    async def is_admin(self) -> bool:
        """Whether they administer the workspace. Slack: users.info, scope users:read."""
        answer = await self._incoming.client.users_info(user=self.caller.user_id)
        user = answer["user"]
        is_ours = user.get("team_id") in (None, self.caller.team_id)
        return is_ours and any(user.get(name) for name in ADMIN)

    async def must_be_in(self, channel_id: str) -> None:
        """Raises NotInChannel unless they act in that channel, or are a member of it.

        Slack: conversations.members, scopes channels:read, groups:read.
        """
        if channel_id == self._incoming.channel_id:
            return
        try:
            is_member = await self._is_member(channel_id)
        except SlackApiError as error:
            if word(error) not in UNSEEN:
                raise
            raise NotInChannel(channel_id, known=False) from error
        if not is_member:
            raise NotInChannel(channel_id)

    async def notify(self, other: Caller, template: str, /, **facts: Any) -> None:
        """A direct message to somebody else about what this person did to something of theirs.

        It is done already: where Slack refuses the message, the log says so.
        """
        actor = self._incoming.caller
        if other.user_id == actor.user_id:
            return
        message: dict[str, Any] = self._say.render(template, by=actor.user_id, **facts)
        try:
            await self._incoming.client.chat_postMessage(channel=other.user_id, **message)
        except TROUBLE as error:
            logger.warning("an owner is not told of a change: %s", named(error))

    async def _is_member(self, channel_id: str) -> bool:
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = await self._incoming.client.conversations_members(
                channel=channel_id, limit=PAGE, cursor=cursor or None
            )
            if self._incoming.caller.user_id in answer["members"]:
                return True
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return False
        raise NotInChannel(channel_id, known=False)
