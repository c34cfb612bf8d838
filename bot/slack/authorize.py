"""Whose token answers a request: known from the settings, so Slack is not asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from slack_bolt.authorization import AuthorizeResult


def authorize_with(bot_token: str) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Bolt's `authorize` for an app installed in one workspace, answered from memory."""

    async def authorize(
        enterprise_id: str | None, team_id: str | None, user_id: str | None
    ) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, user_id=user_id, bot_token=bot_token
        )

    return authorize
