"""The Home tab — the user's tenants, failures, running jobs, digests, alerts and watches."""

from __future__ import annotations

from bot.rendering import buttons
from bot.slack.decorators import action, event
from bot.slack.home import HomeTab


@event("app_home_opened", audit=None)
async def open_home(home: HomeTab) -> None:
    """Show cached data first, then refresh it; Slack also sends this event for the Messages tab."""
    await home.open()


@action(buttons.HOME_OPEN_REFRESH, audit=None)
async def refresh(home: HomeTab) -> None:
    await home.refresh()
