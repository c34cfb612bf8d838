"""Whose token answers a request: known from the settings, so Slack is not asked."""

from __future__ import annotations

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext


class OneWorkspace(AsyncAuthorize):
    """Bolt's `authorize` for an app installed in one workspace, answered from memory.

    As a function it would be given what it names, and Bolt would look for its names each time.
    """

    def __init__(self, bot_token: str) -> None:
        self._bot_token = bot_token

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            user_id=user_id,
            bot_token=self._bot_token,
        )
