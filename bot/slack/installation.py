"""Checks that a request belongs to the app's own installation, workspace and users."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import NotOurs
from bot.slack.errors import SLACK_ERRORS, error_name, refuses_token, retry_seconds

logger = logging.getLogger(__name__)

IDENTIFY_TIMEOUT_SECONDS = 1.5
"""Slack waits 3 s for an answer to a request."""

IDENTIFY_RETRY_SECONDS = 5.0

APP_EVENTS = {"app_uninstalled", "tokens_revoked"}

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Identity:
    """The workspace and the app of the bot token; `enterprise_id` and `app_id` may be empty."""

    team_id: str
    enterprise_id: str
    app_id: str


class Installation:
    """Checks requests. Slack is asked once, when the process starts, and not for each request.

    `allow_outsiders`: people of other organizations in shared channels may use the app, too.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders
        self._identity: Identity | None = None
        self._lock, self._asked_at = asyncio.Lock(), float("-inf")

    async def identify(self) -> Identity | None:
        """Ask Slack, unless it is known or was asked a moment ago; None where it is not known."""
        async with self._lock:
            if self._identity or time.monotonic() - self._asked_at < IDENTIFY_RETRY_SECONDS:
                return self._identity
            self._asked_at = time.monotonic()
            try:
                async with asyncio.timeout(IDENTIFY_TIMEOUT_SECONDS):
                    self._identity = await self._read_identity()
            except SLACK_ERRORS as error:
                logger.warning("Slack does not say which workspace this is: %s", error_name(error))
            return self._identity

    async def team_id(self) -> str:
        """The workspace of the bot token, asked now; empty if Slack does not accept the token.

        Raises what Slack's trouble is called where that is not known. Slack: auth.test.
        """
        try:
            answer = await self._client.auth_test()
        except SlackApiError as error:
            if not refuses_token(error) and retry_seconds(error) is not None:
                raise
            return ""
        return str(answer["team_id"])

    async def admit(self, body: Body) -> None:
        """Raises NotOurs for a request of another workspace, another app, or an outsider.

        Slack names no workspace for a token that was revoked: what it reports of the app itself is
        admitted then. It is signed with the app's secret, and is about the workspace that it names.
        """
        ours = self._identity or await self.identify()
        if ours is None:
            if (body.get("event") or {}).get("type") in APP_EVENTS:
                return
            raise NotOurs("unknown")
        app_id = str(body.get("api_app_id") or "")
        if ours.app_id and app_id and app_id != ours.app_id:
            raise NotOurs("app")
        if not _is_within(ours, _installed_in(body), _enterprise(body)):
            raise NotOurs("team")
        is_ours = _is_within(ours, _team_of_user(body), _enterprise(body))
        if not is_ours and not self._allow_outsiders:
            raise NotOurs("outsider")

    def in_own_team(self, caller: Caller) -> Caller:
        """The same person as seen from the own workspace, as far as that is known."""
        if self._identity is None:
            return caller
        return Caller(self._identity.team_id, caller.user_id, self._identity.enterprise_id)

    async def _read_identity(self) -> Identity:
        """Slack: auth.test names the workspace and the bot."""
        answer = await self._client.auth_test()
        app_id = await self._app_of(str(answer.get("bot_id") or ""))
        return Identity(str(answer["team_id"]), str(answer.get("enterprise_id") or ""), app_id)

    async def _app_of(self, bot_id: str) -> str:
        """Slack: bots.info, scope users:read. Without it requests of other apps are not refused;
        they would have to be signed with this app's secret.
        """
        try:
            bot = await self._client.bots_info(bot=bot_id)
        except SlackApiError as error:
            logger.warning("Slack does not say which app this is: %s", error_name(error))
            return ""
        return str((bot.get("bot") or {}).get("app_id") or "")


def _is_within(ours: Identity, team_id: str, enterprise_id: str) -> bool:
    """Whether a team is ours. In an organization of Enterprise Grid a request may name none, or
    the organization instead.
    """
    if team_id:
        return team_id in (ours.team_id, ours.enterprise_id)
    return bool(enterprise_id) and enterprise_id == ours.enterprise_id


def _installed_in(body: Body) -> str:
    """The workspace whose installation a request is for.

    Slack: views carry `app_installed_team_id` and events `authorizations`; in a shared channel
    their other ids may be those of another organization.
    """
    view = body.get("view") or {}
    authorized: Body = next(iter(body.get("authorizations") or ()), {})
    found = view.get("app_installed_team_id") or authorized.get("team_id") or _team(body)
    return str(found or "")


def _team_of_user(body: Body) -> str:
    """The workspace of the person who acts; that of the request where Slack names no other.

    Slack: `app_home_opened` names no team of its user; `team_id` beside it is where it happened,
    while `authorizations` name the workspace of the app, regardless of the user.
    """
    event = body.get("event")
    if event is not None:
        happened_in = body.get("team_id") if event.get("type") == "app_home_opened" else ""
        acts = event.get("user_team") or event.get("source_team") or happened_in
        return str(acts or _installed_in(body))
    user = body.get("user")
    theirs = user.get("team_id") if isinstance(user, Mapping) else ""
    return str(theirs or _team(body) or "")


def _team(body: Body) -> str:
    team = body.get("team")
    return str((team.get("id") if isinstance(team, Mapping) else body.get("team_id")) or "")


def _enterprise(body: Body) -> str:
    enterprise = body.get("enterprise")
    found = enterprise.get("id") if isinstance(enterprise, Mapping) else body.get("enterprise_id")
    return str(found or "")
