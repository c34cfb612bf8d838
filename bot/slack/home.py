"""The Home tab of a user: shows cached data at once, then fresh data from Emporix."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from slack_sdk.errors import SlackApiError

from bot.errors import BotError, StoreUnavailable
from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.blockkit.rules import without_chart
from bot.rendering.renderer import Renderer
from bot.services.home import HomeOverview, HomeService
from bot.slack.errors import SLACK_ERRORS, ViewChanged, describe
from bot.slack.request import SlackRequest

logger = logging.getLogger(__name__)

HOME_MAX_AGE_SECONDS = 60.0
HOME_REFRESH_INTERVAL_SECONDS = 5.0
"""The minimum age of data, in seconds, before a refresh reads it from Emporix again."""

Blocks = Sequence[Mapping[str, Any]]


class HomeTab:
    """The Home tab for one request.

    Slack: `hash` identifies the view that the request came from, so that newer views are not
    overwritten. Methods raise StoreUnavailable and the errors of the Web API.
    """

    def __init__(
        self, renderer: Renderer, home_service: HomeService, request: SlackRequest
    ) -> None:
        self._renderer, self._home_service, self._request = renderer, home_service, request
        self._hash = request.home_hash

    async def open(self) -> None:
        """Show the tab; data older than a minute is refreshed."""
        if self._request.is_in_home:
            await self._show(HOME_MAX_AGE_SECONDS)

    async def refresh(self) -> None:
        """Show the tab with fresh data from Emporix."""
        await self._show(HOME_REFRESH_INTERVAL_SECONDS)

    async def redraw(self) -> None:
        """Show the result of an action, even if a newer view is shown."""
        await self._show(HOME_MAX_AGE_SECONDS, overwrites=True)

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        """Render a template and send it; see `send`."""
        await self.send(self._renderer.render(template, **facts), replace=replace)

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None:
        """Show the answer to a click at the top of the tab.

        It is shown even if a newer view was published in the meantime, because an answer can't be
        shown anywhere else. Charts are left out: Slack shows them only in messages.
        """
        message = without_chart(message)
        above = [*message["blocks"], {"type": "divider"}]
        try:
            await self._show(HOME_MAX_AGE_SECONDS, above, overwrites=True)
        except StoreUnavailable:
            bare = self._renderer.render("home/open.bare")
            await self._publish(_with(above, bare), overwrites=True)

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """Return False: a Home tab has no response_url."""
        return False

    async def refresh_if_open(self, *tenants: str) -> None:
        """Refresh the tab after a change elsewhere, if Slack may still show it.

        `tenants` are the tenants whose jobs or permissions changed. The change itself is already
        made, so errors are only logged.
        """
        caller = self._request.caller
        try:
            await self._home_service.store.clear_stats(caller, tenants)
            if not self._request.is_in_home and await self._home_service.store.is_open(caller):
                await self._show(HOME_MAX_AGE_SECONDS, overwrites=True)
        except (BotError, *SLACK_ERRORS) as error:
            logger.warning("a Home tab was not refreshed: %s", describe(error))

    async def _show(self, seconds: float, above: Blocks = (), *, overwrites: bool = False) -> None:
        caller = self._request.caller
        known = await self._home_service.load(caller)
        is_asking = bool(known.older_than(seconds))
        if not await self._publish(
            self._view(known, above, is_asking=is_asking), overwrites=overwrites
        ):
            return
        if is_asking:
            asked = await self._home_service.refresh(caller, known, seconds)
            await self._publish(self._view(asked, above, is_asking=False))

    def _view(self, overview: HomeOverview, above: Blocks, *, is_asking: bool) -> dict[str, Any]:
        view = self._renderer.render("home/open", overview=overview, is_asking=is_asking)
        return _with(above, view)

    async def _publish(self, view: dict[str, Any], *, overwrites: bool = False) -> bool:
        """Publish the view; False if a newer one is shown, unless `overwrites`."""
        if await self._try_publish(view):
            return True
        if not overwrites:
            return False
        self._hash = ""
        return await self._try_publish(view)

    async def _try_publish(self, view: dict[str, Any]) -> bool:
        """Publish the view; False if its hash is outdated.

        Slack: views.publish needs no scope and returns the new hash.
        """
        try:
            answer = await self._request.client.views_publish(
                user_id=self._request.caller.user_id, view=view, hash=self._hash or None
            )
        except SlackApiError as error:
            if not ViewChanged.includes(error):
                raise
            logger.info("a newer Home tab is already shown")
            return False
        self._hash = str(answer["view"].get("hash") or "")
        return True


def _with(above: Blocks, view: Mapping[str, Any]) -> dict[str, Any]:
    return fit_payload({**view, "blocks": [*above, *view["blocks"]]}) if above else dict(view)
